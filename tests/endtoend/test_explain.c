/* flyball explain: every answer the agent gave can be explained from its ledger, in words and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

enum { EXIT_OK, EXIT_WRONG, EXIT_USAGE };

static const char policies[] =
    "{\"plans\": {\"gold\": {\"features\": [\"base\"],"
    "   \"quotas\": [{\"name\": \"daily\", \"meter\": \"kwh\", \"limit\": \"100\", \"window\": \"day\"}],"
    "   \"prices\": {\"kwh\": \"0.2\", \"coffee\": \"2\"},"
    "   \"billing\": {\"low_balance\": \"1\", \"overdraft\": \"0\"}}},"
    " \"meters\": {\"kwh\": {}, \"coffee\": {}, \"unlock\": {\"feature\": \"premium\"}},"
    " \"subjects\": {\"plan\": \"gold\"}}";

static int open_with_policies(void **context)
{
    stage_open(context);
    stage_start(*context, policies);
    return 0;
}

static struct agent_outcome explain(struct stage *stage, const char *option, const char *what)
{
    const char *const arguments[] = {"explain", "--store", stage->agent.store, option, what, NULL};
    return agent_process_run(&stage->agent, arguments);
}

/* The array of what was found, as JSON; the caller deletes it. */
static cJSON *explain_json(struct stage *stage, const char *what)
{
    struct agent_outcome outcome = explain(stage, "--json", what);
    cJSON *json = cJSON_Parse(outcome.output);
    if (outcome.exit_code != EXIT_OK || !cJSON_IsArray(json)) {
        stage_fail(stage, "%s: exit code %d\n%s%s", what, outcome.exit_code, outcome.output, outcome.errors);
    }
    agent_outcome_free(&outcome);
    return json;
}

/* The words without their times and without the hashes, which end them. The caller frees them. */
static char *explain_words(struct stage *stage, const char *what)
{
    struct agent_outcome outcome = explain(stage, "--", what);
    assert_int_equal(outcome.exit_code, EXIT_OK);
    char *words = without_times(outcome.output);
    char *hash = strstr(words, "hash  ");
    if (hash != NULL) {
        *hash = '\0';
    }
    agent_outcome_free(&outcome);
    return words;
}

static void expect_words(struct stage *stage, const char *what, const char *expected)
{
    char *words = explain_words(stage, what);
    assert_string_equal(words, expected);
    free(words);
}

static void expect_words_hold(struct stage *stage, const char *what, const char *part)
{
    char *words = explain_words(stage, what);
    if (strstr(words, part) == NULL) {
        stage_fail(stage, "no \"%s\" in\n%s", part, words);
    }
    free(words);
}

/* Every member of the message that was published is in what explains it. */
static void expect_all_of(const cJSON *message, const cJSON *explained)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, message)
    {
        const cJSON *other = cJSON_GetObjectItemCaseSensitive(explained, member->string);
        assert_non_null(other);
        if (cJSON_IsObject(member)) {
            expect_all_of(member, other);
        } else {
            assert_true(cJSON_Compare(member, other, true));
        }
    }
}

static void credit(struct stage *stage, const char *id, const char *amount)
{
    stage_do(stage, "acme/billing", "{\"id\": \"%s\", \"op\": \"credit\", \"amount\": \"%s\"}", id, amount);
}

static const cJSON *use(struct stage *stage, const char *id, const char *amount)
{
    char payload[128];
    snprintf(payload, sizeof payload, "{\"id\": \"%s\", \"amount\": \"%s\"}", id, amount);
    return stage_event(stage, "acme/meter-7/kwh", payload);
}

static void decision_is_told_in_words(void **context)
{
    struct stage *stage = *context;
    credit(stage, "c-1", "112.6");
    use(stage, "e-0", "73.5");
    use(stage, "e-1", "2.5");
    expect_words(stage, "e-1",
                 "decision 3: warn (quota_warning)\n"
                 "<time>  device meter-7 asked 2.5 kwh for acme, event e-1 (clock synced, configuration 0, "
                 "plan gold)\n"
                 "entitlement  allow     active -> active\n"
                 "quota        warn      daily: used 73.5 -> 76 of 100, 24 left, resets <time>; normal -> "
                 "warning\n"
                 "billing      allow     charged 0.5, balance 97.9 -> 97.4; good -> good\n"
                 "paid         0.5 from grant c-1\n"
                 "Was allowed with a warning: 76 of 100 of daily are used.\n");
    expect_words_hold(stage, "2", "entitlement  allow     none -> active, plan none -> gold\n");
    expect_words_hold(stage, "2", "Was allowed: nothing speaks against it.\n");
}

static void decision_is_told_as_json(void **context)
{
    struct stage *stage = *context;
    credit(stage, "c-1", "112.6");
    const cJSON *first = use(stage, "e-0", "73.5");
    const cJSON *second = use(stage, "e-1", "2.5");
    cJSON *before = explain_json(stage, "2");
    cJSON *found = explain_json(stage, "e-1");
    const cJSON *item = cJSON_GetArrayItem(found, 0);
    assert_int_equal(cJSON_GetArraySize(found), 1);
    expect_all_of(first, cJSON_GetArrayItem(before, 0));
    expect_all_of(second, item);
    expect(item, "kind", "decision");
    expect(item, "governors/entitlement/before/state", "active");
    expect(item, "governors/entitlement/before/plan", "gold");
    expect(item, "governors/quota/before/state", "normal");
    expect(item, "governors/quota/before/used", "73.5");
    expect(item, "governors/billing/before/state", "good");
    expect(item, "governors/billing/before/balance", "97.9");
    expect(item, "charge/grants/0/id", "c-1");
    expect(item, "charge/grants/0/amount", "0.5");
    expect(item, "why", "Was allowed with a warning: 76 of 100 of daily are used.");
    /* Its link of the chain follows that of the decision before. */
    assert_string_equal(json_string(item, "previous"), json_string(before, "0/hash"));
    assert_int_equal(strlen(json_string(item, "hash")), 64);
    cJSON_Delete(before);
    cJSON_Delete(found);
}

static void denial_by_entitlement_names_the_feature(void **context)
{
    struct stage *stage = *context;
    stage_event(stage, "acme/door/unlock", "{\"id\": \"e-1\"}");
    expect_words_hold(stage, "e-1", "decision 1: deny (not_entitled)\n");
    expect_words_hold(stage, "e-1",
                      "Was denied by entitlement: meter unlock needs the feature premium, which neither plan "
                      "gold nor its grant includes.\n");
    cJSON *found = explain_json(stage, "e-1");
    expect(found, "0/feature", "premium");
    cJSON_Delete(found);
}

static void denial_by_quota_names_limit_and_use(void **context)
{
    struct stage *stage = *context;
    credit(stage, "c-1", "1000");
    use(stage, "e-0", "76");
    use(stage, "e-1", "30");
    expect_words_hold(stage, "e-1",
                      "daily: used 76 -> 76 of 100, 24 left, resets <time>; warning -> exceeded\n");
    expect_words_hold(
        stage, "e-1",
        "Was denied by quota: 76 of 100 of daily are used, 30 more would pass the limit; it fits "
        "in ");
    use(stage, "e-2", "101");
    expect_words_hold(stage, "e-2", "101 more would pass the limit; waiting does not help.\n");
}

static void denial_by_billing_names_the_price(void **context)
{
    struct stage *stage = *context;
    credit(stage, "c-1", "1");
    use(stage, "e-1", "30");
    expect_words_hold(stage, "e-1", "billing      deny      charged 0, balance 1 -> 1; low -> low\n");
    expect_words_hold(
        stage, "e-1",
        "Was denied by billing: the balance of 1 and the overdraft of the plan do not pay 30 at "
        "0.2, which is 6.\n");
    cJSON *found = explain_json(stage, "e-1");
    expect(found, "0/price", "0.2");
    expect_absent(found, "0/charge");
    cJSON_Delete(found);
}

static void duplicate_is_shown_after_its_decision(void **context)
{
    struct stage *stage = *context;
    credit(stage, "c-1", "10");
    use(stage, "e-1", "1");
    use(stage, "e-2", "1");
    use(stage, "e-1", "1");
    static const char *const names[] = {"e-1", "2"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cJSON *found = explain_json(stage, names[i]);
        assert_int_equal(cJSON_GetArraySize(found), 2);
        expect(found, "0/duplicate", "false");
        expect(found, "1/duplicate", "true");
        expect(found, "1/seq", "2");
        expect(found, "1/governors/billing/before/balance", "10");
        expect_absent(found, "1/hash");
        cJSON_Delete(found);
    }
    expect_words_hold(stage, "e-1", "decision 2: allow (ok)\n");
}

static void all_of_an_id_are_shown_oldest_first(void **context)
{
    struct stage *stage = *context;
    credit(stage, "c-1", "10");
    use(stage, "e-1", "1");
    stage_event(stage, "other/meter-7/kwh", "{\"id\": \"e-1\", \"amount\": 2}");
    stage_event(stage, "acme/meter-8/kwh", "{\"id\": \"e-1\", \"amount\": 3}");
    use(stage, "e-1", "4");
    stage_event(stage, "acme/meter-8/kwh", "{\"id\": \"e-11\", \"amount\": 3}");
    cJSON *found = explain_json(stage, "e-1");
    assert_int_equal(cJSON_GetArraySize(found), 4);
    expect(found, "0/amount", "1");
    expect(found, "1/subject", "other");
    expect(found, "2/device", "meter-8");
    expect(found, "3/reason", "id_reused");
    expect(found, "3/governors", "{}");
    cJSON_Delete(found);
    expect_words_hold(stage, "5", "Was denied: the device used this event key before for other bytes");
}

static void refused_events_have_their_sentence(void **context)
{
    struct stage *stage = *context;
    stage_event(stage, "acme/meter-7/water", "{\"id\": \"e-1\"}");
    expect_words(stage, "1",
                 "decision 1: deny (unknown_meter)\n"
                 "<time>  device meter-7 asked 1 water for acme, event e-1 (clock synced, configuration 0)\n"
                 "Was denied: the configuration has no meter water.\n");
}

static void peek_is_told_by_its_id_alone(void **context)
{
    struct stage *stage = *context;
    credit(stage, "c-1", "10");
    use(stage, "e-1", "0");
    expect_words(stage, "e-1",
                 "peek after 1: allow (ok)\n"
                 "<time>  device meter-7 only asked about kwh for acme, event e-1 (clock synced, "
                 "configuration 0, plan gold)\n"
                 "entitlement  allow     active\n"
                 "quota        allow     daily: used 0 of 100, 100 left, resets <time>; normal\n"
                 "billing      allow     charged 0, balance 10; good\n"
                 "Would be allowed: nothing speaks against it.\n");
    cJSON *found = explain_json(stage, "1");
    assert_int_equal(cJSON_GetArraySize(found), 1);
    expect(found, "0/kind", "command");
    cJSON_Delete(found);
}

static void device_seq_is_told(void **context)
{
    struct stage *stage = *context;
    stage_event(stage, "acme/meter-7/unlock", "{\"device_seq\": 7, \"boot\": \"b1\", \"amount\": 2}");
    expect_words_hold(stage, "1", "asked 2 unlock for acme, event 7 of boot \"b1\" (");
    stage_event(stage, "acme/meter-7/unlock", "{}");
    expect_words_hold(stage, "2", "asked 1 unlock for acme, without a key (");
}

static void command_is_told(void **context)
{
    struct stage *stage = *context;
    credit(stage, "c-1", "10");
    const cJSON *reply = stage_command(stage, "acme/billing",
                                       "{\"id\": \"c-2\", \"op\": \"credit\", \"amount\": \"2.5\", "
                                       "\"priority\": -1}");
    expect_words(stage, "2",
                 "command 2: ok\n"
                 "<time>  credit to billing of acme, amount 2.5, priority -1, expires never, command c-2 "
                 "(clock synced, configuration 0)\n"
                 "billing      good, balance 10 -> good, balance 12.5\n"
                 "Was applied.\n");
    cJSON *found = explain_json(stage, "c-2");
    assert_int_equal(cJSON_GetArraySize(found), 1);
    expect_all_of(reply, cJSON_GetArrayItem(found, 0));
    expect(found, "0/subject", "acme");
    expect(found, "0/governor", "billing");
    expect(found, "0/asked/amount", "2.5");
    expect(found, "0/asked/priority", "-1");
    expect(found, "0/before/state", "good");
    expect(found, "0/before/balance", "10");
    expect(found, "0/state/balance", "12.5");
    assert_int_equal(strlen(json_string(found, "0/hash")), 64);
    cJSON_Delete(found);
}

static void refund_is_told_with_its_event(void **context)
{
    struct stage *stage = *context;
    credit(stage, "c-1", "10");
    use(stage, "e-1", "5");
    stage_do(stage, "acme/billing",
             "{\"id\": \"r-1\", \"op\": \"refund\", \"event\": \"e-1\", \"device\": \"meter-7\"}");
    expect_words_hold(stage, "3", "refund to billing of acme, event e-1, device meter-7, command r-1 (");
    expect_words_hold(stage, "3", "billing      good, balance 9 -> good, balance 10\n");
    stage_command(stage, "acme/billing",
                  "{\"id\": \"r-2\", \"op\": \"refund\", \"event\": \"e-1\", \"device\": \"meter-7\"}");
    expect_words_hold(stage, "r-2", "command after 3: rejected (already_refunded)\n");
    expect_words_hold(stage, "r-2", "Was rejected: event e-1 of device meter-7 was refunded before.\n");
    stage_command(stage, "acme/billing",
                  "{\"id\": \"r-1\", \"op\": \"refund\", \"event\": \"e-1\", \"device\": \"meter-7\"}");
    cJSON *found = explain_json(stage, "3");
    assert_int_equal(cJSON_GetArraySize(found), 2);
    expect(found, "0/duplicate", "false");
    expect(found, "1/duplicate", "true");
    expect(found, "1/seq", "3");
    cJSON_Delete(found);
}

static void other_commands_are_told(void **context)
{
    struct stage *stage = *context;
    credit(stage, "c-1", "100");
    use(stage, "e-1", "80");
    stage_do(stage, "acme/quota", "{\"id\": \"q-1\", \"op\": \"reset\"}");
    expect_words_hold(stage, "q-1",
                      "quota        warning, limit daily, used 80 of 100 -> normal, limit daily, "
                      "used 0 of 100\n");
    stage_do(stage, "acme/entitlement", "{\"id\": \"s-1\", \"op\": \"suspend\"}");
    expect_words_hold(stage, "s-1", "entitlement  active, plan gold -> suspended, plan gold\n");
    stage_command(stage, "acme/entitlement", "{\"id\": \"s-2\", \"op\": \"suspend\"}");
    expect_words_hold(stage, "s-2",
                      "Was rejected: suspend is not possible while entitlement is suspended.\n");
    stage_do(stage, "acme/entitlement", "{\"id\": \"s-3\", \"op\": \"resume\"}");
    stage_do(stage, "acme/entitlement",
             "{\"id\": \"g-1\", \"op\": \"grant\", \"plan\": \"gold\", \"features\": [\"premium\"]}");
    expect_words_hold(stage, "g-1",
                      "grant to entitlement of acme, plan gold, feature premium, expires never, ");
}

static void number_is_a_seq_before_it_is_an_id(void **context)
{
    struct stage *stage = *context;
    credit(stage, "c-1", "10");
    use(stage, "1", "1");
    use(stage, "7", "1");
    struct agent_outcome outcome = explain(stage, "--", "1");
    assert_int_equal(outcome.exit_code, EXIT_OK);
    assert_non_null(strstr(outcome.output, "command 1: ok"));
    assert_non_null(strstr(outcome.errors, "1 is also the id of an event or a command: see seq 2\n"));
    agent_outcome_free(&outcome);
    expect_words_hold(stage, "7", "decision 3: allow (ok)\n");
}

static void what_is_not_there_is_said(void **context)
{
    struct stage *stage = *context;
    struct agent_outcome outcome = explain(stage, "--", "e-1");
    assert_int_equal(outcome.exit_code, EXIT_WRONG);
    assert_non_null(strstr(outcome.errors, "the ledger is empty"));
    assert_string_equal(outcome.output, "");
    agent_outcome_free(&outcome);
    use(stage, "e-1", "1");
    static const char *const unknown[] = {"2", "0", "01", "99999999999999999999", "e-2", "e"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        char expected[512];
        snprintf(expected, sizeof expected,
                 "flyball: no decision or command %s in %s; the ledger begins at seq 1\n", unknown[i],
                 stage->agent.store);
        outcome = explain(stage, "--json", unknown[i]);
        assert_int_equal(outcome.exit_code, EXIT_WRONG);
        assert_string_equal(outcome.errors, expected);
        agent_outcome_free(&outcome);
    }
}

static void wrong_use_is_said(void **context)
{
    struct stage *stage = *context;
    static const char *const wrong[][4] = {
        {"explain"}, {"explain", "1", "2"}, {"explain", ""}, {"explain", "--yaml", "1"}, {"state", "--json"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct agent_outcome outcome = agent_process_run(&stage->agent, wrong[i]);
        assert_int_equal(outcome.exit_code, EXIT_USAGE);
        assert_non_null(strstr(outcome.errors, "usage"));
        agent_outcome_free(&outcome);
    }
    struct agent_outcome outcome = stage_run_command(stage, "explain", "--store", "/nonexistent", "1");
    assert_int_equal(outcome.exit_code, EXIT_WRONG);
    assert_non_null(strstr(outcome.errors, "/nonexistent"));
    agent_outcome_free(&outcome);
}

static void ids_do_not_command_the_terminal(void **context)
{
    struct stage *stage = *context;
    use(stage, "-\\u001b[2J\\u009b", "1");
    expect_words_hold(stage, "-\x1b[2J\xc2\x9b", ", event -\\x1b[2J\\xc2\\x9b (");
    cJSON *found = explain_json(stage, "1");
    expect(found, "0/event", "-\x1b[2J\xc2\x9b");
    cJSON_Delete(found);
}

static void dead_agent_is_explained_too(void **context)
{
    struct stage *stage = *context;
    credit(stage, "c-1", "10");
    use(stage, "e-1", "1");
    char *alive = explain_words(stage, "2");
    agent_process_kill(&stage->agent);
    expect_words(stage, "2", alive);
    stage_run(stage);
    expect_words(stage, "2", alive);
    free(alive);
}

/* One bit in the first frame's payload; where the chain of the ledger is broken, nothing has to be linked. */
static void damage_elsewhere_is_said_and_passed_over(void **context)
{
    struct stage *stage = *context;
    use(stage, "e-1", "1");
    use(stage, "e-2", "1");
    agent_process_terminate(&stage->agent);
    char path[256];
    snprintf(path, sizeof path, "%s/segment-0000000001.log", stage->agent.store);
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    assert_int_equal(fseek(file, 200, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, 200, SEEK_SET), 0);
    fputc(byte ^ 1, file);
    fclose(file);
    struct agent_outcome outcome = explain(stage, "--json", "2");
    assert_int_equal(outcome.exit_code, EXIT_OK);
    assert_non_null(strstr(outcome.output, "\"event\":\"e-2\""));
    assert_non_null(strstr(outcome.errors, "segment-0000000001.log"));
    agent_outcome_free(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(decision_is_told_in_words, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(decision_is_told_as_json, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(denial_by_entitlement_names_the_feature, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(denial_by_quota_names_limit_and_use, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(denial_by_billing_names_the_price, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(duplicate_is_shown_after_its_decision, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(all_of_an_id_are_shown_oldest_first, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(refused_events_have_their_sentence, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(peek_is_told_by_its_id_alone, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(device_seq_is_told, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(command_is_told, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(refund_is_told_with_its_event, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(other_commands_are_told, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(number_is_a_seq_before_it_is_an_id, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_said, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(wrong_use_is_said, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(ids_do_not_command_the_terminal, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(dead_agent_is_explained_too, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(damage_elsewhere_is_said_and_passed_over, open_with_policies,
                                        stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
