/* A subject's image as the state log keeps it. What is taken for one is written again the same, and is safe
 * to ask. */
#include <string.h>

#include "agent/runtime/subject_state.h"
#include "mqtt/state_message.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_model.h"

enum { WINDOW = 64 };

#define NOW 1795244400000LL

static const struct policy *a_policy(void)
{
    static struct plan plan;
    static struct meter meter;
    static struct policy policy;
    if (policy.plan_count == 0) {
        plan = (struct plan){.name = name_of("gold"), .quota_count = 2, .price_count = 1};
        plan.quotas[0] = (struct quota_limit){.name = name_of("daily"),
                                              .meter = name_of("*"),
                                              .algorithm = QUOTA_SLIDING,
                                              .window_ms = 86400000,
                                              .limit = 100 * MICRO_UNITS_ONE,
                                              .burst = 100 * MICRO_UNITS_ONE,
                                              .warn = 750000,
                                              .throttle = 900000};
        plan.quotas[1] = plan.quotas[0];
        plan.quotas[1].name = name_of("smooth");
        plan.quotas[1].algorithm = QUOTA_TOKEN_BUCKET;
        plan.prices[0] = (struct price){.meter = name_of("*"), .price = 333333};
        plan.billing.overdraft = MICRO_UNITS_ONE;
        meter = (struct meter){.name = name_of("*"), .chain_length = 3};
        meter.chain[1] = GOVERNOR_QUOTA;
        meter.chain[2] = GOVERNOR_BILLING;
        policy = (struct policy){.plans = &plan,
                                 .plan_count = 1,
                                 .meters = &meter,
                                 .meter_count = 1,
                                 .default_plan = name_of("gold")};
    }
    return &policy;
}

static struct bytes pack(const struct subject_state *state, uint8_t *storage)
{
    struct packer packer = packer_of(storage, SUBJECT_IMAGE_BYTES_MAX);
    subject_state_pack(&packer, state);
    fuzz_require(!packer.overflowed, "an image fits");
    return packer_bytes(&packer);
}

/* Bytes that only look like an image may hold names that are no text: what is written then is not JSON. */
static void check_state_message(const struct subject_state *state, enum governor_kind kind)
{
    static char storage[STATE_MESSAGE_MAX];
    struct governor_report report = chain_report(&state->governors, a_policy(), kind, NOW);
    struct text text = text_of(storage, sizeof storage);
    state_message_put(&text, &(struct state_message){.subject = state->name,
                                                     .seq = state->seq,
                                                     .time = state->time,
                                                     .report = &report,
                                                     .states = &state->governors});
    fuzz_require(!text.overflowed, "a state fits its message");
    struct bytes message = text_bytes(&text);
    if (json_model_of(message).is_utf8 && memmem(message.data, message.length, "\\u0000", 6) == NULL) {
        fuzz_require_json(message);
    }
}

/* An image that does not add up stays so, and one that does stays so: no step hides or makes an imbalance. */
static void check_steps(struct governor_states *states)
{
    static struct governor_states asked;
    const struct policy *policy = a_policy();
    struct name meter = name_of("kwh");
    micro_units imbalance = billing_imbalance(&states->billing);
    static const micro_units amounts[] = {0, 1, 5 * MICRO_UNITS_ONE, MICRO_UNITS_MOST};
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
        struct chain_ask ask = {.meter = &meter, .amount = amounts[i], .now = NOW};
        asked = *states;
        (void)chain_step(&asked, policy, &policy->meters[0], ask);
        fuzz_require(imbalance != 0 || billing_imbalance(&asked.billing) == 0, "a step keeps conservation");
    }
    instant_ms edge = chain_next_edge(states, policy, NOW);
    chain_tick(states, policy, NOW);
    chain_tick(states, policy, edge);
    fuzz_require(imbalance != 0 || billing_imbalance(&states->billing) == 0, "time keeps conservation");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct subject_state state, again;
    static uint8_t first[SUBJECT_IMAGE_BYTES_MAX], second[SUBJECT_IMAGE_BYTES_MAX];
    if (subject_state_unpack(bytes_of(data, size), WINDOW, &state) != STATUS_OK) {
        return 0;
    }
    struct bytes image = pack(&state, first);
    fuzz_require(subject_state_unpack(image, WINDOW, &again) == STATUS_OK, "an image reads back");
    fuzz_require(bytes_equal(image, pack(&again, second)), "an image has one form");
    for (enum governor_kind kind = GOVERNOR_ENTITLEMENT; kind <= GOVERNOR_BILLING; kind++) {
        check_state_message(&state, kind);
    }
    check_steps(&state.governors);
    return 0;
}
