/* The messages the publisher writes: from records of the log, and from what the agent says about itself. Part
 * of the publisher; nobody else includes it. */
#ifndef FLYBALL_AGENT_PUBLISHER_MESSAGES_H
#define FLYBALL_AGENT_PUBLISHER_MESSAGES_H

#include "agent/publisher.h"

/* Hands one publication over and notes it as being on the way for the record at `ref` (RECORD_REF_NONE: none;
 * it then holds no mark). Statuses as publisher_turn's; what can never be sent is dropped with a log line. */
MUST_USE enum status publisher_send(struct publisher *publisher, struct paho_publication *publication,
                                    record_ref ref);

/* Everything one record of the log is owed. Asked again after a failure, it sends all of it again. */
MUST_USE enum status publish_record(struct publisher *publisher, const struct record *record, instant_ms now);

/* The states that waited for their second. */
MUST_USE enum status publish_deferred_states(struct publisher *publisher, struct board_place *place,
                                             instant_ms now);

/* An announcement whose payload is the first `length` bytes of publisher->payload. */
MUST_USE enum status publish_agent_message(struct publisher *publisher, enum announcement_kind kind,
                                           size_t length);

MUST_USE enum status publish_alert(struct publisher *publisher, enum alert_name name,
                                   const struct alert *alert);

#endif
