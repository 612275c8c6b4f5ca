/* Accounts whose devices send events and whose operators send commands, all with QoS 1 and again until they
 * are answered, and the book that is kept of the answers. However often the agent or the broker dies: the
 * same event gets the same bytes, every seq is taken once, and what the answers say was charged is what the
 * store holds in the end. Memory does not grow with what is sent. Every broken promise ends the running
 * cmocka test. */
#ifndef FLYBALL_TESTS_FAULTS_FLEET_H
#define FLYBALL_TESTS_FAULTS_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/endtoend/agent_process.h"
#include "tests/endtoend/expect.h"
#include "tests/faults/seq_set.h"
#include "tests/faults/wire.h"

enum {
    FLEET_ACCOUNTS_MAX = 256,
    FLEET_DEVICES = 3, /* Of an account. */
    /* New events of an account beyond its oldest unanswered one. What was delivered, decided and not
     * acknowledged comes again after a death, behind it what was sent meanwhile; the dedup window has to hold
     * several times as many. */
    FLEET_UNDER_WAY_MAX = 3,
    FLEET_EVENTS_KEPT = 128, /* Answers to compare with those that come again. */
    FLEET_ORDERS_KEPT = 8,
};

/* The section of the agent's configuration that the book is about. */
extern const char fleet_policies[];

struct fleet_settings {
    uint16_t port; /* The broker's, on 127.0.0.1. */
    bool is_5;
    uint32_t accounts;
    uint64_t seed;
    uint32_t patience_ms;              /* Who has no answer sends again after this to twice as long. */
    const struct agent_process *agent; /* Whose output is printed on failure. */
};

/* An event or a command as its sender sees it. */
struct request {
    int64_t due_ms; /* When it is sent next; 0 before the first time. */
    uint64_t hash;  /* Of its answer but for `duplicate`. */
    uint64_t seq;   /* Of its answer. */
    bool is_answered;
};

enum order_op { ORDER_CREDIT, ORDER_REFUND, ORDER_SUSPEND, ORDER_RESUME, ORDER_QUOTA_REFUND, ORDER_OPS };

/* A command. */
struct order {
    uint64_t number;
    enum order_op op;
    int64_t amount_micro;  /* Credit, quota refund; of a refund what was charged. */
    uint64_t event_number; /* Refund. */
    struct request request;
};

struct account {
    struct request events[FLEET_EVENTS_KEPT]; /* Of number n at n % FLEET_EVENTS_KEPT. */
    uint64_t first_unanswered;
    uint64_t next; /* The number of the next new event. */
    struct order orders[FLEET_ORDERS_KEPT];
    uint64_t order_count; /* The last may be unanswered, the others are not. */
    uint64_t answered;    /* Events, since the last order. */
    /* The book. */
    int64_t used_micro;
    int64_t charged_micro;
    int64_t credited_micro;
    int64_t refunded_micro;
    uint64_t refundable; /* The last event that was charged; 0: none. */
    int64_t refundable_micro;
};

struct fleet_counts {
    uint64_t events; /* Answered at least once; likewise orders. */
    uint64_t orders;
    uint64_t resent;
    uint64_t answers;    /* All. */
    uint64_t duplicates; /* Of these, not the first of their event or command. */
    uint64_t unkept;     /* Of these, to one so long ago that it could not be compared. */
    uint64_t denied;
    uint64_t unrefunded;  /* The event had left the dedup window. */
    uint64_t connections; /* Of the fleet. */
};

struct fleet {
    struct fleet_settings settings;
    struct wire wire;
    struct seq_set seqs;
    struct fleet_counts counts;
    bool is_resting; /* Nothing new is sent. */
    bool is_ready;   /* The last status said so; false after a connect. */
    double
        outbox; /* As the metrics said that came last and live; -1: none since fleet_await_drained began. */
    int64_t answered_ms;
    int64_t tried_ms; /* The last attempt to connect. */
    uint64_t random;
    struct account accounts[FLEET_ACCOUNTS_MAX];
};

/* A fleet of its own memory; freed by fleet_close. */
struct fleet *fleet_open(const struct fleet_settings *settings);
void fleet_close(struct fleet *fleet);

/* Connects if need be, sends what is due, takes what came; waits for it up to the time. Fails if nothing new
 * has been answered for half a minute. */
void fleet_turn(struct fleet *fleet, int wait_ms);

/* Turns for so long. */
void fleet_run(struct fleet *fleet, int64_t duration_ms);

/* Sends nothing new and turns until all is answered; then no seq may be missing. fleet_turn sends new again
 * after fleet_wake. */
void fleet_rest(struct fleet *fleet);
void fleet_wake(struct fleet *fleet);

/* The stall is not the agent's fault before now. */
void fleet_forgive(struct fleet *fleet);

/* Turns until the agent's status is `ready`, and its metrics, published after this call, show an empty
 * outbox. The fleet rests, or the outbox never is. */
void fleet_await_drained(struct fleet *fleet, int64_t timeout_ms);

/* Compares book and store, and has the store verified. The fleet rests; the agent may run. */
void fleet_audit(struct fleet *fleet);

/* The store passes `flyball verify`. */
void fleet_verify(struct fleet *fleet);

/* Evenly from 0 to below - 1. */
uint64_t fleet_draw(struct fleet *fleet, uint64_t below);

/* Ends the test, with the seed and the agent's output. */
void fleet_fail(const struct fleet *fleet, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/* One line. */
void fleet_print(const struct fleet *fleet, const char *what, uint64_t count);

/* For fleet's own files. */
int64_t fleet_now_ms(void);
void fleet_take_message(struct fleet *fleet, const struct wire_message *message);
int64_t fleet_amount_micro(uint64_t account, uint64_t number);
bool fleet_has_id(uint64_t number);

#endif
