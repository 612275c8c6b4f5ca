/* The operating system's file calls, of which the Nth fails, whatever it is: once, or with all after it. */
#ifndef FLYBALL_TESTS_FAULTS_FAILING_IO_H
#define FLYBALL_TESTS_FAULTS_FAILING_IO_H

#include <stdbool.h>

#include "base/io.h"

enum file_call {
    CALL_OPEN,
    CALL_PREAD,
    CALL_PWRITE,
    CALL_FDATASYNC,
    CALL_FSYNC,
    CALL_FALLOCATE,
    CALL_FTRUNCATE,
    CALL_FILE_SIZE,
    CALL_CLOSE,
    CALL_RENAME,
    CALL_UNLINK,
    CALL_MKDIR,
    CALL_LIST,
    CALL_LOCK,
};
enum { FILE_CALLS = 14 };

enum fault {
    FAULT_EIO,
    FAULT_ENOSPC,
    FAULT_EINTR, /* If it persists: of reads and writes only, every other one. */
    FAULT_SHORT, /* Reads and writes transfer half of what they could; other calls work. */
};
enum { FAULTS = 4 };

struct failing_io {
    struct io real;
    enum fault fault;
    uint64_t fail_at; /* The call that fails, counting all kinds from 1; 0: none. */
    bool persists;    /* Those after it fail too. */
    uint64_t calls;   /* Made so far, */
    uint64_t calls_of[FILE_CALLS];
    uint64_t failed;            /* and those of them that failed. */
    enum file_call failed_call; /* The first of them. */
    bool sync_failed;           /* An fdatasync failed, */
    uint64_t writes_after_sync; /* and so many pwrites and fdatasyncs were tried since. */
};

/* Nothing fails. */
void failing_io_init(struct failing_io *failing);
/* Counting begins anew; call number `fail_at` fails. */
void failing_io_arm(struct failing_io *failing, enum fault fault, uint64_t fail_at, bool persists);
/* From here on nothing fails; what happened stays to be looked at. */
void failing_io_heal(struct failing_io *failing);

struct io failing_io_calls(struct failing_io *failing);

const char *file_call_name(enum file_call call);
const char *fault_name(enum fault fault);

#endif
