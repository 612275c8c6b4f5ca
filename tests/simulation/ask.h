/* One message of a simulated device or operator, sent again until it is answered. */
#ifndef FLYBALL_TESTS_SIMULATION_ASK_H
#define FLYBALL_TESTS_SIMULATION_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/governors/command.h"
#include "agent/runtime/message.h"

enum { ASKS_MAX = 1536, ASK_TEXT_MAX = 40, ASK_TOPIC_MAX = 96, ASK_PAYLOAD_MAX = 768 };

enum ask_kind {
    ASK_EVENT,
    ASK_COMMAND,
    ASK_MALFORMED, /* Leads to a dead letter; nobody waits for it. */
};

/* How its answer is told from others. */
enum ask_match {
    MATCH_KEY, /* By event id, device_seq or command id. */
    MATCH_CID, /* By what it asked to have echoed. */
};

struct ask {
    enum ask_kind kind;
    enum ask_match match;
    uint16_t sender;
    uint16_t subject;
    uint8_t qos;
    char topic[ASK_TOPIC_MAX];
    char payload[ASK_PAYLOAD_MAX];
    uint16_t payload_length;
    uint8_t attributes[160];
    uint16_t attributes_length;
    char response_topic[ASK_TOPIC_MAX]; /* As a property; "": none. */
    char answer_topic[ASK_TOPIC_MAX];   /* Where the answer must come. */
    char cid[ASK_TEXT_MAX];             /* "": none. */
    bool cid_is_property;

    uint64_t key;  /* The event's or command's identity; 0: none. */
    int key_index; /* Of the keys its subject's window must remember; -1: none of them. */
    bool is_peek;

    /* Commands: */
    enum governor_kind governor;
    char id[ASK_TEXT_MAX];
    enum command_op op;
    micro_units amount;
    char name[ASK_TEXT_MAX]; /* A plan or a limit. */
    uint64_t refunded_key;
    uint64_t bytes_hash;

    bool is_answered;
    uint16_t copies; /* On their way with the broker. */
    uint16_t pooled; /* In the agent's pool, undecided. */
    uint32_t sends;
};

struct message ask_message(const struct ask *ask);

/* The identities: of an event by id, by device_seq, of a command. Never 0. */
uint64_t ask_key_of_id(struct bytes subject, struct bytes device, struct bytes id);
uint64_t ask_key_of_device_seq(struct bytes subject, struct bytes device, struct bytes boot,
                               uint64_t device_seq);
uint64_t ask_key_of_command(struct bytes subject, enum governor_kind governor, struct bytes id);

/* What the agent stores as the hash of a command's bytes. */
uint64_t ask_command_hash(struct bytes payload);

#endif
