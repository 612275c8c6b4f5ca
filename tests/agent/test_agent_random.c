/* Random lives of an agent against a model that is a few sums and a list: every event has exactly one effect,
 * whatever happens in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"

enum {
    SUBJECTS = 5,
    STEPS = 700,
    KEYS_MAX = 4096,
    RECENT_KEYS = 60, /* Of a window of 64: certainly remembered. */
    HOUR_MS = 3600 * 1000,
    PRICE = 2,
    LIMIT = 40,
};

static const char CONFIG[] =
    "{\"plans\": {\"gold\": {\"features\": [\"*\"], \"quotas\": [{\"name\": \"h\", \"meter\": \"*\", "
    "\"algorithm\": "
    "\"fixed\", \"limit\": \"40\", \"window\": \"hour\"}], \"prices\": {\"kwh\": \"2\"}}}, "
    "\"subjects\": {\"plan\": \"gold\"}}";

/* One event that was asked, in whole units. */
struct model_event {
    int amount;
    bool is_charged;
    bool is_refunded;
    char answer[1024]; /* What was said first. */
};

struct model_subject {
    int64_t credits;
    int64_t charges;
    int64_t refunds;
    int64_t used;
    instant_ms window;
    int event_count;
    int command_count;
    struct model_event events[KEYS_MAX];
};

struct world {
    struct fixture *fixture;
    uint64_t random;
    instant_ms high; /* The agent's clock. */
    uint64_t seq;
    struct model_subject subjects[SUBJECTS];
};

static uint64_t draw(struct world *world, uint64_t most)
{
    world->random += 0x9e3779b97f4a7c15U;
    uint64_t mixed = (world->random ^ world->random >> 30) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
    return (mixed ^ mixed >> 31) % most;
}

static int64_t balance_of(const struct model_subject *subject)
{
    return subject->credits - subject->charges + subject->refunds;
}

/* The agent is about to see the clock, and to commit. */
static void observe(struct world *world)
{
    if (world->fixture->now > world->high) {
        world->high = world->fixture->now;
    }
}

/* The model's hour begins with its next event, as the agent's does. */
static void roll(struct world *world, struct model_subject *subject)
{
    observe(world);
    instant_ms window = world->high / HOUR_MS;
    if (window != subject->window) {
        subject->window = window;
        subject->used = 0;
    }
}

/* Whether the model lets it through; then it is used and charged. */
static bool decide(struct world *world, struct model_subject *subject, int amount)
{
    roll(world, subject);
    bool is_allowed = subject->used + amount <= LIMIT && balance_of(subject) >= (int64_t)amount * PRICE;
    if (is_allowed) {
        subject->used += amount;
        subject->charges += (int64_t)amount * PRICE;
    }
    return is_allowed;
}

static void expect_values(const struct published *answer, const struct model_subject *subject)
{
    assert_int_equal(published_amount(answer, "quota", "used"), subject->used * MICRO_UNITS_ONE);
    assert_int_equal(published_amount(answer, "billing", "balance"), balance_of(subject) * MICRO_UNITS_ONE);
}

static void name_subject(char name[16], int index)
{
    snprintf(name, 16, "s-%d", index);
}

static void write_event(char payload[96], int number, int amount)
{
    snprintf(payload, 96, "{\"id\": \"e-%d\", \"amount\": %d}", number, amount);
}

static const struct published *ask(struct world *world, int index, const char *payload)
{
    char name[16];
    name_subject(name, index);
    return fixture_ask_as(world->fixture, name, "d", "kwh", payload);
}

static void ask_new_event(struct world *world, int index)
{
    struct model_subject *subject = &world->subjects[index];
    int number = subject->event_count++;
    assert_true(number < KEYS_MAX);
    struct model_event *event = &subject->events[number];
    char payload[96];
    event->amount = 1 + (int)draw(world, 12);
    write_event(payload, number, event->amount);
    event->is_charged = decide(world, subject, event->amount);
    const struct published *answer = ask(world, index, payload);
    if (event->is_charged) {
        published_has_not(answer, "\"decision\":\"deny\"");
    } else {
        published_has(answer, "\"decision\":\"deny\"");
    }
    published_has(answer, "\"duplicate\":false");
    expect_values(answer, subject);
    assert_int_equal(published_number(answer, "seq"), ++world->seq);
    snprintf(event->answer, sizeof event->answer, "%s", answer->payload);
}

static void ask_duplicate(struct world *world, int index)
{
    struct model_subject *subject = &world->subjects[index];
    int reach = subject->event_count < RECENT_KEYS ? subject->event_count : RECENT_KEYS;
    if (reach == 0) {
        return;
    }
    int number = subject->event_count - 1 - (int)draw(world, (uint64_t)reach);
    const struct model_event *event = &subject->events[number];
    char payload[96];
    write_event(payload, number, event->amount);
    const struct published *answer = ask(world, index, payload);
    const char *mark = strstr(event->answer, "\"duplicate\":false");
    assert_non_null(mark);
    assert_memory_equal(answer->payload, event->answer, (size_t)(mark - event->answer));
    published_has(answer, "\"duplicate\":true");
    assert_string_equal(strstr(answer->payload, ",\"dedup\""), strstr(event->answer, ",\"dedup\""));
}

static void peek(struct world *world, int index)
{
    roll(world, &world->subjects[index]);
    const struct published *answer = ask(world, index, "{\"amount\": 0}");
    expect_values(answer, &world->subjects[index]);
    assert_int_equal(published_number(answer, "seq"), world->seq);
}

static const struct published *command(struct world *world, int index, const char *payload)
{
    char name[16];
    name_subject(name, index);
    observe(world);
    return fixture_command(world->fixture, name, "billing", payload);
}

static void credit(struct world *world, int index)
{
    struct model_subject *subject = &world->subjects[index];
    int amount = 1 + (int)draw(world, 100);
    char payload[128];
    snprintf(payload, sizeof payload, "{\"id\": \"c-%d\", \"op\": \"credit\", \"amount\": %d}",
             subject->command_count++, amount);
    const struct published *reply = command(world, index, payload);
    if (strstr(reply->payload, "too_many_grants") != NULL) {
        return; /* How many grants live is not the model's business. */
    }
    published_has(reply, "\"status\":\"ok\"");
    subject->credits += amount;
    assert_int_equal(published_number(reply, "seq"), ++world->seq);
    char first[2048];
    snprintf(first, sizeof first, "%s", reply->payload);
    if (draw(world, 2) == 0) {
        assert_string_equal(command(world, index, payload)->payload, first);
    }
}

static void refund(struct world *world, int index)
{
    struct model_subject *subject = &world->subjects[index];
    int reach = subject->event_count < RECENT_KEYS ? subject->event_count : RECENT_KEYS;
    if (reach == 0) {
        return;
    }
    int number = subject->event_count - 1 - (int)draw(world, (uint64_t)reach);
    struct model_event *event = &subject->events[number];
    char payload[128];
    snprintf(payload, sizeof payload,
             "{\"id\": \"c-%d\", \"op\": \"refund\", \"event\": \"e-%d\", \"device\": \"d\"}",
             subject->command_count++, number);
    const struct published *reply = command(world, index, payload);
    if (!event->is_charged) {
        published_has(reply, "\"reason\":\"unknown_event\"");
    } else if (event->is_refunded) {
        published_has(reply, "\"reason\":\"already_refunded\"");
    } else {
        published_has(reply, "\"status\":\"ok\"");
        event->is_refunded = true;
        subject->refunds += (int64_t)event->amount * PRICE;
        world->seq++;
    }
    assert_int_equal(published_number(reply, "seq"), world->seq);
}

/* Some events at once; perhaps the agent dies before it decides them. */
static void ask_many(struct world *world)
{
    int count = 1 + (int)draw(world, 20);
    for (int i = 0; i < count; i++) {
        int index = (int)draw(world, SUBJECTS);
        struct model_subject *subject = &world->subjects[index];
        int number = subject->event_count++;
        assert_true(number < KEYS_MAX);
        struct model_event *event = &subject->events[number];
        event->amount = 1 + (int)draw(world, 12);
        char topic[64];
        char payload[96];
        snprintf(topic, sizeof topic, "flyball/v1/event/s-%d/d/kwh", index);
        write_event(payload, number, event->amount);
        event->is_charged = decide(world, subject, event->amount);
        fixture_receive(world->fixture, topic, payload);
        world->seq++;
    }
    if (draw(world, 2) == 0) {
        fixture_kill(world->fixture);
        fixture_start(world->fixture);
    }
    fixture_turn(world->fixture);
    for (int index = 0; index < SUBJECTS; index++) {
        struct model_subject *subject = &world->subjects[index];
        for (int number = subject->event_count - 1; number >= 0 && subject->events[number].answer[0] == '\0';
             number--) {
            char payload[96];
            write_event(payload, number, subject->events[number].amount);
            const struct published *answer = ask(world, index, payload);
            published_has(answer, "\"duplicate\":true");
            /* As if it had been the first: what is said later must be the same. */
            const char *mark = strstr(answer->payload, "\"duplicate\":true");
            snprintf(subject->events[number].answer, sizeof subject->events[number].answer,
                     "%.*s\"duplicate\":false%s", (int)(mark - answer->payload), answer->payload,
                     mark + strlen("\"duplicate\":true"));
        }
    }
}

static void lose_session(struct world *world)
{
    struct fixture *fixture = world->fixture;
    fixture->holds_acknowledgements = true;
    ask_new_event(world, (int)draw(world, SUBJECTS));
    fixture_disconnect(fixture);
    fixture->holds_acknowledgements = false;
    fixture_connect(fixture, PAHO_SESSION_NEW);
}

static void step(struct world *world)
{
    int index = (int)draw(world, SUBJECTS);
    uint64_t kind = draw(world, 100);
    world->fixture->now += (instant_ms)draw(world, 2000);
    if (kind < 50) {
        ask_new_event(world, index);
    } else if (kind < 65) {
        ask_duplicate(world, index);
    } else if (kind < 75) {
        credit(world, index);
    } else if (kind < 82) {
        refund(world, index);
    } else if (kind < 88) {
        peek(world, index);
    } else if (kind < 91) {
        world->fixture->now += (instant_ms)draw(world, HOUR_MS);
        return;
    } else if (kind < 92) {
        world->fixture->now -= (instant_ms)draw(world, HOUR_MS);
        return;
    } else if (kind < 94) {
        fixture_restart(world->fixture);
        peek(world, index);
    } else if (kind < 96) {
        lose_session(world);
    } else {
        ask_many(world);
    }
    observe(world); /* Time may have passed while the agent waited for space. */
}

static uint64_t live(uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->random = seed;
    world->fixture = fixture_new(CONFIG);
    fixture_set(world->fixture, "runtime.subjects_hot=2");
    fixture_set(world->fixture, "store.segment_bytes=131072");
    fixture_set(world->fixture, "store.max_bytes=1048576");
    fixture_start(world->fixture);
    world->high = world->fixture->now;
    for (int i = 0; i < STEPS; i++) {
        step(world);
    }
    int64_t balance = 0;
    for (int i = 0; i < SUBJECTS; i++) {
        peek(world, i);
        balance += balance_of(&world->subjects[i]);
    }
    assert_true(balance >= 0);
    assert_int_equal(atomic_load(&world->fixture->agent->imbalance), 0);
    assert_int_equal(event_pool_stats(&world->fixture->agent->pool).used, 0);
    assert_int_equal(state_log_last_seq(&world->fixture->agent->log), world->seq);
    fixture_verify(world->fixture);
    uint64_t hash = fixture_hash(world->fixture);
    fixture_free(world->fixture);
    free(world);
    return hash;
}

static void every_event_has_exactly_one_effect(void **context)
{
    (void)context;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        live(seed);
    }
}

static void same_seed_says_the_same(void **context)
{
    (void)context;
    uint64_t first = live(42);
    assert_int_equal(live(42), first);
    assert_int_not_equal(live(43), first);
}

/* `test_agent.agent_random SEED COUNT` lives longer. */
int main(int argc, char **argv)
{
    if (argc == 3) {
        uint64_t seed = strtoull(argv[1], NULL, 10);
        for (uint64_t i = strtoull(argv[2], NULL, 10); i > 0; i--, seed++) {
            printf("seed %llu: %016llx\n", (unsigned long long)seed, (unsigned long long)live(seed));
        }
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_has_exactly_one_effect),
        cmocka_unit_test(same_seed_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
