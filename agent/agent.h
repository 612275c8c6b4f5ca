/* The agent: owns every part and connects them. Either threads turn it (threads.h) or one caller does, by
 * hand, with a clock and an outlet of its own. */
#ifndef FLYBALL_AGENT_AGENT_H
#define FLYBALL_AGENT_AGENT_H

#include "agent/decider.h"
#include "agent/inbox.h"
#include "agent/publisher.h"
#include "agent/router.h"
#include "config/load.h"
#include "config/remote.h"
#include "observe/metrics_json.h"

enum {
    SCHEDULERS_MAX = 16,
    BATCH_BYTES = 128 * 1024,  /* Uncompressed bytes of one frame, at most. */
    RECENT_BYTES = 128 * 1024, /* Committed frames kept for the publisher. */
    TURN_EVENTS_MAX = 64,      /* Of one subject before another's turn. */
    BOARD_PLACES = 8192,
    EDGES_PER_TEND = 256,
    FAILURE_MESSAGE_MAX = 512,
    LIMIT_PAYLOAD_BYTES_MAX = 1 << 20, /* The most limits.payload_bytes may be. */
};

/* Where the agent starts from; all borrowed for its life. */
struct agent_options {
    const struct config_source *source;
    const char *config_path; /* For reloading; NULL: no file. */
    struct io io;
    instant_ms wall; /* The wall clock now. */
    uint64_t
        elapsed_us; /* Simulations: what elapsed now, as in later moments. 0: the system's monotonic time. */
    uint64_t seed;  /* Simulations: what is drawn at random otherwise follows from it. 0: at random. */
};

/* Images whose time edge has come and whose subjects were not all woken yet. */
struct due_subjects {
    size_t at;
    size_t count;
    record_ref images[EDGES_PER_TEND];
};

struct agent {
    struct agent_options options;
    struct config_source source;  /* As in options, with the file's latest text. */
    struct config_text file_text; /* That text, once it was read again. */
    struct config_snapshot *file; /* The file's configuration; its settings hold for the whole run. */
    const struct settings *settings;
    struct topics topics;
    char boot_id[17];
    uint64_t session;
    instant_ms started_at;
    uint64_t started_us;
    struct hash_key secret; /* Of tables whose keys outsiders choose. */

    struct clock clock;
    struct alerts alerts;
    struct announcements announcements;
    struct metrics metrics;
    struct policies policies;
    struct event_pool pool;
    struct state_log log;
    struct scheduler scheduler;
    struct compaction compaction;
    struct router router;
    struct publisher publisher;
    struct board_place *board_places;
    struct inbox inbox;
    bool is_refusing; /* The receive thread's: it waited in vain. */
    uint8_t *inbox_buffer;
    struct state_log_reader tend_reader;
    struct due_subjects due;
    uint64_t told_losses;             /* Lost frames the alert speaks of. */
    uint64_t checked_frame;           /* How far the look through the log has come. */
    record_ref marked_cursor;         /* The outbox cursor last made durable while the store was full, */
    uint64_t marked_us;               /* and when. */
    _Atomic(instant_ms) committed_at; /* The clock of the last commit of this run. */
    uint32_t decider_count;
    struct decider *deciders;
    _Atomic(micro_units) imbalance;

    /* Remote configuration. */
    struct remote_active remote;
    struct remote_outcome outcome; /* Scratch. */

    /* Connection. */
    _Atomic(bool) is_connected;
    _Atomic(bool) is_subscribed;
    _Atomic(bool) is_stopping; /* It has said so. */
    _Atomic(uint64_t) canary_sent;
    _Atomic(uint64_t) canary_seen;
    uint64_t connects;

    /* A part failed: the agent must stop. STATUS_OK until then. */
    _Atomic(enum status) failure;
};

/* Opens every part, recovers what an earlier run left and catches up with time: afterwards it is ready to be
 * turned. On failure nothing stays open, and `message` says what is wrong and what to do. `agent` is all
 * zero, about 1 MB of which little is ever touched. */
MUST_USE enum status agent_open(struct agent *agent, const struct agent_options *options,
                                struct outlet outlet, char message[FAILURE_MESSAGE_MAX]);

/* Every thread has left. */
void agent_close(struct agent *agent);

/* A message of the agent's subscriptions. One thread; may wait for room in the pool, never for anything that
 * publishes. */
void agent_receive(struct agent *agent, const struct message *message, const struct paho_arrival *arrival);

/* Does what scheduler_take gave. Statuses as decider_turn's. */
MUST_USE enum status agent_work(struct agent *agent, struct decider *decider, struct run *run,
                                struct moment moment);

/* One group commit: what the schedulers have put becomes durable, its pool slots are freed. Statuses as
 * state_log_commit's. */
MUST_USE enum status agent_commit(struct agent *agent);

/* Time edges, compaction, alerts, remote configuration: to be done every few tens of milliseconds. */
MUST_USE enum status agent_tend(struct agent *agent, struct moment moment);

/* Writes the index down for the next start; that it cannot be is only logged. */
void agent_checkpoint(struct agent *agent, enum checkpoint_wish wish);

/* By hand, on one thread: everything there is to do at `moment`, until nothing is left or something waits for
 * others. */
MUST_USE enum status agent_turn(struct agent *agent, struct moment moment);

/* Notes that a part failed; the first one counts. */
void agent_fail(struct agent *agent, enum status status);

/* Says the agent's status, the state of the moment, or metrics. */
void agent_announce_status(struct agent *agent, bool is_stopping);
void agent_announce_metrics(struct agent *agent);
void agent_announce_canary(struct agent *agent);

/* An arriving canary: notes it if it is the last one sent. */
void agent_receive_canary(struct agent *agent, struct bytes payload);

/* Writes the will: the status `lost`. */
void agent_put_will(struct agent *agent, struct text *text);

/* Takes a desired configuration that waits and acts on it; *routes_changed when subscriptions must follow.
 * STATUS_EMPTY if none waits. */
MUST_USE enum status agent_take_desired(struct agent *agent, instant_ms now, bool *routes_changed);

/* At start, when every part is open: the time of earlier runs, messages not yet decided, time edges that
 * passed. Statuses as agent_turn's; what only waits is no failure. */
MUST_USE enum status agent_catch_up(struct agent *agent);

/* At start: puts the last good desired configuration in force again, or the file alone if there is none or it
 * fits no longer. Any other status (STATUS_IO, STATUS_NO_MEMORY): what was desired is not known. */
MUST_USE enum status agent_restore_desired(struct agent *agent, instant_ms now);

/* Reads the configuration file again; a wrong one is refused with a log line and changes nothing. */
void agent_reload(struct agent *agent, instant_ms now);

#endif
