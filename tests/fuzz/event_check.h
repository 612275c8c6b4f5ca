/* What holds for every message that asks for something, decoded or refused. */
#ifndef FLYBALL_TESTS_FUZZ_EVENT_CHECK_H
#define FLYBALL_TESTS_FUZZ_EVENT_CHECK_H

#include "mqtt/payload.h"

enum { CHECK_PAYLOAD_MAX = 4096 };

/* Root flyball/v1, agent edge-1, the contract's two response prefixes. */
const struct topics *check_topics(void);

/* Limits as by default; an arena of just what payload_arena_bytes asks for, emptied. */
struct payload_context check_context(void);

/* Takes from the input what a message has beside topic and payload: a byte that says what, then the parts. */
struct fuzz_input;
uint8_t check_take_properties(struct fuzz_input *input, struct message *message);
enum { CHECK_FLAG_TOPIC = 1 << 4, CHECK_FLAG_CUT = 1 << 5 };

/* A refused message has a dead letter that can be sent. */
void check_rejection(const struct message *message, const struct rejection *rejection);

/* A decoded event is within the contract's bounds, whatever the message was. */
void check_event(const struct payload_context *context, const struct message *message,
                 const struct decoded_event *decoded);

/* It is decided, and the decision can be sent, stored, and sent again the same to the byte. */
void check_decision(const struct decoded_event *decoded);

/* The same under a policy that was configured, for a stranger. */
void check_decision_under(const struct policy *policy, const struct decoded_event *decoded);

/* Where an answer goes is allowed, or it is the ordinary place. */
void check_address(const struct payload_context *context, const struct message *message,
                   const struct answer_address *address, bool is_ignored);

#endif
