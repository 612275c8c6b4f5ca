#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/governors/entitlement.h"

enum { PHASES = ENTITLEMENT_REVOKED + 1, OPS = OP_REVOKE + 1, RANDOM_STEPS = 20000 };

static void assert_same(const struct entitlement_state *left, const struct entitlement_state *right)
{
    assert_int_equal(left->phase, right->phase);
    assert_true(name_equal(&left->plan, &right->plan));
    assert_int_equal(left->feature_count, right->feature_count);
    for (uint8_t i = 0; i < GRANT_FEATURES_MAX; i++) {
        assert_true(name_equal(&left->features[i], &right->features[i]));
    }
    assert_int_equal(left->starts_at, right->starts_at);
    assert_int_equal(left->expires_at, right->expires_at);
    assert_int_equal(left->grace_ms, right->grace_ms);
}

/* A grant of gold from 100 to 200 with 50 of grace, in the phase given. */
static struct entitlement_state in_phase(enum entitlement_phase phase)
{
    if (phase == ENTITLEMENT_NONE) {
        return (struct entitlement_state){.phase = ENTITLEMENT_NONE};
    }
    return (struct entitlement_state){.phase = phase,
                                      .plan = name_of("gold"),
                                      .feature_count = 1,
                                      .features = {name_of("charge")},
                                      .starts_at = 100,
                                      .expires_at = 200,
                                      .grace_ms = 50};
}

struct command_row {
    enum entitlement_phase from;
    instant_ms now;
    enum command_op op;
    instant_ms starts_at;  /* grant */
    instant_ms expires_at; /* grant, extend */
    int64_t grace_ms;      /* grant */
    enum reply_reason reason;
    enum entitlement_phase to;
};

static const struct command_row command_rows[] = {
    {ENTITLEMENT_NONE, 150, OP_GRANT, 0, INSTANT_NEVER, 0, REPLY_OK, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_NONE, 150, OP_GRANT, 151, INSTANT_NEVER, 0, REPLY_OK, ENTITLEMENT_PENDING},
    {ENTITLEMENT_NONE, 150, OP_GRANT, 150, INSTANT_NEVER, 0, REPLY_OK, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_NONE, 150, OP_GRANT, 0, 151, 0, REPLY_OK, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_NONE, 150, OP_GRANT, 0, 150, 1, REPLY_OK, ENTITLEMENT_GRACE},
    {ENTITLEMENT_NONE, 150, OP_GRANT, 0, 150, 0, REPLY_OK, ENTITLEMENT_EXPIRED},
    {ENTITLEMENT_NONE, 150, OP_GRANT, 160, 140, 0, REPLY_OK, ENTITLEMENT_PENDING},
    {ENTITLEMENT_NONE, 150, OP_GRANT, 0, 100, INT64_MAX, REPLY_OK, ENTITLEMENT_GRACE},
    {ENTITLEMENT_NONE, 150, OP_EXTEND, 0, 300, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_NONE},
    {ENTITLEMENT_NONE, 150, OP_SUSPEND, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_NONE},
    {ENTITLEMENT_NONE, 150, OP_RESUME, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_NONE},
    {ENTITLEMENT_NONE, 150, OP_REVOKE, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_NONE},

    {ENTITLEMENT_PENDING, 50, OP_GRANT, 0, INSTANT_NEVER, 0, REPLY_OK, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_PENDING, 50, OP_EXTEND, 0, 300, 0, REPLY_OK, ENTITLEMENT_PENDING},
    {ENTITLEMENT_PENDING, 50, OP_EXTEND, 0, 10, 0, REPLY_OK, ENTITLEMENT_PENDING},
    {ENTITLEMENT_PENDING, 50, OP_SUSPEND, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_PENDING},
    {ENTITLEMENT_PENDING, 50, OP_RESUME, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_PENDING},
    {ENTITLEMENT_PENDING, 50, OP_REVOKE, 0, 0, 0, REPLY_OK, ENTITLEMENT_REVOKED},
    /* What was pending at the last step is active by now. */
    {ENTITLEMENT_PENDING, 100, OP_SUSPEND, 0, 0, 0, REPLY_OK, ENTITLEMENT_SUSPENDED},

    {ENTITLEMENT_ACTIVE, 150, OP_GRANT, 160, INSTANT_NEVER, 0, REPLY_OK, ENTITLEMENT_PENDING},
    {ENTITLEMENT_ACTIVE, 150, OP_EXTEND, 0, 300, 0, REPLY_OK, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_ACTIVE, 150, OP_EXTEND, 0, INSTANT_NEVER, 0, REPLY_OK, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_ACTIVE, 150, OP_EXTEND, 0, 150, 0, REPLY_OK, ENTITLEMENT_GRACE},
    {ENTITLEMENT_ACTIVE, 150, OP_EXTEND, 0, 101, 0, REPLY_OK, ENTITLEMENT_GRACE},
    {ENTITLEMENT_ACTIVE, 150, OP_EXTEND, 0, 100, 0, REPLY_OK, ENTITLEMENT_EXPIRED},
    {ENTITLEMENT_ACTIVE, 150, OP_SUSPEND, 0, 0, 0, REPLY_OK, ENTITLEMENT_SUSPENDED},
    {ENTITLEMENT_ACTIVE, 150, OP_RESUME, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_ACTIVE, 150, OP_REVOKE, 0, 0, 0, REPLY_OK, ENTITLEMENT_REVOKED},
    /* What was active at the last step has expired by now. */
    {ENTITLEMENT_ACTIVE, 250, OP_EXTEND, 0, 300, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_ACTIVE, 250, OP_SUSPEND, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_ACTIVE},

    {ENTITLEMENT_GRACE, 220, OP_GRANT, 0, INSTANT_NEVER, 0, REPLY_OK, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_GRACE, 220, OP_EXTEND, 0, 221, 0, REPLY_OK, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_GRACE, 220, OP_EXTEND, 0, 190, 0, REPLY_OK, ENTITLEMENT_GRACE},
    {ENTITLEMENT_GRACE, 220, OP_EXTEND, 0, 170, 0, REPLY_OK, ENTITLEMENT_EXPIRED},
    {ENTITLEMENT_GRACE, 220, OP_SUSPEND, 0, 0, 0, REPLY_OK, ENTITLEMENT_SUSPENDED},
    {ENTITLEMENT_GRACE, 220, OP_RESUME, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_GRACE},
    {ENTITLEMENT_GRACE, 220, OP_REVOKE, 0, 0, 0, REPLY_OK, ENTITLEMENT_REVOKED},

    {ENTITLEMENT_EXPIRED, 300, OP_GRANT, 0, INSTANT_NEVER, 0, REPLY_OK, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_EXPIRED, 300, OP_EXTEND, 0, 400, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_EXPIRED},
    {ENTITLEMENT_EXPIRED, 300, OP_SUSPEND, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_EXPIRED},
    {ENTITLEMENT_EXPIRED, 300, OP_RESUME, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_EXPIRED},
    {ENTITLEMENT_EXPIRED, 300, OP_REVOKE, 0, 0, 0, REPLY_OK, ENTITLEMENT_REVOKED},

    {ENTITLEMENT_SUSPENDED, 150, OP_GRANT, 0, 400, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_SUSPENDED},
    {ENTITLEMENT_SUSPENDED, 150, OP_EXTEND, 0, 400, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_SUSPENDED},
    {ENTITLEMENT_SUSPENDED, 150, OP_SUSPEND, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_SUSPENDED},
    {ENTITLEMENT_SUSPENDED, 99, OP_RESUME, 0, 0, 0, REPLY_OK, ENTITLEMENT_PENDING},
    {ENTITLEMENT_SUSPENDED, 199, OP_RESUME, 0, 0, 0, REPLY_OK, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_SUSPENDED, 249, OP_RESUME, 0, 0, 0, REPLY_OK, ENTITLEMENT_GRACE},
    {ENTITLEMENT_SUSPENDED, 250, OP_RESUME, 0, 0, 0, REPLY_OK, ENTITLEMENT_EXPIRED},
    {ENTITLEMENT_SUSPENDED, 150, OP_REVOKE, 0, 0, 0, REPLY_OK, ENTITLEMENT_REVOKED},

    {ENTITLEMENT_REVOKED, 150, OP_GRANT, 0, INSTANT_NEVER, 0, REPLY_OK, ENTITLEMENT_ACTIVE},
    {ENTITLEMENT_REVOKED, 150, OP_EXTEND, 0, 400, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_REVOKED},
    {ENTITLEMENT_REVOKED, 150, OP_SUSPEND, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_REVOKED},
    {ENTITLEMENT_REVOKED, 150, OP_RESUME, 0, 0, 0, REPLY_INVALID_TRANSITION, ENTITLEMENT_REVOKED},
    {ENTITLEMENT_REVOKED, 150, OP_REVOKE, 0, 0, 0, REPLY_OK, ENTITLEMENT_REVOKED},
};
enum { COMMAND_ROWS = sizeof command_rows / sizeof command_rows[0] };

static struct command command_of(const struct command_row *row)
{
    struct command command = {.id = name_of("c"),
                              .governor = GOVERNOR_ENTITLEMENT,
                              .op = row->op,
                              .starts_at = row->starts_at,
                              .expires_at = row->expires_at,
                              .grace_ms = row->grace_ms};
    if (row->op == OP_GRANT) {
        command.plan = name_of("silver");
        command.feature_count = 2;
        command.features[0] = name_of("unlock");
        command.features[1] = name_of("export");
    }
    return command;
}

/* The state the row should lead to, all of it. */
static struct entitlement_state expected_of(const struct command_row *row, const struct command *command)
{
    struct entitlement_state state = in_phase(row->from);
    if (row->reason != REPLY_OK) {
        return state;
    }
    state.phase = row->to;
    if (row->op == OP_GRANT) {
        state = (struct entitlement_state){.phase = row->to,
                                           .plan = command->plan,
                                           .feature_count = 2,
                                           .features = {command->features[0], command->features[1]},
                                           .starts_at = row->starts_at,
                                           .grace_ms = row->grace_ms};
    }
    if (row->op == OP_GRANT || row->op == OP_EXTEND) {
        state.expires_at = row->expires_at;
    }
    return state;
}

static void commands_lead_where_the_table_says(void **context)
{
    (void)context;
    for (size_t i = 0; i < COMMAND_ROWS; i++) {
        const struct command_row *row = &command_rows[i];
        struct command command = command_of(row);
        struct entitlement_outcome outcome = entitlement_command(in_phase(row->from), &command, row->now);
        struct entitlement_state expected = expected_of(row, &command);
        if (outcome.reason != row->reason || outcome.state.phase != row->to) {
            fail_msg("row %zu: %s -%s-> %s, %s", i, entitlement_phase_name(row->from),
                     command_op_name(row->op), entitlement_phase_name(outcome.state.phase),
                     reply_reason_name(outcome.reason));
        }
        assert_same(&outcome.state, &expected);
    }
}

static void the_table_has_every_phase_with_every_op(void **context)
{
    (void)context;
    bool tried[PHASES][OPS] = {{false}};
    bool reached[PHASES] = {[ENTITLEMENT_NONE] = true};
    for (size_t i = 0; i < COMMAND_ROWS; i++) {
        tried[command_rows[i].from][command_rows[i].op] = true;
        reached[command_rows[i].to] |= command_rows[i].reason == REPLY_OK;
    }
    for (size_t phase = 0; phase < PHASES; phase++) {
        assert_true(reached[phase]);
        for (size_t op = 0; op < OPS; op++) {
            assert_true(tried[phase][op]);
        }
    }
}

struct time_row {
    enum entitlement_phase from;
    instant_ms now;
    enum entitlement_phase to;
    instant_ms next_edge; /* Of the phase reached. */
};

static void time_leads_where_the_table_says(void **context)
{
    static const struct time_row rows[] = {
        {ENTITLEMENT_NONE, 1000, ENTITLEMENT_NONE, INSTANT_NEVER},
        {ENTITLEMENT_PENDING, 99, ENTITLEMENT_PENDING, 100},
        {ENTITLEMENT_PENDING, 100, ENTITLEMENT_ACTIVE, 200},
        {ENTITLEMENT_PENDING, 200, ENTITLEMENT_GRACE, 250},
        {ENTITLEMENT_PENDING, 250, ENTITLEMENT_EXPIRED, INSTANT_NEVER},
        {ENTITLEMENT_ACTIVE, 199, ENTITLEMENT_ACTIVE, 200},
        {ENTITLEMENT_ACTIVE, 200, ENTITLEMENT_GRACE, 250},
        {ENTITLEMENT_ACTIVE, 249, ENTITLEMENT_GRACE, 250},
        {ENTITLEMENT_ACTIVE, 250, ENTITLEMENT_EXPIRED, INSTANT_NEVER},
        {ENTITLEMENT_ACTIVE, 50, ENTITLEMENT_ACTIVE, 200},
        {ENTITLEMENT_GRACE, 249, ENTITLEMENT_GRACE, 250},
        {ENTITLEMENT_GRACE, 250, ENTITLEMENT_EXPIRED, INSTANT_NEVER},
        {ENTITLEMENT_GRACE, 150, ENTITLEMENT_GRACE, 250},
        {ENTITLEMENT_EXPIRED, 150, ENTITLEMENT_EXPIRED, INSTANT_NEVER},
        {ENTITLEMENT_SUSPENDED, 1000, ENTITLEMENT_SUSPENDED, INSTANT_NEVER},
        {ENTITLEMENT_REVOKED, 1000, ENTITLEMENT_REVOKED, INSTANT_NEVER},
    };
    (void)context;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct entitlement_state state = entitlement_at(in_phase(rows[i].from), rows[i].now);
        struct entitlement_state expected = in_phase(rows[i].from);
        expected.phase = rows[i].to;
        assert_same(&state, &expected);
        assert_int_equal(entitlement_next_edge(&state), rows[i].next_edge);
    }
}

static void without_grace_active_expires_at_once(void **context)
{
    (void)context;
    struct entitlement_state state = in_phase(ENTITLEMENT_ACTIVE);
    state.grace_ms = 0;
    assert_int_equal(entitlement_at(state, 199).phase, ENTITLEMENT_ACTIVE);
    assert_int_equal(entitlement_at(state, 200).phase, ENTITLEMENT_EXPIRED);
}

static void endless_grant_stays_active(void **context)
{
    (void)context;
    struct entitlement_state state = entitlement_bootstrap(name_of("free"));
    assert_int_equal(state.phase, ENTITLEMENT_ACTIVE);
    assert_true(bytes_equal_string(name_bytes(&state.plan), "free"));
    assert_int_equal(entitlement_next_edge(&state), INSTANT_NEVER);
    assert_int_equal(entitlement_at(state, INSTANT_NEVER).phase, ENTITLEMENT_ACTIVE);
}

struct check_row {
    enum entitlement_phase phase;
    const char *plan_feature; /* NULL: the plan is gone. */
    const char *grant_feature;
    const char *needed;
    enum verdict verdict;
    enum reason reason;
};

static const struct check_row check_rows[] = {
    {ENTITLEMENT_NONE, "*", "*", "", VERDICT_DENY, REASON_NOT_ENTITLED},
    {ENTITLEMENT_PENDING, "*", "*", "", VERDICT_DENY, REASON_NOT_STARTED},
    {ENTITLEMENT_EXPIRED, "*", "*", "", VERDICT_DENY, REASON_EXPIRED},
    {ENTITLEMENT_SUSPENDED, "*", "*", "", VERDICT_DENY, REASON_SUSPENDED},
    {ENTITLEMENT_REVOKED, "*", "*", "", VERDICT_DENY, REASON_REVOKED},
    /* Without a grant in force it is that which is told, not the missing feature. */
    {ENTITLEMENT_EXPIRED, "charge", "", "unlock", VERDICT_DENY, REASON_EXPIRED},
    {ENTITLEMENT_ACTIVE, "charge", "", "", VERDICT_ALLOW, REASON_OK},
    {ENTITLEMENT_ACTIVE, "charge", "", "charge", VERDICT_ALLOW, REASON_OK},
    {ENTITLEMENT_ACTIVE, "*", "", "unlock", VERDICT_ALLOW, REASON_OK},
    {ENTITLEMENT_ACTIVE, "charge", "unlock", "unlock", VERDICT_ALLOW, REASON_OK},
    {ENTITLEMENT_ACTIVE, "charge", "*", "unlock", VERDICT_ALLOW, REASON_OK},
    {ENTITLEMENT_ACTIVE, "charge", "unlock", "export", VERDICT_DENY, REASON_NOT_ENTITLED},
    {ENTITLEMENT_ACTIVE, "", "", "charge", VERDICT_DENY, REASON_NOT_ENTITLED},
    {ENTITLEMENT_ACTIVE, NULL, "", "", VERDICT_DENY, REASON_NOT_ENTITLED},
    {ENTITLEMENT_ACTIVE, NULL, "*", "", VERDICT_DENY, REASON_NOT_ENTITLED},
    {ENTITLEMENT_ACTIVE, NULL, "unlock", "unlock", VERDICT_DENY, REASON_NOT_ENTITLED},
    {ENTITLEMENT_ACTIVE, NULL, "*", "unlock", VERDICT_DENY, REASON_NOT_ENTITLED},
    {ENTITLEMENT_ACTIVE, NULL, "unlock", "charge", VERDICT_DENY, REASON_NOT_ENTITLED},
    {ENTITLEMENT_GRACE, "charge", "", "", VERDICT_WARN, REASON_GRACE},
    {ENTITLEMENT_GRACE, "charge", "", "charge", VERDICT_WARN, REASON_GRACE},
    {ENTITLEMENT_GRACE, "charge", "", "unlock", VERDICT_DENY, REASON_NOT_ENTITLED},
    {ENTITLEMENT_GRACE, NULL, "unlock", "unlock", VERDICT_DENY, REASON_NOT_ENTITLED},
};

static void events_are_answered_as_the_table_says(void **context)
{
    (void)context;
    for (size_t i = 0; i < sizeof check_rows / sizeof check_rows[0]; i++) {
        const struct check_row *row = &check_rows[i];
        struct entitlement_state state = in_phase(row->phase);
        state.features[0] = name_of(row->grant_feature);
        state.feature_count = row->grant_feature[0] == '\0' ? 0 : 1;
        struct plan plan = {.name = name_of("gold")};
        const char *plan_feature = row->plan_feature == NULL ? "" : row->plan_feature;
        plan.features[0] = name_of(plan_feature);
        plan.feature_count = plan_feature[0] == '\0' ? 0 : 1;
        struct name needed = name_of(row->needed);
        struct entitlement_answer answer =
            entitlement_check(&state, row->plan_feature == NULL ? NULL : &plan, &needed);
        if (answer.verdict != row->verdict || answer.reason != row->reason) {
            fail_msg("row %zu: %s %s", i, verdict_name(answer.verdict), reason_name(answer.reason));
        }
    }
}

static void phases_are_spelled_as_in_the_contract(void **context)
{
    static const char *const names[PHASES] = {"none",    "pending",   "active", "grace",
                                              "expired", "suspended", "revoked"};
    (void)context;
    for (enum entitlement_phase phase = ENTITLEMENT_NONE; phase <= ENTITLEMENT_REVOKED; phase++) {
        assert_string_equal(entitlement_phase_name(phase), names[phase]);
    }
}

/* Marsaglia's xorshift64. */
static uint64_t random_below(uint64_t *seed, uint64_t bound)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % bound;
}

static struct command random_command(uint64_t *seed, instant_ms now)
{
    struct command command = {.id = name_of("c"), .op = (enum command_op)random_below(seed, OPS)};
    command.starts_at = now - 20 + (instant_ms)random_below(seed, 40);
    command.expires_at =
        random_below(seed, 4) == 0 ? INSTANT_NEVER : now - 20 + (instant_ms)random_below(seed, 80);
    command.grace_ms = random_below(seed, 20) == 0 ? INT64_MAX : (int64_t)random_below(seed, 30);
    return command;
}

/* Walking from edge to edge gives at every instant the phase that one leap gives, and edges are where it
 * changes. */
static void assert_edges_tell(struct entitlement_state state, instant_ms now)
{
    state = entitlement_at(state, now);
    instant_ms edge = entitlement_next_edge(&state);
    if (edge == INSTANT_NEVER) {
        struct entitlement_state late = entitlement_at(state, INSTANT_NEVER - 1);
        assert_same(&late, &state);
        return;
    }
    assert_true(edge > now);
    assert_int_equal(entitlement_at(state, edge - 1).phase, state.phase);
    struct entitlement_state at_edge = entitlement_at(state, edge);
    assert_true(at_edge.phase > state.phase);
    struct entitlement_state walked = entitlement_at(at_edge, edge + 30);
    struct entitlement_state leapt = entitlement_at(state, edge + 30);
    assert_same(&walked, &leapt);
}

static void random_lives_keep_the_rules(void **context)
{
    (void)context;
    uint64_t seed = 0x5eed0001;
    struct entitlement_state state = {.phase = ENTITLEMENT_NONE};
    instant_ms now = 1795000000000;
    bool was_in[PHASES] = {false};
    for (int i = 0; i < RANDOM_STEPS; i++) {
        now += (instant_ms)random_below(&seed, 15);
        struct command command = random_command(&seed, now);
        struct entitlement_outcome outcome = entitlement_command(state, &command, now);
        struct entitlement_outcome again = entitlement_command(state, &command, now);
        assert_int_equal(outcome.reason, again.reason);
        assert_same(&outcome.state, &again.state);
        if (outcome.reason != REPLY_OK) {
            assert_int_equal(outcome.reason, REPLY_INVALID_TRANSITION);
            assert_same(&outcome.state, &state);
        }
        state = outcome.state;
        was_in[state.phase] = true;
        assert_edges_tell(state, now);
    }
    for (size_t phase = 0; phase < PHASES; phase++) {
        assert_true(was_in[phase] || phase == ENTITLEMENT_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_lead_where_the_table_says),
        cmocka_unit_test(the_table_has_every_phase_with_every_op),
        cmocka_unit_test(time_leads_where_the_table_says),
        cmocka_unit_test(without_grace_active_expires_at_once),
        cmocka_unit_test(endless_grant_stays_active),
        cmocka_unit_test(events_are_answered_as_the_table_says),
        cmocka_unit_test(phases_are_spelled_as_in_the_contract),
        cmocka_unit_test(random_lives_keep_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
