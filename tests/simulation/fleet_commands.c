/* What operators command. */
#include <stdio.h>
#include <string.h>

#include "tests/simulation/world.h"

static void put_instant(struct world *world, struct text *json, const char *key)
{
    int64_t ahead = (int64_t)dice_roll(&world->dice, 120000) - 10000;
    if (dice_chance(&world->dice, 200)) {
        ahead *= 100000;
    }
    json_put_instant(json, key, world->wall + ahead);
}

static void put_grant(struct world *world, struct text *json, struct ask *ask)
{
    ask->op = OP_GRANT;
    bool is_unknown = dice_chance(&world->dice, 50);
    snprintf(ask->name, sizeof ask->name, "%s",
             is_unknown ? "nothing" : preset_plans[dice_roll(&world->dice, PRESET_PLANS)]);
    json_put_literal(json, "op", "grant");
    json_put_literal(json, "plan", ask->name);
    if (dice_chance(&world->dice, 400)) {
        json_key(json, "features");
        json_raw(json, bytes_of_string("[\"extra\"]"));
    }
    if (dice_chance(&world->dice, 200)) {
        put_instant(world, json, "starts_at");
    }
    if (dice_chance(&world->dice, 300)) {
        put_instant(world, json, "expires_at");
    }
    if (dice_chance(&world->dice, 200)) {
        json_put_unsigned(json, "grace_ms", dice_roll(&world->dice, 60000));
    }
}

static void put_entitlement(struct world *world, struct text *json, struct ask *ask)
{
    static const char *const names[] = {"suspend", "resume", "revoke", "resume"};
    static const enum command_op ops[] = {OP_SUSPEND, OP_RESUME, OP_REVOKE, OP_RESUME};
    uint32_t kind = dice_roll(&world->dice, 10);
    if (kind < 6) {
        put_grant(world, json, ask);
    } else if (kind == 6) {
        ask->op = OP_EXTEND;
        json_put_literal(json, "op", "extend");
        put_instant(world, json, "expires_at");
    } else {
        uint32_t which = dice_roll(&world->dice, 4);
        ask->op = ops[which];
        json_put_literal(json, "op", names[which]);
    }
}

static void put_quota(struct world *world, struct text *json, struct ask *ask)
{
    const char *limit = preset_limits[dice_roll(&world->dice, PRESET_LIMITS)];
    uint32_t kind = dice_roll(&world->dice, 4);
    if (kind == 0) {
        ask->op = OP_RESET;
        json_put_literal(json, "op", "reset");
    } else if (kind == 1) {
        ask->op = OP_REFUND;
        json_put_literal(json, "op", "refund");
        json_put_unsigned(json, "amount", dice_roll(&world->dice, 100));
        if (dice_chance(&world->dice, 500)) {
            json_put_literal(json, "name", limit);
        }
    } else {
        ask->op = OP_SET_LIMIT;
        json_put_literal(json, "op", "set_limit");
        json_put_literal(json, "name", limit);
        json_put_unsigned(json, "limit", dice_roll(&world->dice, 1000));
    }
}

static void put_credit(struct world *world, struct text *json, struct ask *ask)
{
    uint32_t whole = dice_between(&world->dice, 1, dice_chance(&world->dice, 200) ? 100000 : 300);
    ask->op = OP_CREDIT;
    ask->amount = (micro_units)whole * MICRO_UNITS_ONE;
    json_put_literal(json, "op", "credit");
    json_put_unsigned(json, "amount", whole);
    if (dice_chance(&world->dice, 300)) {
        json_put_unsigned(json, "priority", dice_roll(&world->dice, 3));
    }
    if (dice_chance(&world->dice, 300)) {
        put_instant(world, json, "expires_at");
    }
}

/* Of an event of the subject by id, perhaps one that is not remembered any more; false if there is none. */
static bool put_refund(struct world *world, struct text *json, struct ask *ask)
{
    uint32_t start = dice_roll(&world->dice, world->ask_count);
    for (uint32_t i = start; i < world->ask_count; i++) {
        const struct ask *event = &world->asks[i];
        if (event->kind != ASK_EVENT || event->subject != ask->subject || event->id[0] == '\0') {
            continue;
        }
        ask->op = OP_REFUND;
        ask->refunded_key = event->key;
        json_put_literal(json, "op", "refund");
        json_put_literal(json, "event", event->id);
        json_put_literal(json, "device", world->senders[event->sender].device);
        return true;
    }
    return false;
}

static bool put_billing(struct world *world, struct text *json, struct ask *ask)
{
    uint32_t kind = dice_roll(&world->dice, 100);
    if (kind < 60) {
        put_credit(world, json, ask);
    } else if (kind < 88) {
        return put_refund(world, json, ask);
    } else if (kind < 93) {
        ask->op = OP_SUSPEND;
        json_put_literal(json, "op", "suspend");
    } else if (kind < 99) {
        ask->op = OP_RESUME;
        json_put_literal(json, "op", "resume");
    } else {
        ask->op = OP_CLOSE;
        json_put_literal(json, "op", "close");
    }
    return true;
}

static bool put_body(struct world *world, struct text *json, struct ask *ask)
{
    switch (ask->governor) {
    case GOVERNOR_ENTITLEMENT: put_entitlement(world, json, ask); return true;
    case GOVERNOR_QUOTA: put_quota(world, json, ask); return true;
    case GOVERNOR_BILLING: return put_billing(world, json, ask);
    }
    return false;
}

static void name_command(struct world *world, struct ask *ask)
{
    static const char *const governors[] = {"entitlement", "quota", "billing"};
    struct sender *sender = &world->senders[ask->sender];
    bool is_reuse = sender->ids > 0 && dice_chance(&world->dice, 60);
    uint32_t number = is_reuse ? dice_roll(&world->dice, sender->ids) : sender->ids++;
    char subject[ASK_TEXT_MAX];
    snprintf(subject, sizeof subject, "s-%u", ask->subject);
    snprintf(ask->id, sizeof ask->id, "c%u-%u", ask->sender, number);
    snprintf(ask->topic, sizeof ask->topic, "flyball/v1/command/%s/%s", subject, governors[ask->governor]);
    snprintf(ask->answer_topic, sizeof ask->answer_topic, "flyball/v1/reply/%s/%s", subject,
             governors[ask->governor]);
    ask->key = ask_key_of_command(bytes_of_string(subject), ask->governor, bytes_of_string(ask->id));
}

bool fleet_command(struct world *world, struct sender *sender, struct ask *ask)
{
    static const enum governor_kind kinds[] = {GOVERNOR_BILLING, GOVERNOR_BILLING, GOVERNOR_ENTITLEMENT,
                                               GOVERNOR_QUOTA};
    ask->governor = kinds[dice_roll(&world->dice, 4)];
    name_command(world, ask);
    struct text json = text_of(ask->payload, sizeof ask->payload);
    json_open_object(&json);
    json_put_literal(&json, "id", ask->id);
    if (!put_body(world, &json, ask)) {
        return false;
    }
    json_close_object(&json);
    ask->payload_length = (uint16_t)json.length;
    ask->bytes_hash = ask_command_hash(text_bytes(&json));
    world->commands_issued[sender->subject]++;
    return true;
}
