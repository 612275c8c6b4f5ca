/* Decisions as the contract writes them. */
#ifndef FLYBALL_MQTT_DECISION_MESSAGE_H
#define FLYBALL_MQTT_DECISION_MESSAGE_H

#include "agent/governors/decision.h"
#include "base/text.h"

enum { DECISION_MESSAGE_MAX = 4096 };

/* What belongs to one delivery of a decision. */
struct decision_echo {
    bool duplicate;   /* The event was seen before: this is its first decision again. */
    struct bytes cid; /* Raw JSON; length 0: none. */
};

/* Appends the decision as JSON; the same input gives the same bytes. DECISION_MESSAGE_MAX is always room
 * enough. */
void decision_message_put(struct text *text, const struct decision *decision, struct decision_echo echo);

#endif
