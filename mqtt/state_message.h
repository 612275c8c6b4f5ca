/* A governor's state, as state topics and command replies show it. */
#ifndef FLYBALL_MQTT_STATE_MESSAGE_H
#define FLYBALL_MQTT_STATE_MESSAGE_H

#include "agent/governors/chain.h"
#include "base/text.h"

enum { STATE_MESSAGE_MAX = 16384 }; /* All grants with ids that need every byte escaped. */

/* `report` is chain_report's for the governor to show, made from `states` at `time`. */
struct state_message {
    struct name subject;
    uint64_t seq;
    instant_ms time;
    bool is_set_back; /* Damage took a later state: shown as "set_back": true, else not at all. */
    const struct governor_report *report;
    const struct governor_states *states;
};

/* Appends the state topic's JSON. */
void state_message_put(struct text *text, const struct state_message *message);

/* Appends one governor's object of a decision: verdict, state and its fields. */
void state_put_report(struct text *text, const struct governor_report *report);

/* Appends the same with what only states show (when the entitlement starts and ends, the grants): a reply's
 * "state". */
void state_put_fields(struct text *text, const struct governor_report *report,
                      const struct governor_states *states);

#endif
