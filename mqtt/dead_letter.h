/* Messages that could not be understood: why, and what is published about them. */
#ifndef FLYBALL_MQTT_DEAD_LETTER_H
#define FLYBALL_MQTT_DEAD_LETTER_H

#include "base/bytes.h"
#include "base/instant.h"
#include "base/text.h"

enum {
    DEAD_LETTER_PAYLOAD_MAX = 256, /* Bytes of the payload that are shown. */
    DEAD_LETTER_TOPIC_MAX = 1024,  /* Bytes of the topic that are shown. */
    DEAD_LETTER_MESSAGE_MAX = 8192,
};

/* In the contract's order: the first that applies is reported. */
enum dead_letter_reason {
    DEAD_LETTER_BAD_TOPIC,
    DEAD_LETTER_TOO_LARGE,
    DEAD_LETTER_NOT_UTF8,
    DEAD_LETTER_NOT_JSON,
    DEAD_LETTER_TOO_DEEP,
    DEAD_LETTER_DUPLICATE_KEY,
    DEAD_LETTER_IDENTITY_MISMATCH,
    DEAD_LETTER_BAD_ID,
    DEAD_LETTER_BAD_AMOUNT,
    DEAD_LETTER_BAD_COMMAND,
};
enum { DEAD_LETTER_REASONS = 10 };

/* Why a decoder refused a message. */
struct rejection {
    enum dead_letter_reason reason;
    const char *detail; /* A sentence for people; lives forever. */
};

struct dead_letter {
    struct rejection rejection;
    struct bytes topic;   /* As it arrived, any bytes. */
    struct bytes payload; /* As it arrived; its beginning is enough. */
    instant_ms time;
};

const char *dead_letter_reason_name(enum dead_letter_reason reason);

/* Appends the dead letter as JSON; DEAD_LETTER_MESSAGE_MAX is always room enough. Bytes of the topic that are
 * no UTF-8 are shown as U+FFFD. */
void dead_letter_put(struct text *text, const struct dead_letter *letter);

#endif
