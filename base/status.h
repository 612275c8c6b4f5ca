/* How an operation ended. Operating errors are returned; programmer errors assert. */
#ifndef FLYBALL_BASE_STATUS_H
#define FLYBALL_BASE_STATUS_H

#define MUST_USE __attribute__((warn_unused_result))

enum status {
    STATUS_OK,
    STATUS_FULL,  /* A bounded place has no room. */
    STATUS_EMPTY, /* Nothing there to take. */
    STATUS_NOT_FOUND,
    STATUS_INVALID,     /* The input breaks a rule. */
    STATUS_TOO_LARGE,   /* Larger than its named limit. */
    STATUS_OVERFLOW,    /* Arithmetic left the range of its type. */
    STATUS_CORRUPT,     /* Stored bytes fail their check. */
    STATUS_UNSUPPORTED, /* A version or feature this build does not know. */
    STATUS_NO_SPACE,    /* The disk, or its budget, is full. */
    STATUS_IO,          /* A file call failed. */
    STATUS_LOCKED,      /* Another process holds it. */
    STATUS_CLOSED,      /* It is shutting down. */
    STATUS_TIMED_OUT,
    STATUS_NO_MEMORY,
    STATUS_DISCONNECTED, /* No broker right now. */
};

/* The constant's name in lower case without its prefix, for logs. */
const char *status_name(enum status status);

#endif
