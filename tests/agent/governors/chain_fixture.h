/* A policy of two plans and three meters, a subject and a time, and what the chain's tests do to them. */
#ifndef FLYBALL_TESTS_CHAIN_FIXTURE_H
#define FLYBALL_TESTS_CHAIN_FIXTURE_H

#include "agent/governors/chain.h"

enum { FREE, GOLD, PLANS };
enum {
    KWH,
    UNLOCK,
    FLAT,
    METERS
}; /* FLAT is billing, then quota; the others are all three in their usual order. */

static const instant_ms noon = 1795262400000; /* 2026-11-21T12:00:00Z */
static const int64_t hour = 3600000;

/* free: 10 a day, kwh for 2 each, nothing on credit. gold: 100 an hour, kwh for 1 each, 30 overdraft. */
struct fixture {
    struct plan plans[PLANS];
    struct meter meters[METERS];
    struct policy policy;
    struct governor_states states;
    instant_ms now; /* Starts at noon. */
};

/* A cmocka setup: *context is a fresh fixture. */
int start_fixture(void **context);
void set_up(struct fixture *fixture);

micro_units units(int64_t whole);

struct chain_answer event(struct fixture *fixture, int meter, micro_units amount);
enum reply_reason give(struct fixture *fixture, struct command command);

struct command command_of(enum governor_kind governor, enum command_op op);
struct command grant_of(const char *plan, instant_ms expires_at);
struct command credit_of(micro_units amount, instant_ms expires_at);
struct command set_limit_of(const char *name, micro_units limit);

/* Value by value where a struct's padding may hold anything. */
void assert_states_equal(const struct governor_states *left, const struct governor_states *right);

/* What is set in them. */
void assert_answers_equal(const struct chain_answer *left, const struct chain_answer *right);

void assert_answer(struct chain_answer answer, enum verdict verdict, enum reason reason);

/* xorshift64: seeded, so that a failure can be had again. `seed` is not 0. */
uint64_t random_below(uint64_t *seed, uint64_t bound);

/* Something sensible that an operator may say. */
struct command random_command(uint64_t *seed, instant_ms now);

/* Passes time, then gives an event, a peek or a command. */
void random_step(struct fixture *fixture, uint64_t *seed);

#endif
