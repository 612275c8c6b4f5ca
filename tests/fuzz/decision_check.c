#include <string.h>

#include "agent/state/ledger.h"
#include "mqtt/decision_message.h"
#include "tests/fuzz/event_check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_model.h"

/* 2026-11-21T07:00:00Z */
#define NOW 1795244400000LL

/* A plan under which amounts of every size meet another verdict. */
static struct plan make_plan(void)
{
    struct plan plan = {.name = name_of("gold"), .feature_count = 1, .quota_count = 3, .price_count = 1};
    plan.features[0] = name_of("*");
    plan.quotas[0] = (struct quota_limit){.name = name_of("daily"),
                                          .meter = name_of("*"),
                                          .window_ms = 86400000,
                                          .limit = 100 * MICRO_UNITS_ONE,
                                          .burst = 100 * MICRO_UNITS_ONE,
                                          .warn = 750000,
                                          .throttle = 900000};
    plan.quotas[1] = plan.quotas[0];
    plan.quotas[1].name = name_of("smooth");
    plan.quotas[1].algorithm = QUOTA_TOKEN_BUCKET;
    plan.quotas[1].window_ms = 60000;
    plan.quotas[2] = plan.quotas[0];
    plan.quotas[2].name = name_of("monthly");
    plan.quotas[2].algorithm = QUOTA_SLIDING;
    plan.quotas[2].window = QUOTA_WINDOW_MONTH;
    plan.quotas[2].window_ms = 0;
    plan.prices[0] = (struct price){.meter = name_of("*"), .price = 333333};
    plan.billing =
        (struct billing_terms){.low_balance = 5 * MICRO_UNITS_ONE, .overdraft = 2 * MICRO_UNITS_ONE};
    return plan;
}

static const struct policy *a_policy(void)
{
    static struct plan plan;
    static struct meter meter;
    static struct policy policy;
    if (policy.plan_count == 0) {
        plan = make_plan();
        meter = (struct meter){.name = name_of("*"), .chain_length = 3, .priority = PRIORITY_NORMAL};
        meter.chain[0] = GOVERNOR_ENTITLEMENT;
        meter.chain[1] = GOVERNOR_QUOTA;
        meter.chain[2] = GOVERNOR_BILLING;
        policy = (struct policy){.plans = &plan,
                                 .plan_count = 1,
                                 .meters = &meter,
                                 .meter_count = 1,
                                 .unknown = UNKNOWN_BOOTSTRAP,
                                 .default_plan = name_of("gold")};
    }
    return &policy;
}

/* A subject that was credited twice. */
static const struct governor_states *a_subject(void)
{
    static struct governor_states states;
    static bool is_made;
    struct command credit = {.governor = GOVERNOR_BILLING,
                             .op = OP_CREDIT,
                             .id = name_of("c-1"),
                             .amount = 7 * MICRO_UNITS_ONE,
                             .expires_at = NOW + 1000};
    if (!is_made) {
        bool is_credited = chain_command(&states, a_policy(), &credit, NOW - 1) == REPLY_OK;
        credit.id = name_of("c-2");
        credit.expires_at = INSTANT_NEVER;
        is_credited = is_credited && chain_command(&states, a_policy(), &credit, NOW - 1) == REPLY_OK;
        fuzz_require(is_credited, "a subject can be credited");
        is_made = true;
    }
    return &states;
}

static void check_message(const struct decision_entry *entry, struct bytes message)
{
    const struct event *event = &entry->decision.event;
    char digits[MICRO_UNITS_TEXT_MAX];
    fuzz_require_json(message);
    fuzz_require_literal(message, "decision", verdict_name(entry->decision.answer.verdict));
    fuzz_require_text(message, "subject", name_bytes(&event->subject));
    fuzz_require_text(message, "device", name_bytes(&event->device));
    fuzz_require_text(message, "meter", name_bytes(&event->meter));
    fuzz_require_text(message, "amount", bytes_of(digits, micro_units_format(event->amount, digits)));
    if (name_is_empty(&event->id)) {
        fuzz_require(bytes_equal_string(json_model_member(message, "event"), "null"),
                     "without an id, event is null");
    } else {
        fuzz_require_text(message, "event", name_bytes(&event->id));
    }
    fuzz_require((json_model_member(message, "cid").data != NULL) == (entry->address.cid.length > 0),
                 "a cid comes back");
}

static struct bytes write_message(const struct decision_entry *entry, char *storage)
{
    struct text text = text_of(storage, DECISION_MESSAGE_MAX);
    struct decision_echo echo = {.duplicate = entry->duplicate, .cid = entry->address.cid};
    decision_message_put(&text, &entry->decision, echo);
    fuzz_require(!text.overflowed, "a decision fits its buffer");
    return text_bytes(&text);
}

/* What was stored answers a repetition. */
static void check_stored(const struct decision_entry *entry, struct bytes message)
{
    static uint8_t packed[LEDGER_ENTRY_BYTES_MAX];
    static char again[DECISION_MESSAGE_MAX];
    static struct decision_entry stored;
    struct packer packer = packer_of(packed, sizeof packed);
    pack_decision_entry(&packer, entry);
    fuzz_require(!packer.overflowed, "a decision fits the ledger");
    fuzz_require(unpack_decision_entry(packer_bytes(&packer), &stored) == STATUS_OK, "an entry reads back");
    fuzz_require(bytes_equal(write_message(&stored, again), message), "a resend is the same to the byte");
    fuzz_require(bytes_equal(stored.address.response_topic, entry->address.response_topic) &&
                     bytes_equal(stored.address.correlation, entry->address.correlation) &&
                     bytes_equal(stored.address.decide_topic, entry->address.decide_topic),
                 "a resend goes to the same place");
}

static struct governors_before before_of(const struct governor_states *states)
{
    return (struct governors_before){
        .is_told = true,
        .entitlement = {.phase = states->entitlement.phase, .plan = states->entitlement.plan},
        .quota_phase = states->quota.phase,
        .billing_phase = states->billing.phase,
        .balance = billing_balance(&states->billing)};
}

static void decide(struct governor_states *states, const struct policy *policy,
                   const struct decoded_event *decoded)
{
    static struct decision_entry entry;
    static char storage[DECISION_MESSAGE_MAX];
    const struct event *event = &decoded->event;
    const struct meter *meter = policy_meter(policy, &event->meter);
    memset(&entry, 0, sizeof entry);
    entry.address = decoded->address;
    entry.before = before_of(states);
    entry.decision = (struct decision){.event = *event, .seq = 1, .time = NOW, .dedup = event_dedup(event)};
    struct chain_ask ask = {.meter = &event->meter, .amount = event->amount, .now = NOW};
    if (meter != NULL) {
        chain_decide(states, policy, meter, ask, &entry.decision.answer);
    }
    fuzz_require(billing_imbalance(&states->billing) == 0, "credits = charges - refunds + expired + balance");
    struct bytes message = write_message(&entry, storage);
    check_message(&entry, message);
    check_stored(&entry, message);
}

void check_decision(const struct decoded_event *decoded)
{
    static struct governor_states states;
    states = *a_subject();
    decide(&states, a_policy(), decoded);
}

void check_decision_under(const struct policy *policy, const struct decoded_event *decoded)
{
    static struct governor_states states;
    memset(&states, 0, sizeof states);
    decide(&states, policy, decoded);
    decide(&states, policy, decoded);
    chain_tick(&states, policy, chain_next_edge(&states, policy, NOW));
    fuzz_require(billing_imbalance(&states.billing) == 0, "conservation holds at every time edge");
}
