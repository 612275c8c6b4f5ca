/* A whole agent turned by hand on one thread: its broker is a recorder, its clock the test's, its disk a
 * temporary folder. */
#ifndef FLYBALL_TESTS_AGENT_FIXTURE_H
#define FLYBALL_TESTS_AGENT_FIXTURE_H

#include "agent/agent.h"

enum { FIXTURE_SETS_MAX = 24, FIXTURE_PATH_MAX = 128 };

/* What a fixture's clock shows first: a Friday noon. */
#define FIXTURE_NOON 1794571200000LL /* 2026-11-13T12:00:00.000Z */

/* One publication as the broker saw it; the strings are terminated. */
struct published {
    char *topic;
    char *payload;
    char *correlation; /* NULL: none. */
    uint8_t qos;
    bool retained;
    bool has_landed;
    uint64_t ticket;
};

struct fixture {
    struct agent *agent; /* NULL while it is down. */
    char folder[FIXTURE_PATH_MAX];
    char config[65536];
    char sets_storage[FIXTURE_SETS_MAX][160];
    const char *sets[FIXTURE_SETS_MAX];
    size_t set_count;
    char config_path[FIXTURE_PATH_MAX]; /* "": no file to reload from. */
    struct config_source source;
    char message[FAILURE_MESSAGE_MAX]; /* Of the last open. */
    instant_ms now;
    uint64_t seed;
    struct io io; /* The file calls of the next start; the operating system's unless replaced. */
    /* The broker. */
    bool is_connected;
    bool holds_acknowledgements; /* Publications land only by fixture_land_all. */
    uint32_t refuses_after;      /* Publications it still takes before STATUS_FULL; UINT32_MAX: any number. */
    bool announces;              /* Keeps what the agent says about itself (status, metrics, canary). */
    struct published *published;
    size_t count;
    size_t capacity;
};

/* `config` is JSON, NULL for the defaults. Folders, durability and all that must be quick are set beside it.
 */
struct fixture *fixture_new(const char *config);
/* The same with its folder elsewhere than in /tmp. */
struct fixture *fixture_new_in(const char *parent, const char *config);
/* Writes a configuration where a start after this and agent_reload find it. */
void fixture_write_config(struct fixture *fixture, const char *config);
void fixture_free(struct fixture *fixture);

/* "dotted.path=value", for the next start. */
void fixture_set(struct fixture *fixture, const char *set);
/* Takes back every fixture_set, so that they can be said anew. */
void fixture_unset(struct fixture *fixture);

/* Opens and connects; asserts that it works. */
void fixture_start(struct fixture *fixture);
/* Opens only. */
enum status fixture_try_open(struct fixture *fixture);
/* As after SIGTERM: with the last acknowledgements in the log. */
void fixture_stop(struct fixture *fixture);
/* As after kill -9: nothing more is written. */
void fixture_kill(struct fixture *fixture);
/* Kill and start. */
void fixture_restart(struct fixture *fixture);

void fixture_connect(struct fixture *fixture, enum paho_session session);
void fixture_disconnect(struct fixture *fixture);
/* Every publication so far is acknowledged. */
void fixture_land_all(struct fixture *fixture);

/* A message reaches the agent; nothing is decided before fixture_turn. */
void fixture_receive(struct fixture *fixture, const char *topic, const char *payload);
void fixture_receive_message(struct fixture *fixture, const struct message *message);
/* Turns until nothing is left; asserts that nothing failed. */
void fixture_turn(struct fixture *fixture);
/* The status of one turn. */
enum status fixture_turn_once(struct fixture *fixture);
/* Lets time pass, then turns. */
void fixture_pass(struct fixture *fixture, int64_t span_ms);

/* Publishes an event of acme's meter-7 for kwh, or a command to acme, turns, and gives what came back. The
 * answer is valid until the next publication. */
const struct published *fixture_ask(struct fixture *fixture, const char *payload);
const struct published *fixture_ask_as(struct fixture *fixture, const char *subject, const char *device,
                                       const char *meter, const char *payload);
const struct published *fixture_command(struct fixture *fixture, const char *subject, const char *governor,
                                        const char *payload);

/* How many publications there are on topics that begin with `prefix`, from the one at `from` on. */
size_t fixture_count(const struct fixture *fixture, const char *prefix, size_t from);
/* The last one on topics that begin with `prefix`, from `from` on; NULL if there is none. */
const struct published *fixture_last(const struct fixture *fixture, const char *prefix, size_t from);
/* The state that the broker retains; fails the test if there is none. */
const struct published *fixture_state(const struct fixture *fixture, const char *subject,
                                      const char *governor);

/* Fails the test unless the payload holds that text. */
void published_has(const struct published *published, const char *text);
void published_has_not(const struct published *published, const char *text);
/* The number behind `"key":`, a number or a string with an amount, in micro-units for amounts, of its first
 * occurrence behind `"within":` (NULL: anywhere). Fails the test if there is none. */
micro_units published_amount(const struct published *published, const char *within, const char *key);
uint64_t published_number(const struct published *published, const char *key);

/* Scans the store as flyball verify does; fails the test on damage. Returns how many decisions and applied
 * commands it holds, after checking that their seqs leave no gap. */
uint64_t fixture_verify(struct fixture *fixture);

/* Copies a file of the fixture's folder ("run/pool"), and puts the copy back. */
void fixture_keep_file(struct fixture *fixture, const char *name);
void fixture_put_back_file(struct fixture *fixture, const char *name);

/* SipHash over everything published so far, under a fixed key. */
uint64_t fixture_hash(const struct fixture *fixture);

#endif
