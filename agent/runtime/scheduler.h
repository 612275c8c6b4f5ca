/* The scheduler: hands each subject with something to do to one thread at a time, its events in order. Hot
 * subjects, their mailboxes, the run queue and the intake under one lock; any number of threads may take. */
#ifndef FLYBALL_RUNTIME_SCHEDULER_H
#define FLYBALL_RUNTIME_SCHEDULER_H

#include <pthread.h>

#include "agent/runtime/intake.h"
#include "agent/runtime/mailbox.h"
#include "agent/runtime/run_queue.h"
#include "agent/runtime/subject_table.h"

/* Messages routed before the right to route is given back. */
enum { SCHEDULER_ROUTE_BATCH = 64 };

/* Why a subject runs without an event: bits. */
enum poke { POKE_TICK = 1, POKE_RELOCATE = 2, POKE_REWRITE = 4 };

struct scheduler_settings {
    struct subject_table_settings subjects;
    uint32_t slots;       /* Of the event pool. */
    uint32_t mailbox;     /* QoS 0 events beyond so many waiting are refused. */
    uint32_t turn_events; /* Events of one subject before another's turn; >= 1. */
    /* Hot places that subjects with events never take, so that a poke finds one even while events must wait;
     * below subjects.subjects. */
    uint32_t kept_for_pokes;
};

enum work { WORK_ROUTE, WORK_SUBJECT };

/* What a thread was given to do, until scheduler_routed or scheduler_finish. */
struct run {
    void *buffer; /* Set by the caller before scheduler_take: receives the image. */
    size_t buffer_bytes;
    enum work work;
    uint32_t budget; /* What is left of this turn. */
    /* WORK_SUBJECT only: */
    uint32_t subject;
    struct name name;
    uint8_t pokes;      /* Bits of enum poke; to be done before the events. */
    bool has_image;     /* false: read it from the state log, where a stranger is not found. */
    struct bytes image; /* In `buffer`. */
};

/* What becomes of the cached image when a turn ends. */
enum image_fate {
    IMAGE_UNCHANGED,
    IMAGE_STORE,
    IMAGE_FORGET, /* The turn failed: the next one reads the state log. */
};

struct scheduler_stats {
    uint32_t runnable; /* Subjects in the run queue. */
    uint32_t runnable_high_water;
    uint32_t running;
    uint32_t waiting; /* Events in mailboxes. */
    uint32_t intake;  /* Events not yet routed. */
    uint64_t turns;
    uint64_t reductions; /* Events and pokes handed out. */
    uint64_t refused;    /* QoS 0 events beyond the mailbox. */
    uint64_t blocked;    /* Times all hot subjects were busy. */
    struct subject_table_stats subjects;
};

struct scheduler_process;
struct scheduler_letter;

/* The fields are private. */
struct scheduler {
    struct scheduler_settings settings;
    struct subject_table subjects;
    struct run_queue queue;
    struct intake intake;
    struct index_chain unreliable_posted; /* QoS 0 events in mailboxes, oldest first, and in the intake. */
    struct index_chain unreliable_arrived;
    void *memory;
    size_t memory_bytes;
    struct scheduler_process *processes; /* One per hot subject. */
    struct scheduler_letter *letters;    /* One per slot. */
    struct index_link *letter_links;     /* Intake and mailboxes: a slot is in one of them. */
    struct index_link *unreliable_links;
    struct index_link *queue_links;
    struct scheduler_stats stats;
    uint32_t sleepers;
    uint32_t with_events; /* Subjects in whose mailbox something waits. */
    bool routed_last;     /* Routing and running take turns. */
    bool closed;
    pthread_mutex_t lock;
    pthread_cond_t work;
};

/* Takes all its memory at once; STATUS_NO_MEMORY. */
MUST_USE enum status scheduler_init(struct scheduler *scheduler, const struct scheduler_settings *settings);

/* Every thread has left. */
void scheduler_free(struct scheduler *scheduler);

/* The receive thread hands over a slot it has put; never waits, never fails. */
void scheduler_arrive(struct scheduler *scheduler, slot_index slot, uint8_t qos);

/* Waits up to `timeout_ms` (0: not at all; < 0: without end) for something to do: messages to route (then
 * scheduler_next_arrival until empty, then scheduler_routed) or a subject that is the caller's until
 * scheduler_finish. STATUS_TIMED_OUT; STATUS_CLOSED after scheduler_close, whatever still waits. */
MUST_USE enum status scheduler_take(struct scheduler *scheduler, int64_t timeout_ms, struct run *run);

/* The next message to route; STATUS_EMPTY when the batch is done. The slot is the caller's: to post, to put
 * back or to free. */
MUST_USE enum status scheduler_next_arrival(struct scheduler *scheduler, struct run *run, slot_index *slot);

/* What is known of an event before it is decided. */
struct posting {
    const struct name *subject;
    slot_index slot;
    uint8_t qos;
    enum run_priority priority;
};

/* Puts an event into its subject's mailbox. STATUS_FULL: QoS 0 beyond the mailbox, the caller sheds it;
 * STATUS_NO_MEMORY: every hot subject (but for kept_for_pokes) is busy, scheduler_put_back and end the batch.
 * On both the slot stays the caller's. */
MUST_USE enum status scheduler_post(struct scheduler *scheduler, const struct posting *posting);

/* Gives an arrival back to the front of the intake, to be routed again when a subject has become idle. */
void scheduler_put_back(struct scheduler *scheduler, slot_index slot);

/* Ends a WORK_ROUTE run. */
void scheduler_routed(struct scheduler *scheduler, struct run *run);

/* Has the subject run at the highest priority for the agent's own `reasons` (bits of enum poke), waking it if
 * it sleeps. STATUS_NO_MEMORY: every hot subject is busy, try again later. */
MUST_USE enum status scheduler_poke(struct scheduler *scheduler, const struct name *subject, uint8_t reasons);

/* The next event of this turn, in order; STATUS_EMPTY when none waits or the turn's budget is spent. */
MUST_USE enum status scheduler_next(struct scheduler *scheduler, struct run *run, slot_index *slot);

/* Gives back the event of this turn taken last: it is the subject's next one again. */
void scheduler_give_back(struct scheduler *scheduler, struct run *run, slot_index slot);

/* Ends a WORK_SUBJECT run; `image` is copied for IMAGE_STORE. The subject runs again later if more waits. */
void scheduler_finish(struct scheduler *scheduler, struct run *run, enum image_fate fate, struct bytes image);

/* Takes the oldest waiting QoS 0 event away, out of its mailbox or the intake; the slot is the caller's to
 * overwrite. STATUS_EMPTY if there is none. */
MUST_USE enum status scheduler_shed_oldest(struct scheduler *scheduler, slot_index *slot);

/* Puts up to `count` of the longest idle subjects to sleep; returns how many. */
uint32_t scheduler_trim(struct scheduler *scheduler, uint32_t count);

/* Whether nothing waits and nothing runs. */
bool scheduler_is_idle(struct scheduler *scheduler);

/* Wakes everyone; from now on nothing is taken. Runs in progress may end as usual. */
void scheduler_close(struct scheduler *scheduler);

struct scheduler_stats scheduler_stats(struct scheduler *scheduler);

#endif
