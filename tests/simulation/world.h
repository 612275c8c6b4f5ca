/* One simulated world: an agent with its disk, pool, broker, clock, devices and operators, all of it decided
 * by one seed. */
#ifndef FLYBALL_TESTS_SIMULATION_WORLD_H
#define FLYBALL_TESTS_SIMULATION_WORLD_H

#include "agent/agent.h"
#include "tests/simulation/disk_watch.h"
#include "tests/simulation/model.h"
#include "tests/simulation/preset.h"
#include "tests/simulation/virtual_disk.h"

enum {
    WORLD_SUBJECTS_MAX = 6,
    WORLD_SENDERS_MAX = 20,
    QUEUE_MAX = 24,
    QUEUE_IN_FLIGHT_MAX = 6, /* What the broker sends the agent before it waits. */
    WORLD_FLIGHTS_MAX = 512,
    WORLD_VERSIONS_MAX = 24,
    WORLD_CONFIG_MAX = 16384,
    WORLD_PATH_MAX = 256,
};

#define WORLD_NOON 1794571200000LL /* 2026-11-13T12:00:00.000Z */

/* A device or an operator, and its messages that the broker has not been told to forget. */
struct sender {
    bool is_operator;
    uint16_t subject;
    char device[ASK_TEXT_MAX];
    bool is_foreign; /* Its topics are a route's. */
    uint32_t ids;
    uint64_t device_seq;
    uint32_t boot;
    uint32_t reading; /* A counter's, in hundredths. */
    uint8_t count;
    uint8_t in_flight; /* The first so many were sent and not acknowledged. */
    uint16_t queue[QUEUE_MAX];
};

/* A publication that the client has taken and the agent does not know acknowledged. */
struct flight {
    uint64_t ticket;
    record_ref ref;
    int answers;  /* The ask; -1: none. */
    bool is_owed; /* It is the answer of `ref`, not something beside it. */
    bool has_reached;
    int state;           /* The retained state it replaces; -1: none. */
    uint64_t state_hash; /* What it says. */
};

/* How often what goes wrong in this world: per mille of the steps. */
struct weather {
    uint32_t kill;
    uint32_t die_within; /* Within one of the next disk operations. */
    uint32_t power;      /* Of the deaths, how many are of the power; per mille. */
    uint32_t pool_lost;  /* Of those, how many take the pool along; per mille. */
    uint32_t sync_failure;
    uint32_t full_disk;
    uint32_t disconnect;
    uint32_t session_loss; /* Of the losses of connection; per mille. */
    uint32_t refuse;
    uint32_t clock_jump;
    uint32_t desired;
    uint32_t stop;
    uint32_t missed_answers;
};

struct desired_version {
    char payload[WORLD_CONFIG_MAX];
    struct config_snapshot *snapshot;
};

struct world_totals {
    uint64_t steps;
    uint64_t starts;
    uint64_t crashes;
    uint64_t events; /* Decided. */
    uint64_t published;
};

struct world {
    uint64_t seed;
    struct dice dice;
    struct findings findings;
    struct weather weather;
    struct preset preset;
    struct preset desired; /* As varied so far. */
    char config[WORLD_CONFIG_MAX];
    char sets[PRESET_SETS_MAX][PRESET_SET_BYTES];
    const char *set_pointers[PRESET_SETS_MAX];
    struct config_source source;
    char pool_path[WORLD_PATH_MAX]; /* The file. */
    uint32_t version_count;
    struct desired_version versions[WORLD_VERSIONS_MAX];
    uint64_t version_in_force;     /* The highest seen. */
    struct remote_outcome outcome; /* Scratch. */

    struct virtual_disk *disk;
    struct disk_watch watch;
    instant_ms wall;
    uint64_t elapsed_us;

    struct agent *agent; /* NULL while it is down. */
    struct state_log_reader reader;
    bool has_reader;
    uint64_t first_frame; /* Of the log, as it was last looked at. */
    bool power_fails;     /* The death that is to come, or came, is of the power. */
    uint8_t *pool_copy;   /* The pool at the moment of death; NULL: it had none. */
    size_t pool_copy_bytes;

    bool is_connected;
    bool is_healed;         /* Nothing goes wrong any more. */
    uint32_t takes_at_most; /* Publications on the way. */
    uint32_t refuses_for;   /* Publications. */
    uint32_t flight_count;
    struct flight flights[WORLD_FLIGHTS_MAX];

    uint32_t subject_count;
    uint32_t keys_issued[WORLD_SUBJECTS_MAX];
    uint32_t commands_issued[WORLD_SUBJECTS_MAX];
    uint32_t sender_count;
    struct sender senders[WORLD_SENDERS_MAX];
    uint32_t ask_count;
    struct ask *asks;                                     /* ASKS_MAX, cleared one by one as they are made. */
    uint64_t states[WORLD_SUBJECTS_MAX * GOVERNOR_KINDS]; /* Hash of what the broker retains; 0: nothing. */
    struct model model;
    uint64_t hash; /* Over everything published. */
    struct world_totals totals;
};

/* `world` is reused from seed to seed; `pool_folder` exists and is this world's alone. */
void world_begin(struct world *world, uint64_t seed, const char *pool_folder, FILE *trace);
void world_end(struct world *world);

/* Gives back what is kept from seed to seed, and the world. */
void world_free(struct world *world);

/* A whole life; findings say how it went. The final hash is over everything published and the final disk. */
uint64_t world_live(struct world *world);

struct moment world_moment(struct world *world);

/* step.c */
void step_world(struct world *world);
/* Everything there is to do for the agent now. */
void step_turn(struct world *world);

/* process.c: the agent's process. */
void process_start(struct world *world);
void process_kill(struct world *world);
void process_stop(struct world *world);
/* The power or the process may fail within one of the next operations of the disk. */
void process_arm(struct world *world);
/* After anything that may have failed: buries a process that died and notices one that failed for no reason.
 */
void process_after(struct world *world, enum status status, const char *what);
/* Reads what was committed. */
void process_follow(struct world *world);
/* And looks whether everything is where it must be. */
void process_audit(struct world *world);

/* broker.c */
void broker_connect(struct world *world, enum paho_session session);
void broker_disconnect(struct world *world, bool loses_session);
/* False when the broker does not take it. */
bool broker_take(struct world *world, uint16_t ask);
/* Hands the next message of some device to the agent; false if there is none. */
bool broker_deliver(struct world *world);
/* Acknowledges some of what devices sent, or of what the agent sent. */
void broker_acknowledge_senders(struct world *world);
void broker_land_some(struct world *world, uint32_t per_mille);
struct outlet broker_outlet(struct world *world);
/* The process died: of what its client held, some reached the broker. */
void broker_lose_client(struct world *world);

/* published.c: checks one publication; fills in the flight. */
void published_check(struct world *world, const struct paho_publication *publication, struct flight *flight);
/* The broker has it, and so have its subscribers. */
void published_reach(struct world *world, struct flight *flight);

/* retained.c: state topics. */
void retained_note(const struct paho_publication *publication, struct flight *flight);
/* In the end the broker must hold what is true. */
void retained_check(struct world *world);

/* fleet.c */
void fleet_draw(struct world *world);
/* Some device or operator does something. */
void fleet_act(struct world *world);
/* One that waits for an answer asks again. */
void fleet_ask_again(struct world *world, uint32_t per_mille);
bool fleet_is_answered(const struct world *world);
/* fleet_commands.c */
bool fleet_command(struct world *world, struct sender *sender, struct ask *ask);
struct ask *fleet_new_ask(struct world *world, struct sender *sender, enum ask_kind kind);

/* desired.c */
void desired_send(struct world *world);
void desired_take(struct world *world);
const struct policy *desired_policy_of(void *self, uint64_t version);

#endif
