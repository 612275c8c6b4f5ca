/* A whole agent turned by hand through a life of three runs, whose file calls fail as asked; the devices and
 * operators around it, who ask again until they are answered; and what must hold afterwards. */
#ifndef FLYBALL_TESTS_FAULTS_FAULT_WORLD_H
#define FLYBALL_TESTS_FAULTS_FAULT_WORLD_H

#include "tests/agent/agent_fixture.h"
#include "tests/faults/failing_io.h"

enum {
    WORLD_SUBJECTS = 8,
    /* In rounds: one event of each subject. */
    WORLD_ROUNDS = 17,
    WORLD_DESIRED_AFTER = 4,
    WORLD_CRASH_AFTER = 12,   /* The process dies with one round more in its pool. */
    WORLD_RESTART_AFTER = 15, /* It stops in order and starts again. */
    WORLD_QUESTIONS = WORLD_SUBJECTS * (WORLD_ROUNDS + 1), /* The first ones: a credit for each. */
};

/* How long the calls fail. */
enum span {
    SPAN_ONCE,
    SPAN_TO_THE_END,     /* Until the process is started again. */
    SPAN_UNTIL_IT_WAITS, /* Until the agent waits for space: then there is some. */
};
enum { SPANS = 3 };

/* How the agent took it. */
enum ending {
    ENDING_WENT_ON, /* Through the whole workload. */
    ENDING_REFUSED, /* To start. */
    ENDING_STOPPED, /* With a failure. */
    ENDING_WAITED,  /* For space that did not come. */
};
enum { ENDINGS = 4 };

struct world {
    struct fixture *fixture;
    struct failing_io failing;
    enum span span;
    char *answers[WORLD_QUESTIONS]; /* The first answer published to each; NULL: none yet. */
    size_t heard;                   /* Publications looked at. */
    int asked;                      /* Questions asked so far. */
    bool is_accepted;               /* The desired configuration. */
};

void world_open(struct world *world);
void world_close(struct world *world);

/* The workload with the faults armed, until its end or the agent's. */
enum ending world_live(struct world *world);
/* Its first run only, which ends in a crash with messages in the pool. */
enum ending world_live_and_crash(struct world *world);

/* After world_live, with healthy files: the agent starts, everybody asks again, and everything published
 * before turns out to have happened once. Fails the test if not. */
void world_check(struct world *world);

const char *ending_name(enum ending ending);

#endif
