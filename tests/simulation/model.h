/* An independent account of what the agent has committed: reads every record of the state log once, in order,
 * over all lives, and knows from them alone what each subject's image must say. */
#ifndef FLYBALL_TESTS_SIMULATION_MODEL_H
#define FLYBALL_TESTS_SIMULATION_MODEL_H

#include "agent/runtime/subject_state.h"
#include "agent/state/ledger.h"
#include "agent/state/reader.h"
#include "tests/simulation/ask.h"
#include "tests/simulation/findings.h"
#include "tests/simulation/model_usage.h"

enum {
    MODEL_SUBJECTS_MAX = 16,
    MODEL_KEYS_MAX = 4096, /* A power of two. */
    MODEL_LIMITS_MAX = 4,
    MODEL_FRAMES_MAX = 1 << 13,
    MODEL_MESSAGES_MAX = 1 << 13,
    MODEL_OWED_MAX = 1 << 13,
};

/* An event's key and what was decided when it first came. */
struct model_key {
    uint64_t key; /* 0: free. */
    uint64_t seq;
    uint64_t answer; /* Hash of the decision as published, but for `duplicate`; 0: not yet. */
    micro_units charge;
    bool is_remembered; /* In the window; not a reused id alone. */
    bool is_peek;       /* A reading of a counter that asked nothing. */
    bool is_refunded;
};

struct model_subject {
    struct name name;
    bool has_image;
    record_ref image;
    uint64_t image_hash;
    instant_ms image_time;
    micro_units credits;
    micro_units charges;
    micro_units refunds;
    uint64_t seq; /* Of the last decision or command that had an effect. */
    bool has_plan;
    struct name plan;
    uint32_t event_count; /* Remembered so far; the hashes are a ring. */
    uint32_t events[DEDUP_WINDOW_MAX];
    uint32_t command_count;
    uint32_t commands[DEDUP_COMMANDS];
    struct usage usage[MODEL_LIMITS_MAX];
};

/* What became of a message in the event pool, by its sequence. */
enum message_fate {
    MESSAGE_NEVER,
    MESSAGE_SEALED,    /* It must be answered. */
    MESSAGE_SHEDDABLE, /* It may be shed instead. */
    MESSAGE_ANSWERED,
    MESSAGE_LOST, /* With the power. */
};

struct model_message {
    uint8_t fate;
    uint16_t ask;
};

/* An answer that the broker must get. */
struct model_owed {
    record_ref ref;
    uint64_t seq;    /* As a decision shows it. */
    uint64_t answer; /* Hash of what was published for it; 0: nothing yet. */
    bool has_landed;
};

struct model {
    struct findings *findings;
    struct ask *asks;
    const uint32_t *ask_count;
    const struct policy *(*policy_of)(void *self, uint64_t version);
    void *self;
    uint32_t dedup_window;
    instant_ms now; /* No record is younger. */
    record_ref cursor;
    uint64_t last_seq;
    instant_ms last_time; /* Of a decision. */
    uint32_t subject_count;
    struct model_subject subjects[MODEL_SUBJECTS_MAX];
    struct model_key keys[MODEL_KEYS_MAX];
    uint64_t frames[MODEL_FRAMES_MAX]; /* Hash over the records of each. */
    uint64_t message_high;             /* The highest pool sequence seen. */
    uint32_t waiting;                  /* Messages sealed and not answered. */
    struct model_message messages[MODEL_MESSAGES_MAX];
    uint32_t owed_count;
    struct model_owed owed[MODEL_OWED_MAX];
    uint64_t decided;
    struct decision_entry entry; /* Scratch. */
    struct subject_state state;  /* Scratch. */
};

/* Reads what was committed since the last time. */
void model_follow(struct model *model, struct state_log_reader *reader);

/* After a recovery, before anything else: what was read before must still be there, the same. */
void model_compare(struct model *model, struct state_log_reader *reader);

/* Whether every subject's latest image can be found and every answer its windows refer to can be read. */
void model_audit(struct model *model, struct state_log_reader *reader);

/* A message was sealed in the pool; `may_shed` if nothing promises that it will be answered. */
void model_sealed(struct model *model, uint64_t sequence, uint16_t ask, bool may_shed);

/* The pool is gone: what waited in it will never be answered. */
void model_pool_lost(struct model *model);

/* The pool is empty: what was received and neither answered nor shed is gone. */
void model_pool_empty(struct model *model);

/* The owed answer at `ref`, or NULL. */
struct model_owed *model_owed_at(struct model *model, record_ref ref);

struct model_key *model_key(struct model *model, uint64_t key);

/* Everything that was sealed is answered, everything owed has landed. */
void model_settled(struct model *model);

/* (Shared between the model's own files.) */
struct model_subject *model_subject_of(struct model *model, const struct name *name);
void model_check_image(struct model *model, struct model_subject *subject, const struct record *record);
void model_owe(struct model *model, record_ref ref, uint64_t seq);
void model_fold_answer(struct model *model, const struct record *record);
void model_fold_reply(struct model *model, const struct record *record);
uint64_t model_hash(uint64_t seed, struct bytes bytes);

#endif
