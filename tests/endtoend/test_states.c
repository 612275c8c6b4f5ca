/* The state topics: retained, published on every change of state, and at the moment time alone changes one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

/* The contract says 100 ms; the rest is for sanitizers and busy machines. */
enum { EDGE_SLACK_MS = 500 };

static const char policies[] =
    "{\"plans\": {"
    "   \"free\": {"
    "     \"quotas\": [{\"name\": \"monthly\", \"meter\": \"*\", \"limit\": \"100\", \"window\": \"month\"}],"
    "     \"prices\": {\"coffee\": \"1\"}},"
    "   \"short\": {"
    "     \"quotas\": [{\"name\": \"blink\", \"meter\": \"*\", \"limit\": \"100\", \"window_ms\": 1500}]},"
    "   \"sliding\": {"
    "     \"quotas\": [{\"name\": \"slide\", \"meter\": \"*\", \"algorithm\": \"sliding\", \"limit\": "
    "\"100\","
    "                   \"window_ms\": 1000}]},"
    "   \"bucket\": {"
    "     \"quotas\": [{\"name\": \"drip\", \"meter\": \"*\", \"algorithm\": \"token_bucket\","
    "                   \"limit\": \"100\", \"window_ms\": 5000}]}}}";

static int open_with_policies(void **context)
{
    stage_open(context);
    stage_start(*context, policies);
    return 0;
}

static void grant(struct stage *stage, const char *plan)
{
    stage_do(stage, "acme/entitlement", "{\"id\": \"plan\", \"op\": \"grant\", \"plan\": \"%s\"}", plan);
}

/* The state was published when its edge was due: the broker's way included. */
static void expect_edge(struct stage *stage, const char *who, const char *state, int64_t due_ms)
{
    const cJSON *message = stage_await_state(stage, who, state);
    int64_t late_ms = wall_ms() - due_ms;
    if (late_ms < -1 || late_ms > EDGE_SLACK_MS) {
        stage_fail(stage, "%s became %s %lld ms after its time", who, state, (long long)late_ms);
    }
    int64_t stamped_ms = json_instant(message, "time") - due_ms;
    if (stamped_ms < -1 || stamped_ms > EDGE_SLACK_MS) {
        stage_fail(stage, "%s: stamped %lld ms after its time", who, (long long)stamped_ms);
    }
}

static void first_event_publishes_the_states_retained(void **context)
{
    struct stage *stage = *context;
    stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"1\", \"amount\": 2}");
    const cJSON *entitlement = stage_await_state(stage, "acme/entitlement", "active");
    expect(entitlement, "subject", "acme");
    expect(entitlement, "governor", "entitlement");
    expect(entitlement, "plan", "free");
    expect(entitlement, "seq", "1");
    json_instant(entitlement, "time");
    const cJSON *quota = stage_await_state(stage, "acme/quota", "normal");
    expect(quota, "used", "2");
    expect(quota, "limit", "100");
    const char *retained = stage_retained(stage, "state/acme/quota");
    assert_non_null(retained);
    assert_non_null(strstr(retained, "\"used\":\"2\""));
}

static void every_change_of_state_is_published(void **context)
{
    struct stage *stage = *context;
    stage_event(stage, "acme/d/tea", "{\"amount\": 75}");
    stage_await_state(stage, "acme/quota", "warning");
    stage_event(stage, "acme/d/tea", "{\"amount\": 15}");
    stage_await_state(stage, "acme/quota", "throttled");
    stage_do(stage, "acme/quota", "{\"id\": \"r\", \"op\": \"reset\"}");
    stage_await_state(stage, "acme/quota", "normal");
    stage_do(stage, "acme/billing", "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 2, \"priority\": -4}");
    const cJSON *billing = stage_await_state(stage, "acme/billing", "good");
    expect(billing, "balance", "2");
    expect(billing, "grants",
           "[{\"id\":\"c\",\"amount\":\"2\",\"remaining\":\"2\",\"priority\":-4,\"expires_at\":null}]");
    stage_event(stage, "acme/d/coffee", "{\"amount\": 2}");
    stage_await_state(stage, "acme/billing", "exhausted");
}

static void quick_use_is_published_at_most_once_a_second_and_not_lost(void **context)
{
    struct stage *stage = *context;
    int64_t start_ms = wall_ms();
    for (int i = 0; i < 50; i++) {
        stage_event(stage, "acme/d/tea", "{\"amount\": 1}");
    }
    for (;;) {
        const cJSON *quota = stage_take_json(stage, "state/acme/quota");
        if (strcmp(json_string(quota, "used"), "50") == 0) {
            break;
        }
    }
    size_t seconds = (size_t)(wall_ms() - start_ms) / 1000;
    assert_in_range(peer_count(&stage->peer, "flyball/v1/state/acme/quota"), 1, seconds + 2);
}

static void activation_is_published_at_its_time(void **context)
{
    struct stage *stage = *context;
    char start[32];
    int64_t due_ms = wall_ms() + 1000;
    stage_do(stage, "acme/entitlement",
             "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\", \"starts_at\": \"%s\"}",
             instant_text(due_ms, start));
    stage_await_state(stage, "acme/entitlement", "pending");
    expect_edge(stage, "acme/entitlement", "active", due_ms);
}

static void grace_and_expiry_are_published_at_their_times(void **context)
{
    struct stage *stage = *context;
    char end[32];
    int64_t due_ms = wall_ms() + 800;
    stage_do(stage, "acme/entitlement",
             "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\", \"expires_at\": \"%s\", "
             "\"grace_ms\": 700}",
             instant_text(due_ms, end));
    expect_edge(stage, "acme/entitlement", "grace", due_ms);
    expect_edge(stage, "acme/entitlement", "expired", due_ms + 700);
}

static void windows_end_is_published_at_its_time(void **context)
{
    struct stage *stage = *context;
    grant(stage, "short");
    const cJSON *decision = stage_event(stage, "acme/d/tea", "{\"amount\": 80}");
    int64_t due_ms = json_instant(decision, "governors/quota/resets_at");
    assert_int_equal(due_ms % 1500, 0);
    stage_await_state(stage, "acme/quota", "warning");
    expect_edge(stage, "acme/quota", "normal", due_ms);
}

static void emptying_bucket_is_published_at_its_time(void **context)
{
    struct stage *stage = *context;
    grant(stage, "bucket");
    const cJSON *decision = stage_event(stage, "acme/d/tea", "{\"amount\": 80}");
    expect(decision, "decision", "warn");
    /* 100 are regained in 5 s; use falls below 75 once more than 5 of the 80 are. */
    stage_await_state(stage, "acme/quota", "warning");
    expect_edge(stage, "acme/quota", "normal", json_instant(decision, "time") + 250);
}

static void sliding_window_is_published_when_it_falls_below(void **context)
{
    struct stage *stage = *context;
    grant(stage, "sliding");
    const cJSON *decision = stage_event(stage, "acme/d/tea", "{\"amount\": 80}");
    stage_await_state(stage, "acme/quota", "warning");
    /* In the next window 80 weigh less than 75 once it is more than a sixteenth old: 63 ms. */
    int64_t next_ms = json_instant(decision, "time") / 1000 * 1000 + 1000;
    expect_edge(stage, "acme/quota", "normal", next_ms + 63);
}

static void grants_expiry_is_published_at_its_time(void **context)
{
    struct stage *stage = *context;
    char end[32];
    int64_t due_ms = wall_ms() + 1000;
    stage_do(stage, "acme/billing",
             "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 5, \"expires_at\": \"%s\"}",
             instant_text(due_ms, end));
    const cJSON *good = stage_await_state(stage, "acme/billing", "good");
    expect(good, "grants/0/expires_at", end);
    expect_edge(stage, "acme/billing", "exhausted", due_ms);
    const char *retained = stage_retained(stage, "state/acme/billing");
    assert_non_null(strstr(retained, "\"balance\":\"0\""));
    assert_non_null(strstr(retained, "\"grants\":[]"));
}

static void sleeping_subjects_are_woken_by_their_edges(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage, policies);
    agent_process_configure(&stage->agent, "{\"runtime\": {\"subjects_hot\": 64}}");
    stage_run(stage);
    char end[32];
    int64_t due_ms = wall_ms() + 3000;
    stage_do(stage, "acme/entitlement",
             "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\", \"expires_at\": \"%s\"}",
             instant_text(due_ms, end));
    for (int i = 0; i < 200; i++) {
        char topic[64];
        snprintf(topic, sizeof topic, "flyball/v1/event/other-%d/d/tea", i);
        struct peer_message message = {.topic = topic, .payload = "{}", .length = 2, .qos = 1};
        peer_send(&stage->peer, &message);
    }
    assert_true(peer_await_count(&stage->peer, "flyball/v1/decision/#", 200, STAGE_WAIT_MS));
    peer_flush(&stage->peer, STAGE_WAIT_MS);
    assert_true(wall_ms() < due_ms);
    expect_edge(stage, "acme/entitlement", "expired", due_ms);
}

static void edges_that_passed_while_down_are_published_before_ready(void **context)
{
    struct stage *stage = *context;
    char end[32];
    int64_t due_ms = wall_ms() + 700;
    stage_do(stage, "acme/entitlement",
             "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\", \"expires_at\": \"%s\"}",
             instant_text(due_ms, end));
    stage_await_state(stage, "acme/entitlement", "active");
    agent_process_kill(&stage->agent);
    stage_take(stage, "agent/a1/status"); /* lost */
    while (wall_ms() <= due_ms) {
    }
    stage_run(stage);
    const struct peer_message *state = peer_take(&stage->peer, "flyball/v1/state/acme/entitlement", 0);
    assert_non_null(state);
    expect(stage_parse(stage, state), "state", "expired");
}

static void states_can_be_switched_off(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, "{\"topics\": {\"state\": \"off\"}}");
    stage_event(stage, "acme/meter-7/kwh", "{}");
    stage_expect_none(stage, "state/#", 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_event_publishes_the_states_retained, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(every_change_of_state_is_published, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(quick_use_is_published_at_most_once_a_second_and_not_lost,
                                        open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(activation_is_published_at_its_time, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(grace_and_expiry_are_published_at_their_times, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(windows_end_is_published_at_its_time, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(emptying_bucket_is_published_at_its_time, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(sliding_window_is_published_when_it_falls_below, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(grants_expiry_is_published_at_its_time, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(sleeping_subjects_are_woken_by_their_edges, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(edges_that_passed_while_down_are_published_before_ready,
                                        open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(states_can_be_switched_off, stage_open, stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
