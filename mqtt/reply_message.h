/* Replies to commands as the contract writes them. */
#ifndef FLYBALL_MQTT_REPLY_MESSAGE_H
#define FLYBALL_MQTT_REPLY_MESSAGE_H

#include "agent/governors/command.h"
#include "base/text.h"
#include "mqtt/state_message.h"

enum { REPLY_MESSAGE_MAX = STATE_MESSAGE_MAX + 1024 };

struct reply_message {
    struct name command; /* Its id. */
    enum command_op op;
    enum reply_reason reason; /* REPLY_OK: status ok; else rejected. */
    uint64_t seq;             /* The latest when rejected. */
    struct bytes state;       /* A JSON object made by state_put_fields; length 0 stands for {}. */
    struct bytes cid;         /* Raw JSON; length 0: none. */
};

/* Appends the reply as JSON. */
void reply_message_put(struct text *text, const struct reply_message *reply);

#endif
