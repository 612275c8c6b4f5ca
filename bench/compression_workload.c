#include "bench/compression_workload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/decide_before.h"

enum { HOUR_MS = 3600000, PAUSE_MS = 40 };

static const instant_ms noon = 1795262400000; /* 2026-11-21T12:00:00Z */

/* xorshift64 (Marsaglia, 2003), the same in every run. */
static uint64_t draw(struct workload *workload, uint64_t below)
{
    workload->random ^= workload->random << 13;
    workload->random ^= workload->random >> 7;
    workload->random ^= workload->random << 17;
    return (workload->random >> 11) % below;
}

static struct name name_with(const char *format, uint64_t number)
{
    char text[NAME_BYTES_MAX + 1];
    (void)snprintf(text, sizeof text, "%s%" PRIu64, format, number);
    return name_of(text);
}

static struct name uuid(uint64_t high, uint64_t low)
{
    char text[NAME_BYTES_MAX + 1];
    (void)snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012" PRIx64, (unsigned)(high >> 32),
                   (unsigned)(high >> 16) & 0xffffU, (unsigned)high & 0xfffU,
                   0x8000U | ((unsigned)(low >> 48) & 0x3fffU), low & 0xffffffffffffU);
    return name_of(text);
}

static void make_plan(struct plan *plan, const char *name, const char *quota, enum quota_algorithm algorithm,
                      int64_t window_ms)
{
    *plan = (struct plan){.name = name_of(name),
                          .feature_count = 1,
                          .features = {name_of("charge")},
                          .price_count = 1,
                          .prices = {{name_of("*"), 350000}},
                          .billing = {.low_balance = 2 * MICRO_UNITS_ONE, .overdraft = 20 * MICRO_UNITS_ONE}};
    if (quota == NULL) {
        return;
    }
    plan->quota_count = 1;
    plan->quotas[0] = (struct quota_limit){.name = name_of(quota),
                                           .meter = name_of("*"),
                                           .algorithm = algorithm,
                                           .window_ms = window_ms,
                                           .limit = 400 * MICRO_UNITS_ONE,
                                           .burst = 400 * MICRO_UNITS_ONE,
                                           .warn = 750000,
                                           .throttle = 900000};
}

static void make_policy(struct workload *workload)
{
    make_plan(&workload->plans[0], "free", "daily", QUOTA_FIXED, 24 * HOUR_MS);
    make_plan(&workload->plans[1], "fleet", "hour", QUOTA_SLIDING, HOUR_MS);
    make_plan(&workload->plans[2], "commuter", "day", QUOTA_FIXED, 24 * HOUR_MS);
    make_plan(&workload->plans[3], "prepaid", NULL, QUOTA_FIXED, 0);
    make_plan(&workload->plans[4], "day-pass", "hour", QUOTA_TOKEN_BUCKET, HOUR_MS);
    static const char *const names[WORKLOAD_METERS] = {"kwh", "water", "api-calls", "print"};
    for (int i = 0; i < WORKLOAD_METERS; i++) {
        workload->meters[i] =
            (struct meter){.name = name_of(names[i]),
                           .chain_length = 3,
                           .chain = {GOVERNOR_ENTITLEMENT, GOVERNOR_QUOTA, GOVERNOR_BILLING},
                           .feature = name_of("charge")};
    }
    workload->policy = (struct policy){.version = 3,
                                       .plans = workload->plans,
                                       .plan_count = WORKLOAD_PLANS,
                                       .meters = workload->meters,
                                       .meter_count = WORKLOAD_METERS,
                                       .default_plan = name_of("free")};
}

static struct name subject_name(struct workload *workload, uint32_t number)
{
    static const char *const stems[] = {"acme-fleet-", "tenant-", "visitor-", "flat-", "device-", "team-"};
    if (number % 4 == 3) {
        uint64_t high = draw(workload, UINT32_MAX) << 32;
        return uuid(high | draw(workload, UINT32_MAX), draw(workload, UINT64_MAX));
    }
    return name_with(stems[number % 6], number);
}

static void give(struct workload *workload, struct subject_state *subject, struct command command)
{
    command.id = name_with(command.op == OP_GRANT ? "grant-" : "credit-", draw(workload, 100000000));
    command.expires_at = INSTANT_NEVER;
    if (chain_command(&subject->governors, &workload->policy, &command, workload->now) != REPLY_OK) {
        abort(); /* Not what was to be measured. */
    }
    uint64_t key = dedup_key_of_command(command.governor, &command.id);
    dedup_window_add(&subject->commands, key, record_ref_of(1 + draw(workload, WORKLOAD_FRAME - 1), 0));
}

static void make_subject(struct workload *workload, uint32_t number, uint32_t keys)
{
    struct subject_state *subject = &workload->subjects[number];
    struct name name = subject_name(workload, number);
    subject_state_init(subject, &name, WORKLOAD_DEDUP);
    subject->known = true;
    subject->seq = 1 + draw(workload, workload->seq);
    subject->time = workload->now - (instant_ms)draw(workload, 24 * HOUR_MS);
    give(workload, subject,
         (struct command){.governor = GOVERNOR_ENTITLEMENT,
                          .op = OP_GRANT,
                          .plan = workload->plans[draw(workload, WORKLOAD_PLANS)].name});
    for (uint64_t left = 1 + draw(workload, 2); left > 0; left--) {
        micro_units amount = (micro_units)(5 + draw(workload, 195)) * MICRO_UNITS_ONE;
        give(workload, subject,
             (struct command){.governor = GOVERNOR_BILLING, .op = OP_CREDIT, .amount = amount});
    }
    uint64_t frame = WORKLOAD_FRAME / 4;
    for (uint32_t i = 0; i < keys; i++) {
        frame += draw(workload, workload->subject_count) / 2; /* Several events share a frame. */
        dedup_window_add(&subject->events, draw(workload, UINT64_MAX), record_ref_of(frame, 0));
    }
}

void workload_init(struct workload *workload, struct subject_state *subjects, uint32_t count, uint32_t keys)
{
    memset(workload, 0, sizeof *workload);
    workload->random = 88172645463325252U;
    workload->now = noon;
    workload->seq = WORKLOAD_SEQ;
    workload->subject_count = count;
    workload->subjects = subjects;
    make_policy(workload);
    for (uint32_t i = 0; i < count; i++) {
        make_subject(workload, i, keys);
    }
}

/* What a device calls an event: each subject's devices have a habit. */
static void name_event(struct workload *workload, struct event *event, uint32_t number)
{
    uint64_t device = draw(workload, 3);
    event->device = name_with(number % 2 == 0 ? "charger-" : "meter-", number * 3 + device);
    switch (number % 4) {
    case 0: event->id = name_with("6b019bb0-", workload->seq); break;
    case 1: event->id = uuid(draw(workload, UINT64_MAX), draw(workload, UINT64_MAX)); break;
    case 2:
        event->has_device_seq = true;
        event->device_seq = 1000 + workload->seq / 7;
        event->boot = name_with("boot-", number);
        break;
    default: event->id = name_with("2026-11-21T12:00:", workload->seq % 100000); break;
    }
}

static void fill_entry(struct workload *workload, const struct subject_state *subject, uint32_t number)
{
    struct decision_entry *entry = &workload->entry;
    memset(entry, 0, sizeof *entry);
    struct decision *decision = &entry->decision;
    struct event *event = &decision->event;
    event->subject = subject->name;
    event->meter = workload->meters[number % WORKLOAD_METERS].name;
    event->amount = (micro_units)(1 + draw(workload, 3000)) * 1000;
    event->bytes_hash = draw(workload, UINT64_MAX);
    name_event(workload, event, number);
    decision->time = workload->now;
    decision->config_version = workload->policy.version;
    decision->dedup = event_dedup(event);
    decision->seq = workload->seq;
    entry->address.qos = 1;
    if (number % 8 == 5) {
        entry->address.response_topic = bytes_of_string("answers/tenant");
        entry->address.has_correlation = true;
        entry->address.correlation = bytes_of(&event->bytes_hash, sizeof event->bytes_hash);
    }
}

static void decide(struct workload *workload, struct subject_state *subject, const struct meter *meter)
{
    struct decision_entry *entry = &workload->entry;
    struct chain_ask ask = {
        .meter = &meter->name, .amount = entry->decision.event.amount, .now = workload->now};
    struct event_terms terms;
    decide_note_before(entry, &terms, &subject->governors, &workload->policy, meter);
    (void)chain_decide(&subject->governors, &workload->policy, meter, ask, &entry->decision.answer);
    decide_note_after(entry, &terms);
}

void workload_image(struct workload *workload, struct subject_state *subject, struct workload_sink sink)
{
    struct packer packer = packer_of(workload->body, sizeof workload->body);
    subject_state_pack(&packer, subject);
    struct record record = {
        .kind = RECORD_IMAGE,
        .subject = subject->name,
        .previous = record_ref_of(1 + draw(workload, WORKLOAD_FRAME - 1), 1),
        .edge = chain_next_edge(&subject->governors, &workload->policy, workload->now),
        .body = packer_bytes(&packer),
    };
    (void)sink.put(sink.self, &record, SEQ_NONE);
}

void workload_event(struct workload *workload, struct workload_sink sink)
{
    uint32_t number = (uint32_t)draw(workload, workload->subject_count);
    struct subject_state *subject = &workload->subjects[number];
    workload->now += (instant_ms)draw(workload, 2 * PAUSE_MS);
    workload->seq++;
    fill_entry(workload, subject, number);
    decide(workload, subject, &workload->meters[number % WORKLOAD_METERS]);
    struct packer packer = packer_of(workload->body, sizeof workload->body);
    pack_decision_entry(&packer, &workload->entry);
    struct record record = {.kind = RECORD_DECISION,
                            .pool_sequence = workload->seq + 17,
                            .subject = subject->name,
                            .body = packer_bytes(&packer)};
    record_ref ref = sink.put(sink.self, &record, SEQ_TAKEN);
    dedup_window_add(&subject->events, draw(workload, UINT64_MAX), ref);
    subject->seq = workload->seq;
    subject->time = workload->now;
    workload_image(workload, subject, sink);
}
