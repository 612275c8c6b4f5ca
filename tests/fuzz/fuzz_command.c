/* Commands to a governor. Input: a byte that says what there is (bits 4 and 5: which governor), then response
 * topic and correlation data, each ended by FF, then up to three payloads, each ended by FF, applied one
 * after the other. */
#include <string.h>

#include "agent/governors/states_codec.h"
#include "mqtt/command_payload.h"
#include "mqtt/reply_message.h"
#include "tests/fuzz/event_check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_model.h"

enum { GOVERNOR_SHIFT = 4, COMMANDS_MOST = 3 };

#define NOW 1795244400000LL

static const char *const topics[] = {"flyball/v1/command/acme/entitlement", "flyball/v1/command/acme/quota",
                                     "flyball/v1/command/acme/billing", "flyball/v1/command/acme/other"};

static const struct policy *a_policy(void)
{
    static struct plan plans[2];
    static struct policy policy;
    if (policy.plan_count == 0) {
        plans[0] = (struct plan){.name = name_of("gold"), .quota_count = 1};
        plans[0].quotas[0] = (struct quota_limit){.name = name_of("daily"),
                                                  .meter = name_of("*"),
                                                  .window_ms = 86400000,
                                                  .limit = 100 * MICRO_UNITS_ONE,
                                                  .burst = 100 * MICRO_UNITS_ONE,
                                                  .warn = 750000,
                                                  .throttle = 900000};
        plans[1] = (struct plan){.name = name_of("free")};
        policy = (struct policy){.plans = plans, .plan_count = 2, .default_plan = name_of("gold")};
    }
    return &policy;
}

static bool is_instant(instant_ms instant)
{
    return instant == INSTANT_NEVER || (instant >= INSTANT_LEAST && instant <= INSTANT_MOST);
}

static void check_command(const struct command *command)
{
    enum command_op op;
    fuzz_require(!name_is_empty(&command->id) && json_model_of(name_bytes(&command->id)).is_utf8,
                 "a command has an id");
    fuzz_require(command_op_of_name(command->governor, bytes_of_string(command_op_name(command->op)), &op) ==
                         STATUS_OK &&
                     op == command->op,
                 "a governor knows what it is asked");
    fuzz_require(command->amount >= 0 && command->limit >= 0 && command->grace_ms >= 0 &&
                     (command->op != OP_CREDIT || command->amount > 0),
                 "amounts are not negative, and a credit is more than nothing");
    fuzz_require(is_instant(command->starts_at) && is_instant(command->expires_at),
                 "times are ones that can be written");
}

/* States are stored as they are. */
static void check_states(const struct governor_states *states)
{
    static uint8_t first[STATES_PACKED_MAX], second[STATES_PACKED_MAX];
    static struct governor_states again;
    struct packer packer = packer_of(first, sizeof first);
    pack_states(&packer, states);
    fuzz_require(!packer.overflowed, "states fit their image");
    struct unpacker unpacker = unpacker_of(packer_bytes(&packer));
    unpack_states(&unpacker, &again);
    fuzz_require(unpacker_is_done(&unpacker), "states read back");
    struct packer repacker = packer_of(second, sizeof second);
    pack_states(&repacker, &again);
    fuzz_require(bytes_equal(packer_bytes(&packer), packer_bytes(&repacker)), "states have one form");
    fuzz_require(billing_imbalance(&states->billing) == 0, "credits = charges - refunds + expired + balance");
}

static void check_reply(const struct decoded_command *decoded, const struct governor_states *states,
                        enum reply_reason reason)
{
    static char fields[STATE_MESSAGE_MAX], storage[REPLY_MESSAGE_MAX];
    struct governor_report report = chain_report(states, a_policy(), decoded->command.governor, NOW);
    struct text state = text_of(fields, sizeof fields);
    state_put_fields(&state, &report, states);
    fuzz_require(!state.overflowed, "a state fits");
    struct text text = text_of(storage, sizeof storage);
    reply_message_put(&text, &(struct reply_message){.command = decoded->command.id,
                                                     .op = decoded->command.op,
                                                     .reason = reason,
                                                     .seq = UINT64_MAX,
                                                     .state = text_bytes(&state),
                                                     .cid = decoded->address.cid});
    fuzz_require(!text.overflowed, "a reply fits");
    fuzz_require_json(text_bytes(&text));
    fuzz_require_text(text_bytes(&text), "command", name_bytes(&decoded->command.id));
    fuzz_require_literal(text_bytes(&text), "reason", reply_reason_name(reason));
}

/* The charge that a refund gives back: of an event that was paid before. */
static enum reply_reason apply(struct governor_states *states, const struct command *command)
{
    if (command->governor != GOVERNOR_BILLING || command->op != OP_REFUND) {
        return chain_command(states, a_policy(), command, NOW);
    }
    struct billing_terms terms = {.overdraft = MICRO_UNITS_ONE};
    struct billing_answer paid =
        billing_step(states->billing, &terms, MICRO_UNITS_ONE, 2 * MICRO_UNITS_ONE, NOW);
    states->billing = paid.state;
    return chain_refund(states, a_policy(), &paid.charge, command, NOW + 1);
}

static void run_command(const struct message *message, struct governor_states *states)
{
    struct payload_context context = check_context();
    struct parsed_topic topic = topic_parse(context.topics, message->topic);
    struct decoded_command decoded;
    struct rejection rejection = {.reason = (enum dead_letter_reason)DEAD_LETTER_REASONS};
    if (command_payload_decode(&context, message, &topic, &decoded, &rejection) != STATUS_OK) {
        fuzz_require(rejection.reason ==
                         (topic.kind == TOPIC_COMMAND ? DEAD_LETTER_BAD_COMMAND : DEAD_LETTER_BAD_TOPIC),
                     "a command is refused as one");
        check_rejection(message, &rejection);
        return;
    }
    fuzz_require(context.arena->refused == 0, "the arena is large enough");
    check_command(&decoded.command);
    check_address(&context, message, &decoded.address, decoded.address_ignored);
    enum reply_reason reason = apply(states, &decoded.command);
    check_reply(&decoded, states, reason);
    check_states(states);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct governor_states states;
    struct fuzz_input input = {.rest = bytes_of(data, size)};
    struct message message = {0};
    uint8_t flags = check_take_properties(&input, &message);
    message.topic = bytes_of_string(topics[flags >> GOVERNOR_SHIFT & 3]);
    memset(&states, 0, sizeof states);
    for (int i = 0; i < COMMANDS_MOST && (i == 0 || input.rest.length > 0); i++) {
        message.payload = fuzz_part(&input);
        message.payload_length = message.payload.length;
        run_command(&message, &states);
    }
    return 0;
}
