/* Every reason has its sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/commands/explain_reasons.h"

static const char *sentence(const struct decision_entry *entry)
{
    static char storage[2048];
    struct text text = text_of(storage, sizeof storage);
    put_decision_reason(&text, entry);
    assert_false(text.overflowed);
    return text_string(&text);
}

/* A decision of acme's meter-7 about 30 kwh: 76 of 100 of daily are used, 5 are in the account. */
static struct decision_entry entry_of(enum governor_kind speaker, enum verdict verdict, enum reason reason)
{
    struct decision_entry entry = {0};
    struct decision *decision = &entry.decision;
    decision->event = (struct event){.subject = name_of("acme"),
                                     .device = name_of("meter-7"),
                                     .meter = name_of("kwh"),
                                     .amount = 30 * MICRO_UNITS_ONE};
    struct chain_answer *answer = &decision->answer;
    answer->verdict = verdict;
    answer->reason = reason;
    answer->report_count = 3;
    answer->reports[0] = (struct governor_report){
        .kind = GOVERNOR_ENTITLEMENT, .entitlement = {.phase = ENTITLEMENT_ACTIVE, .plan = name_of("gold")}};
    answer->reports[1] = (struct governor_report){.kind = GOVERNOR_QUOTA,
                                                  .quota = {.has_limit = true,
                                                            .name = name_of("daily"),
                                                            .limit = 100 * MICRO_UNITS_ONE,
                                                            .used = 76 * MICRO_UNITS_ONE,
                                                            .remaining = 24 * MICRO_UNITS_ONE}};
    answer->reports[2] = (struct governor_report){
        .kind = GOVERNOR_BILLING,
        .billing = {.phase = BILLING_PHASE_LOW, .charged = 0, .balance = 5 * MICRO_UNITS_ONE}};
    answer->reports[speaker].verdict = verdict;
    return entry;
}

struct told {
    enum governor_kind speaker;
    enum verdict verdict;
    enum reason reason;
    const char *sentence;
};

static const struct told table[] = {
    {GOVERNOR_ENTITLEMENT, VERDICT_ALLOW, REASON_OK, "Was allowed: nothing speaks against it."},
    {GOVERNOR_ENTITLEMENT, VERDICT_DENY, REASON_NOT_ENTITLED,
     "Was denied by entitlement: the configuration has no plan gold any more."},
    {GOVERNOR_ENTITLEMENT, VERDICT_DENY, REASON_NOT_STARTED,
     "Was denied by entitlement: the grant of plan gold has not started yet."},
    {GOVERNOR_ENTITLEMENT, VERDICT_DENY, REASON_SUSPENDED,
     "Was denied by entitlement: the entitlement is suspended."},
    {GOVERNOR_BILLING, VERDICT_DENY, REASON_SUSPENDED, "Was denied by billing: the account is suspended."},
    {GOVERNOR_ENTITLEMENT, VERDICT_DENY, REASON_EXPIRED,
     "Was denied by entitlement: the grant of plan gold has expired."},
    {GOVERNOR_ENTITLEMENT, VERDICT_DENY, REASON_REVOKED,
     "Was denied by entitlement: the grant of plan gold was revoked."},
    {GOVERNOR_ENTITLEMENT, VERDICT_WARN, REASON_GRACE,
     "Was allowed with a warning: the grant of plan gold has expired and is in its period of grace."},
    {GOVERNOR_QUOTA, VERDICT_WARN, REASON_QUOTA_WARNING,
     "Was allowed with a warning: 76 of 100 of daily are used."},
    {GOVERNOR_QUOTA, VERDICT_THROTTLE, REASON_QUOTA_THROTTLED,
     "Was allowed, but the device is asked to wait 90.5 s: 76 of 100 of daily are used."},
    {GOVERNOR_QUOTA, VERDICT_DENY, REASON_QUOTA_EXCEEDED,
     "Was denied by quota: 76 of 100 of daily are used, 30 more would pass the limit; it fits in 90.5 s."},
    {GOVERNOR_BILLING, VERDICT_WARN, REASON_LOW_BALANCE,
     "Was allowed with a warning: the balance is low, 5."},
    {GOVERNOR_BILLING, VERDICT_WARN, REASON_OVERDRAFT,
     "Was allowed with a warning: it is paid on credit, the balance is 5."},
    {GOVERNOR_BILLING, VERDICT_DENY, REASON_INSUFFICIENT_BALANCE,
     "Was denied by billing: the balance of 5 and the overdraft of the plan do not pay for it."},
    {GOVERNOR_BILLING, VERDICT_DENY, REASON_CLOSED, "Was denied by billing: the account is closed."},
    {GOVERNOR_ENTITLEMENT, VERDICT_DENY, REASON_ID_REUSED,
     "Was denied: the device used this event key before for other bytes, and that decision stands (or damage "
     "to the store took it)."},
    {GOVERNOR_ENTITLEMENT, VERDICT_DENY, REASON_UNKNOWN_METER,
     "Was denied: the configuration has no meter kwh."},
    {GOVERNOR_ENTITLEMENT, VERDICT_DENY, REASON_UNKNOWN_SUBJECT,
     "Was denied: acme is a stranger, and strangers are not let in or the store had no room for one."},
};
enum { TOLD = sizeof table / sizeof table[0] };

/* No governor is asked about these. */
static bool is_refused(enum reason reason)
{
    return reason >= REASON_ID_REUSED;
}

static void every_reason_has_its_sentence(void **context)
{
    (void)context;
    bool is_told[REASONS] = {false};
    for (size_t i = 0; i < TOLD; i++) {
        struct decision_entry entry = entry_of(table[i].speaker, table[i].verdict, table[i].reason);
        entry.decision.answer.retry_after_ms = 90500;
        if (is_refused(table[i].reason)) {
            entry.decision.answer.report_count = 0;
        }
        assert_string_equal(sentence(&entry), table[i].sentence);
        is_told[table[i].reason] = true;
    }
    for (size_t i = 0; i < REASONS; i++) {
        assert_true(is_told[i]);
    }
}

static void missing_feature_is_named(void **context)
{
    (void)context;
    struct decision_entry entry = entry_of(GOVERNOR_ENTITLEMENT, VERDICT_DENY, REASON_NOT_ENTITLED);
    entry.feature = name_of("export");
    assert_string_equal(sentence(&entry), "Was denied by entitlement: meter kwh needs the feature export, "
                                          "which neither plan gold nor its grant includes.");
    entry.decision.answer.reports[0].entitlement.phase = ENTITLEMENT_NONE;
    assert_string_equal(sentence(&entry), "Was denied by entitlement: acme was never granted a plan.");
}

static void price_is_multiplied(void **context)
{
    (void)context;
    struct decision_entry entry = entry_of(GOVERNOR_BILLING, VERDICT_DENY, REASON_INSUFFICIENT_BALANCE);
    entry.price = 200000;
    assert_string_equal(sentence(&entry), "Was denied by billing: the balance of 5 and the overdraft of the "
                                          "plan do not pay 30 at 0.2, which is 6.");
    entry.price = MICRO_UNITS_MOST;
    assert_string_equal(sentence(&entry), "Was denied by billing: the balance of 5 and the overdraft of the "
                                          "plan do not pay 30 at 9223372036854.775807.");
}

static void what_never_fits_is_not_waited_for(void **context)
{
    (void)context;
    struct decision_entry entry = entry_of(GOVERNOR_QUOTA, VERDICT_DENY, REASON_QUOTA_EXCEEDED);
    assert_string_equal(sentence(&entry), "Was denied by quota: 76 of 100 of daily are used, 30 more would "
                                          "pass the limit; waiting does not help.");
}

static void used_up_balance_is_not_called_low(void **context)
{
    (void)context;
    struct decision_entry entry = entry_of(GOVERNOR_BILLING, VERDICT_WARN, REASON_LOW_BALANCE);
    entry.decision.answer.reports[2].billing =
        (struct billing_report){.phase = BILLING_PHASE_EXHAUSTED, .balance = 0};
    assert_string_equal(sentence(&entry),
                        "Was allowed with a warning: nothing more can be paid, the balance is 0.");
}

static void peek_is_told_as_what_would_be(void **context)
{
    (void)context;
    struct decision_entry entry = entry_of(GOVERNOR_QUOTA, VERDICT_DENY, REASON_QUOTA_EXCEEDED);
    entry.decision.event.amount = 0;
    assert_string_equal(sentence(&entry), "Would be denied by quota: 76 of 100 of daily are used, anything "
                                          "more would pass the limit; waiting does not help.");
}

/* Whatever a damaged but readable entry holds has a sentence. */
static void no_combination_is_left_without_words(void **context)
{
    (void)context;
    for (int reason = 0; reason < REASONS; reason++) {
        for (int verdict = VERDICT_ALLOW; verdict <= VERDICT_DENY; verdict++) {
            for (uint8_t reports = 0; reports <= CHAIN_LENGTH_MAX; reports++) {
                struct decision_entry entry =
                    entry_of(GOVERNOR_QUOTA, (enum verdict)verdict, (enum reason)reason);
                entry.decision.answer.report_count = reports;
                entry.decision.answer.retry_after_ms = INT64_MAX;
                assert_non_null(strstr(sentence(&entry), ": "));
            }
        }
    }
}

struct reply_told {
    enum reply_reason reason;
    const char *sentence;
};

static const struct reply_told replies[] = {
    {REPLY_OK, "Was applied."},
    {REPLY_INVALID_TRANSITION, "Was rejected: grant is not possible while entitlement is suspended."},
    {REPLY_UNKNOWN_PLAN, "Was rejected: the configuration has no plan gold."},
    {REPLY_UNKNOWN_LIMIT, "Was rejected: the plan has no limit daily."},
    {REPLY_UNKNOWN_EVENT,
     "Was rejected: event e-1 of device meter-7 is not remembered (any more) or was not charged."},
    {REPLY_ALREADY_REFUNDED, "Was rejected: event e-1 of device meter-7 was refunded before."},
    {REPLY_TOO_MANY_GRANTS, "Was rejected: there are as many grants as there may be."},
    {REPLY_OVERFLOW, "Was rejected: the sums would grow too large, or the store had no room for a stranger."},
    {REPLY_ID_REUSED,
     "Was rejected: the id was used before for other bytes, and that reply stands (or damage "
     "to the store took it)."},
};

static void every_reason_of_a_reply_has_its_sentence(void **context)
{
    (void)context;
    assert_int_equal(sizeof replies / sizeof replies[0], REPLY_ID_REUSED + 1);
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        struct reply_entry entry = {.reason = replies[i].reason,
                                    .asked = {.plan = name_of("gold"),
                                              .name = name_of("daily"),
                                              .event = name_of("e-1"),
                                              .device = name_of("meter-7")},
                                    .has_before = true,
                                    .before = {.entitlement = {.phase = ENTITLEMENT_SUSPENDED}}};
        char storage[1024];
        struct text text = text_of(storage, sizeof storage);
        put_reply_reason(&text, &entry);
        assert_int_equal(replies[i].reason, i);
        assert_string_equal(text_string(&text), replies[i].sentence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_its_sentence),
        cmocka_unit_test(missing_feature_is_named),
        cmocka_unit_test(price_is_multiplied),
        cmocka_unit_test(what_never_fits_is_not_waited_for),
        cmocka_unit_test(used_up_balance_is_not_called_low),
        cmocka_unit_test(peek_is_told_as_what_would_be),
        cmocka_unit_test(no_combination_is_left_without_words),
        cmocka_unit_test(every_reason_of_a_reply_has_its_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
