#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/governors/command.h"
#include "agent/governors/verdict.h"

static void verdicts_are_spelled_as_in_the_contract_and_ordered_by_strictness(void **context)
{
    static const char *const names[] = {"allow", "warn", "throttle", "deny"};
    (void)context;
    for (enum verdict verdict = VERDICT_ALLOW; verdict <= VERDICT_DENY; verdict++) {
        assert_string_equal(verdict_name(verdict), names[verdict]);
    }
}

static void reasons_are_spelled_as_in_the_contract(void **context)
{
    static const char *const names[REASONS] = {
        "ok",
        "not_entitled",
        "not_started",
        "suspended",
        "expired",
        "revoked",
        "grace",
        "quota_warning",
        "quota_throttled",
        "quota_exceeded",
        "low_balance",
        "overdraft",
        "insufficient_balance",
        "closed",
        "id_reused",
        "unknown_meter",
        "unknown_subject",
    };
    (void)context;
    for (enum reason reason = REASON_OK; reason <= REASON_UNKNOWN_SUBJECT; reason++) {
        assert_string_equal(reason_name(reason), names[reason]);
    }
    assert_int_equal(REASON_UNKNOWN_SUBJECT + 1, REASONS);
}

static void governors_are_found_by_their_names_only(void **context)
{
    static const char *const names[GOVERNOR_KINDS] = {"entitlement", "quota", "billing"};
    static const char *const strangers[] = {"", "Quota", "quot", "quotas", "ledger"};
    (void)context;
    for (enum governor_kind kind = GOVERNOR_ENTITLEMENT; kind <= GOVERNOR_BILLING; kind++) {
        enum governor_kind found = GOVERNOR_ENTITLEMENT;
        assert_string_equal(governor_name(kind), names[kind]);
        assert_int_equal(governor_of_name(bytes_of_string(names[kind]), &found), STATUS_OK);
        assert_int_equal(found, kind);
    }
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        enum governor_kind found;
        assert_int_equal(governor_of_name(bytes_of_string(strangers[i]), &found), STATUS_NOT_FOUND);
    }
}

static void replies_are_spelled_as_in_the_contract(void **context)
{
    static const char *const names[] = {"ok",
                                        "invalid_transition",
                                        "unknown_plan",
                                        "unknown_limit",
                                        "unknown_event",
                                        "already_refunded",
                                        "too_many_grants",
                                        "overflow",
                                        "id_reused"};
    (void)context;
    for (enum reply_reason reason = REPLY_OK; reason <= REPLY_ID_REUSED; reason++) {
        assert_string_equal(reply_reason_name(reason), names[reason]);
    }
}

struct op_row {
    enum command_op op;
    const char *name;
    bool knows[GOVERNOR_KINDS]; /* entitlement, quota, billing */
};

static const struct op_row op_rows[] = {
    {OP_GRANT, "grant", {true, false, false}},    {OP_EXTEND, "extend", {true, false, false}},
    {OP_SUSPEND, "suspend", {true, false, true}}, {OP_RESUME, "resume", {true, false, true}},
    {OP_REVOKE, "revoke", {true, false, false}},  {OP_RESET, "reset", {false, true, false}},
    {OP_REFUND, "refund", {false, true, true}},   {OP_SET_LIMIT, "set_limit", {false, true, false}},
    {OP_CREDIT, "credit", {false, false, true}},  {OP_CLOSE, "close", {false, false, true}},
};

static void each_governor_knows_its_own_ops_only(void **context)
{
    (void)context;
    for (size_t i = 0; i < sizeof op_rows / sizeof op_rows[0]; i++) {
        const struct op_row *row = &op_rows[i];
        assert_string_equal(command_op_name(row->op), row->name);
        for (enum governor_kind kind = GOVERNOR_ENTITLEMENT; kind <= GOVERNOR_BILLING; kind++) {
            enum command_op found = row->op;
            enum status status = command_op_of_name(kind, bytes_of_string(row->name), &found);
            assert_int_equal(status, row->knows[kind] ? STATUS_OK : STATUS_NOT_FOUND);
            assert_int_equal(found, row->op);
        }
    }
    enum command_op found;
    assert_int_equal(command_op_of_name(GOVERNOR_QUOTA, bytes_of_string("delete"), &found), STATUS_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_spelled_as_in_the_contract_and_ordered_by_strictness),
        cmocka_unit_test(reasons_are_spelled_as_in_the_contract),
        cmocka_unit_test(governors_are_found_by_their_names_only),
        cmocka_unit_test(replies_are_spelled_as_in_the_contract),
        cmocka_unit_test(each_governor_knows_its_own_ops_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
