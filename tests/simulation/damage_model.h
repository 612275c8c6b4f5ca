/* What a state log must give although its bytes are damaged, kept without the log's own code: each subject's
 * images with the frames that brought them, and what happened to those frames. */
#ifndef FLYBALL_TESTS_SIMULATION_DAMAGE_MODEL_H
#define FLYBALL_TESTS_SIMULATION_DAMAGE_MODEL_H

#include "agent/state/record.h"
#include "tests/simulation/findings.h"
#include "tests/simulation/log_model.h"

enum {
    DAMAGE_VERSIONS_MAX = 16384,
    DAMAGE_FRAMES_MAX = 16384,
    DAMAGE_VERSION_NONE = -1,
};

/* What happened to a frame. None of it: it is sound, and what it holds must be found. */
enum frame_fate {
    FATE_HIT = 1,       /* A copy of it was damaged. */
    FATE_LOST = 2,      /* No copy is left. */
    FATE_UNCERTAIN = 4, /* A crash may have taken it: it was not acknowledged, or not durable. */
    FATE_PASSING = 8,   /* It could not be read for a while: it may have been given up meanwhile, or not. */
};

struct damage_frame {
    uint64_t last_seq; /* That it took; 0: none. */
    uint32_t life;     /* When it was hit last. */
    uint8_t fate;
};

/* An image as it was put. */
struct damage_version {
    record_ref ref;
    uint64_t body_seed;
    instant_ms edge;
    uint32_t body_length;
    int32_t before; /* The subject's image before it, also one in the same frame. */
    int16_t subject;
    uint8_t changes;
    bool is_replaced;     /* By a later one in the same frame: not in the log. */
    bool is_acknowledged; /* Committed, or found since. */
};

struct damage_subject {
    struct name name;
    int32_t latest;
    record_ref held; /* What the agent last saw of it in this life; RECORD_REF_NONE: nothing. */
};

/* What find gave. */
struct damage_answer {
    enum status status;
    record_ref ref;
    bool is_setback;
};

struct damage_model {
    struct findings *findings;
    struct damage_version versions[DAMAGE_VERSIONS_MAX]; /* By ref. */
    int32_t count;
    struct damage_frame frames[DAMAGE_FRAMES_MAX]; /* By number. */
    uint64_t committed_frame;
    uint64_t durable_frame; /* Sure to survive a power cut, */
    uint64_t gone_frame;    /* and those up to this one dropped, or perhaps. */
    uint64_t next_seq;
    uint32_t life;
    int32_t subject_count;
    struct damage_subject subjects[LOG_SUBJECTS_MAX];
    uint8_t body[LOG_BODY_MAX];
};

void damage_model_init(struct damage_model *model, struct findings *findings, int32_t subjects);

/* Whether there is no room for another life. */
bool damage_model_is_full(const struct damage_model *model);

/* An image was put; `record` as the log left it. */
void damage_model_put(struct damage_model *model, const struct record *record, int16_t subject,
                      uint64_t body_seed);

/* The next frame was committed; `is_durable` unless a power cut may take it. */
void damage_model_commit(struct damage_model *model, bool is_durable);

/* That frame met a fate, in this life. */
void damage_model_note(struct damage_model *model, uint64_t frame, enum frame_fate fate);
bool damage_model_is_sound(const struct damage_model *model, uint64_t frame);

/* The log opened and ends with that frame: what lay behind it is forgotten and never comes back. Then
 * `next_seq` is the one behind its entries. */
void damage_model_end_recovery(struct damage_model *model, uint64_t last_frame);

/* DAMAGE_VERSION_NONE if there never was such an image. */
int32_t damage_model_find(const struct damage_model *model, record_ref ref);

/* Whether the record is that version to the byte; if not, that is noted. */
bool damage_model_agrees(struct damage_model *model, int32_t version, const struct record *record);

/* What the log says of its losses. */
struct damage_told {
    bool has_damage;
    bool has_blind; /* It does not know everybody who was hit. */
};

/* What a find of the subject gave: the newest image in a sound frame, or a newer one; marked, if and only if
 * an acknowledged one was lost. A subject of which nothing is left may be a stranger, as long as it is told
 * that something was lost. */
void damage_model_judge(struct damage_model *model, int32_t subject, const struct damage_answer *answer,
                        struct damage_told told);

/* Whether nothing can have changed what a find gives but a repair: no frame of the subject is both damaged
 * and there. */
bool damage_model_is_settled(const struct damage_model *model, int32_t subject);

#endif
