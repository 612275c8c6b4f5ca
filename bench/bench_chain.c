/* What one event costs in the chain of all three governors, in nanoseconds, and what the parts cost alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/governors/chain.h"
#include "agent/governors/quota_hearing.h"

enum { ROUNDS = 7, EVENTS = 200000, SUBJECTS = 1024, HOUR_MS = 3600000 };

static const instant_ms noon = 1795262400000; /* 2026-11-21T12:00:00Z */

/* One plan and one meter; as many subjects as a case asks, in turn. */
struct bench {
    struct plan plan;
    struct meter meter;
    struct policy policy;
    uint32_t subject_count;
    struct governor_states *subjects;
    micro_units amount;
    struct chain_answer answer;
};

struct bench_case {
    const char *name;
    void (*set_up)(struct bench *bench);
    void (*event)(struct bench *bench, struct governor_states *states, instant_ms now);
};

static void add_limit(struct bench *bench, const char *name, enum quota_algorithm algorithm,
                      int64_t window_ms)
{
    micro_units most = 1000000000 * MICRO_UNITS_ONE;
    bench->plan.quotas[bench->plan.quota_count++] =
        (struct quota_limit){.name = name_of(name),
                             .meter = name_of("*"),
                             .algorithm = algorithm,
                             .window = window_ms == 0 ? QUOTA_WINDOW_MONTH : QUOTA_WINDOW_DURATION,
                             .window_ms = window_ms,
                             .limit = most,
                             .burst = most,
                             .warn = 750000,
                             .throttle = 900000};
}

static void set_up_daily(struct bench *bench)
{
    add_limit(bench, "daily", QUOTA_FIXED, 24 * HOUR_MS);
}

static void set_up_monthly(struct bench *bench)
{
    add_limit(bench, "monthly", QUOTA_FIXED, 0);
}

static void set_up_sliding(struct bench *bench)
{
    add_limit(bench, "sliding", QUOTA_SLIDING, 1000); /* So short that both windows hold use. */
}

static void set_up_bucket(struct bench *bench)
{
    add_limit(bench, "bucket", QUOTA_TOKEN_BUCKET, HOUR_MS);
}

static void set_up_four(struct bench *bench)
{
    set_up_daily(bench);
    set_up_monthly(bench);
    set_up_sliding(bench);
    set_up_bucket(bench);
}

static void set_up_many_subjects(struct bench *bench)
{
    set_up_daily(bench);
    bench->subject_count = SUBJECTS;
}

static void set_up_denied(struct bench *bench)
{
    set_up_daily(bench);
    bench->amount = 2000000000000 * MICRO_UNITS_ONE;
}

static void set_up_peek(struct bench *bench)
{
    set_up_daily(bench);
    bench->amount = 0;
}

static void pass_chain(struct bench *bench, struct governor_states *states, instant_ms now)
{
    struct chain_ask ask = {.meter = &bench->meter.name, .amount = bench->amount, .now = now};
    (void)chain_decide(states, &bench->policy, &bench->meter, ask, &bench->answer);
}

static void pass_chain_by_value(struct bench *bench, struct governor_states *states, instant_ms now)
{
    struct chain_ask ask = {.meter = &bench->meter.name, .amount = bench->amount, .now = now};
    bench->answer = chain_step(states, &bench->policy, &bench->meter, ask);
}

static void pass_quota(struct bench *bench, struct governor_states *states, instant_ms now)
{
    struct quota_hearing hearing;
    quota_hear(&hearing, &states->quota, &bench->plan, now);
    quota_ask(&hearing, &bench->meter.name, bench->amount);
    quota_take(&states->quota, &hearing);
    bench->answer.reports[0].quota_phase =
        quota_show(&hearing, QUOTA_SHOWN_AFTER, &bench->answer.reports[0].quota);
}

static void pass_quota_by_value(struct bench *bench, struct governor_states *states, instant_ms now)
{
    struct quota_answer answer =
        quota_step(states->quota, &bench->plan, &bench->meter.name, bench->amount, now);
    states->quota = answer.state;
    bench->answer.verdict = answer.verdict;
}

static void pass_billing(struct bench *bench, struct governor_states *states, instant_ms now)
{
    const struct billing_terms *terms = &bench->plan.billing;
    billing_move(&states->billing, terms, now);
    struct billing_quote quote = billing_ask(&states->billing, terms, bench->amount, MICRO_UNITS_ONE);
    bench->answer.charge.burn_count = 0;
    billing_pay(&states->billing, terms, quote.charge, &bench->answer.charge);
}

static const struct bench_case cases[] = {
    {"chain, a daily limit", set_up_daily, pass_chain},
    {"chain, a monthly limit", set_up_monthly, pass_chain},
    {"chain, a sliding limit", set_up_sliding, pass_chain},
    {"chain, a token bucket", set_up_bucket, pass_chain},
    {"chain, these four", set_up_four, pass_chain},
    {"chain, 1024 subjects in turn", set_up_many_subjects, pass_chain},
    {"chain, denied", set_up_denied, pass_chain},
    {"chain, a peek", set_up_peek, pass_chain},
    {"chain, by value", set_up_daily, pass_chain_by_value},
    {"quota alone, in place", set_up_daily, pass_quota},
    {"quota alone, by value", set_up_daily, pass_quota_by_value},
    {"billing alone, in place", set_up_daily, pass_billing},
};

static void give(struct bench *bench, struct governor_states *states, struct command command)
{
    command.id = name_of("c-1");
    command.expires_at = INSTANT_NEVER;
    if (chain_command(states, &bench->policy, &command, noon) != REPLY_OK) {
        abort(); /* Not what was to be measured. */
    }
}

static void set_up(struct bench *bench, const struct bench_case *row)
{
    struct governor_states *subjects = bench->subjects;
    memset(bench, 0, sizeof *bench);
    bench->subjects = subjects;
    bench->subject_count = 1;
    bench->amount = MICRO_UNITS_ONE;
    bench->plan.name = name_of("gold");
    bench->plan.price_count = 1;
    bench->plan.prices[0] = (struct price){.meter = name_of("kwh"), .price = MICRO_UNITS_ONE};
    bench->meter = (struct meter){.name = name_of("kwh"),
                                  .chain_length = 3,
                                  .chain = {GOVERNOR_ENTITLEMENT, GOVERNOR_QUOTA, GOVERNOR_BILLING}};
    bench->policy = (struct policy){.plans = &bench->plan,
                                    .plan_count = 1,
                                    .meters = &bench->meter,
                                    .meter_count = 1,
                                    .default_plan = name_of("gold")};
    row->set_up(bench);
    memset(subjects, 0, SUBJECTS * sizeof *subjects);
    for (uint32_t i = 0; i < bench->subject_count; i++) {
        give(bench, &subjects[i],
             (struct command){.governor = GOVERNOR_ENTITLEMENT, .op = OP_GRANT, .plan = name_of("gold")});
        give(bench, &subjects[i],
             (struct command){.governor = GOVERNOR_BILLING, .op = OP_CREDIT, .amount = MICRO_UNITS_MOST / 2});
    }
}

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double one_round_ns(struct bench *bench, const struct bench_case *row, instant_ms start)
{
    double started = now_ns();
    for (uint32_t i = 0; i < EVENTS; i++) {
        struct governor_states *states = &bench->subjects[i % bench->subject_count];
        row->event(bench, states, start + i / 200);
    }
    return (now_ns() - started) / EVENTS;
}

/* The best of some rounds: what else the machine did can only add. */
static double best_ns(struct bench *bench, const struct bench_case *row)
{
    set_up(bench, row);
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double took = one_round_ns(bench, row, noon + (instant_ms)round * (EVENTS / 200));
        best = round == 0 || took < best ? took : best;
    }
    return best;
}

int main(void)
{
    struct bench bench;
    bench.subjects = calloc(SUBJECTS, sizeof *bench.subjects);
    if (bench.subjects == NULL) {
        return 1;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double took = best_ns(&bench, &cases[i]);
        printf("%-32s %6.0f ns per event, last verdict %s\n", cases[i].name, took,
               verdict_name(bench.answer.verdict));
    }
    free(bench.subjects);
    return 0;
}
