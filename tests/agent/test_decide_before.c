/* What the ledger keeps of the governors before an event: as of the event's time, by the time alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/ledger.h"
#include "tests/agent/agent_fixture.h"

static const char config[] =
    "{\"plans\": {\"free\": {\"features\": [\"base\"], \"quotas\": ["
    "   {\"name\": \"minute\", \"meter\": \"kwh\", \"limit\": \"10\", \"window\": \"minute\"},"
    "   {\"name\": \"bucket\", \"meter\": \"tea\", \"algorithm\": \"token_bucket\", \"limit\": \"60\", "
    "\"window\": "
    "\"minute\"}],"
    "  \"prices\": {\"kwh\": \"0.5\"}, \"billing\": {\"low_balance\": \"2\", \"overdraft\": \"1\"}}},"
    " \"meters\": {\"kwh\": {}, \"tea\": {\"chain\": [\"quota\"]}, \"door\": {\"feature\": \"premium\"}}}";

static struct fixture *started(void)
{
    struct fixture *fixture = fixture_new(config);
    fixture_start(fixture);
    return fixture;
}

/* The last entries of the log; their bytes stay. */
struct last {
    struct decision_entry decision;
    struct reply_entry reply;
    uint8_t decision_body[LEDGER_ENTRY_BYTES_MAX];
    uint8_t reply_body[LEDGER_ENTRY_BYTES_MAX];
};

static void note(void *self, const struct record *record)
{
    struct last *last = self;
    bool is_answer = record->kind == RECORD_DECISION || record->kind == RECORD_ANSWER;
    uint8_t *kept = is_answer ? last->decision_body : last->reply_body;
    if (!is_answer && record->kind != RECORD_REPLY) {
        return;
    }
    memcpy(kept, record->body.data, record->body.length);
    struct bytes body = bytes_of(kept, record->body.length);
    assert_int_equal(is_answer ? unpack_decision_entry(body, &last->decision)
                               : unpack_reply_entry(body, &last->reply),
                     STATUS_OK);
}

static const struct last *last_of(const struct fixture *fixture)
{
    static struct last last;
    char folder[FIXTURE_PATH_MAX + 16];
    struct state_log_report report;
    snprintf(folder, sizeof folder, "%s/store", fixture->folder);
    memset(&last, 0, sizeof last);
    struct state_log_listener listener = {.record = note, .self = &last};
    assert_int_equal(state_log_scan(folder, io_posix(), listener, &report), STATUS_OK);
    return &last;
}

static const struct decision_entry *decided(struct fixture *fixture, const char *meter, const char *payload)
{
    fixture_ask_as(fixture, "acme", "meter-7", meter, payload);
    return &last_of(fixture)->decision;
}

static void credit(struct fixture *fixture, const char *payload)
{
    fixture_command(fixture, "acme", "billing", payload);
}

static void first_event_finds_nothing(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    const struct decision_entry *entry = decided(fixture, "kwh", "{\"amount\": 1}");
    assert_true(entry->before.is_told);
    assert_int_equal(entry->before.entitlement.phase, ENTITLEMENT_NONE);
    assert_true(name_is_empty(&entry->before.entitlement.plan));
    assert_int_equal(entry->before.used, 0);
    assert_int_equal(entry->before.billing_phase, BILLING_PHASE_NONE);
    assert_int_equal(entry->before.balance, 0);
    fixture_free(fixture);
}

static void next_event_finds_what_the_last_one_left(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    credit(fixture, "{\"id\": \"c\", \"op\": \"credit\", \"amount\": \"4\"}");
    decided(fixture, "kwh", "{\"amount\": 7}");
    const struct decision_entry *entry = decided(fixture, "kwh", "{\"amount\": 2}");
    assert_int_equal(entry->before.entitlement.phase, ENTITLEMENT_ACTIVE);
    assert_int_equal(entry->before.quota_phase, QUOTA_NORMAL);
    assert_int_equal(entry->before.used, 7 * MICRO_UNITS_ONE);
    assert_int_equal(entry->before.billing_phase, BILLING_PHASE_LOW);
    assert_int_equal(entry->before.balance, MICRO_UNITS_ONE / 2);
    assert_int_equal(entry->decision.answer.reports[1].quota_phase, QUOTA_THROTTLED);
    assert_int_equal(entry->decision.answer.reports[2].billing.phase, BILLING_PHASE_OVERDRAFT);
    fixture_free(fixture);
}

static void window_that_ended_in_between_is_empty(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    credit(fixture, "{\"id\": \"c\", \"op\": \"credit\", \"amount\": \"100\"}");
    decided(fixture, "kwh", "{\"amount\": 7}");
    fixture->now += 60000;
    const struct decision_entry *entry = decided(fixture, "kwh", "{\"amount\": 8}");
    assert_int_equal(entry->before.quota_phase, QUOTA_NORMAL);
    assert_int_equal(entry->before.used, 0);
    assert_int_equal(entry->decision.answer.reports[1].quota.used, 8 * MICRO_UNITS_ONE);
    fixture_free(fixture);
}

static void bucket_has_regained_in_between(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    decided(fixture, "tea", "{\"amount\": 50}");
    fixture->now += 20000;
    const struct decision_entry *entry = decided(fixture, "tea", "{\"amount\": 20}");
    assert_int_equal(entry->before.quota_phase, QUOTA_NORMAL);
    assert_int_equal(entry->before.used, 30 * MICRO_UNITS_ONE);
    assert_int_equal(entry->decision.answer.reports[0].quota.used, 50 * MICRO_UNITS_ONE);
    fixture_free(fixture);
}

static void grant_that_expired_in_between_is_gone(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    credit(fixture, "{\"id\": \"a\", \"op\": \"credit\", \"amount\": \"3\", \"expires_at\": "
                    "\"2026-11-13T12:00:30Z\"}");
    credit(fixture, "{\"id\": \"b\", \"op\": \"credit\", \"amount\": \"2\", \"priority\": 1}");
    fixture->now += 30000;
    const struct decision_entry *entry = decided(fixture, "kwh", "{\"amount\": 1}");
    assert_int_equal(entry->before.billing_phase, BILLING_PHASE_LOW);
    assert_int_equal(entry->before.balance, 2 * MICRO_UNITS_ONE);
    fixture_free(fixture);
}

static void entitlement_that_ended_in_between_has_ended(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    fixture_command(fixture, "acme", "entitlement",
                    "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\", \"expires_at\": "
                    "\"2026-11-13T12:00:30Z\", \"grace_ms\": 10000}");
    fixture->now += 35000;
    const struct decision_entry *entry = decided(fixture, "kwh", "{\"amount\": 1}");
    assert_int_equal(entry->decision.answer.reason, REASON_GRACE);
    assert_int_equal(entry->before.entitlement.phase, ENTITLEMENT_GRACE);
    fixture->now += 5000;
    entry = decided(fixture, "kwh", "{\"amount\": 1}");
    assert_int_equal(entry->decision.answer.reason, REASON_EXPIRED);
    assert_int_equal(entry->before.entitlement.phase, ENTITLEMENT_EXPIRED);
    fixture_free(fixture);
}

static void denied_event_finds_and_leaves_the_same(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    credit(fixture, "{\"id\": \"c\", \"op\": \"credit\", \"amount\": \"3\"}");
    decided(fixture, "kwh", "{\"amount\": 1}");
    const struct decision_entry *entry = decided(fixture, "kwh", "{\"amount\": 9}");
    assert_int_equal(entry->decision.answer.reason, REASON_INSUFFICIENT_BALANCE);
    assert_int_equal(entry->before.used, MICRO_UNITS_ONE);
    assert_int_equal(entry->before.balance, 2500000);
    assert_int_equal(entry->price, 500000);
    entry = decided(fixture, "kwh", "{\"amount\": 10}");
    assert_int_equal(entry->decision.answer.reason, REASON_QUOTA_EXCEEDED);
    assert_int_equal(entry->before.quota_phase, QUOTA_NORMAL);
    assert_int_equal(entry->price, 0);
    entry = decided(fixture, "door", "{}");
    assert_int_equal(entry->decision.answer.reason, REASON_NOT_ENTITLED);
    assert_true(bytes_equal_string(name_bytes(&entry->feature), "premium"));
    fixture_free(fixture);
}

static void peek_and_refused_events_have_no_before(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    assert_false(decided(fixture, "kwh", "{\"id\": \"a\", \"amount\": 0}")->before.is_told);
    assert_false(decided(fixture, "water", "{\"id\": \"a\", \"amount\": 1}")->before.is_told);
    assert_false(decided(fixture, "water", "{\"id\": \"a\", \"amount\": 2}")->before.is_told);
    fixture_free(fixture);
}

static void duplicate_tells_what_was_before_the_first(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    decided(fixture, "kwh", "{\"id\": \"a\", \"amount\": 1}");
    decided(fixture, "tea", "{\"id\": \"b\", \"amount\": 1}");
    const struct decision_entry *entry = decided(fixture, "kwh", "{\"id\": \"a\", \"amount\": 1}");
    assert_true(entry->duplicate);
    assert_true(entry->before.is_told);
    assert_int_equal(entry->before.entitlement.phase, ENTITLEMENT_NONE);
    fixture_free(fixture);
}

static void command_tells_what_was_before_and_what_was_asked(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    credit(fixture, "{\"id\": \"a\", \"op\": \"credit\", \"amount\": \"3\", \"expires_at\": "
                    "\"2026-11-13T12:00:30Z\"}");
    fixture->now += 30000;
    credit(fixture, "{\"id\": \"b\", \"op\": \"credit\", \"amount\": \"8\"}");
    const struct reply_entry *entry = &last_of(fixture)->reply;
    assert_int_equal(entry->seq, 2);
    assert_int_equal(entry->time, fixture->now);
    assert_int_equal(entry->reason, REPLY_OK);
    assert_int_equal(entry->asked.op, OP_CREDIT);
    assert_int_equal(entry->asked.amount, 8 * MICRO_UNITS_ONE);
    assert_true(entry->has_before);
    assert_int_equal(entry->before.billing.balance, 0);
    assert_int_equal(entry->before.billing.phase, BILLING_PHASE_LOW);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_event_finds_nothing),
        cmocka_unit_test(next_event_finds_what_the_last_one_left),
        cmocka_unit_test(window_that_ended_in_between_is_empty),
        cmocka_unit_test(bucket_has_regained_in_between),
        cmocka_unit_test(grant_that_expired_in_between_is_gone),
        cmocka_unit_test(entitlement_that_ended_in_between_has_ended),
        cmocka_unit_test(denied_event_finds_and_leaves_the_same),
        cmocka_unit_test(peek_and_refused_events_have_no_before),
        cmocka_unit_test(duplicate_tells_what_was_before_the_first),
        cmocka_unit_test(command_tells_what_was_before_and_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
