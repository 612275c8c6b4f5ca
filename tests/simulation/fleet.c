/* Devices and operators: what they ask, and how they ask again until they are answered. */
#include <stdio.h>
#include <string.h>

#include "base/pack.h"
#include "mqtt/cloudevent.h"
#include "tests/simulation/world.h"

enum { DEVICES_PER_SUBJECT_MAX = 3, COMMANDS_PER_SUBJECT_MAX = 50 };

static void draw_device(struct world *world, uint16_t subject, uint32_t number)
{
    struct sender *sender = &world->senders[world->sender_count++];
    *sender = (struct sender){.subject = subject};
    snprintf(sender->device, sizeof sender->device, "d-%u", number);
    sender->is_foreign = subject == 0 && world->preset.has_route && dice_chance(&world->dice, 500);
}

void fleet_draw(struct world *world)
{
    world->sender_count = 0;
    world->subject_count = dice_between(&world->dice, 1, WORLD_SUBJECTS_MAX);
    for (uint16_t subject = 0; subject < world->subject_count; subject++) {
        uint32_t devices = dice_between(&world->dice, 1, DEVICES_PER_SUBJECT_MAX);
        for (uint32_t i = 0; i < devices && world->sender_count < WORLD_SENDERS_MAX - 2; i++) {
            draw_device(world, subject, i);
        }
    }
    for (int i = 0; i < 2; i++) {
        world->senders[world->sender_count++] = (struct sender){.is_operator = true};
    }
}

struct ask *fleet_new_ask(struct world *world, struct sender *sender, enum ask_kind kind)
{
    struct ask *ask = &world->asks[world->ask_count];
    memset(ask, 0, sizeof *ask);
    ask->kind = kind;
    ask->sender = (uint16_t)(sender - world->senders);
    ask->subject = sender->subject;
    ask->qos = 1;
    ask->key_index = -1;
    return ask;
}

static bool is_live(const struct ask *ask)
{
    return !ask->is_answered || ask->copies > 0 || ask->pooled > 0;
}

/* Whether the subject's window is sure to remember one more key as long as anyone may ask for the others
 * again. Keys decided late may push out earlier ones: hence the half. */
static bool may_issue_key(const struct world *world, uint16_t subject)
{
    int oldest = (int)world->keys_issued[subject];
    for (uint32_t i = 0; i < world->ask_count; i++) {
        const struct ask *ask = &world->asks[i];
        if (ask->subject == subject && ask->key_index >= 0 && ask->key_index < oldest && is_live(ask)) {
            oldest = ask->key_index;
        }
    }
    return (int)world->keys_issued[subject] - oldest < (int)world->preset.dedup_window / 2 - 1;
}

static void put_amount(struct world *world, struct text *json, struct ask *ask)
{
    char amount[24];
    uint32_t whole = dice_roll(&world->dice, dice_chance(&world->dice, 100) ? 500 : 20);
    uint32_t part = dice_chance(&world->dice, 300) ? dice_roll(&world->dice, 1000000) : 0;
    if (ask->is_peek) {
        json_put_unsigned(json, "amount", 0);
        return;
    }
    if (whole + part == 0) {
        return; /* The default. */
    }
    if (dice_chance(&world->dice, 300)) {
        snprintf(amount, sizeof amount, "%u.%06u", whole, part);
        json_put_literal(json, "amount", amount);
    } else {
        json_put_unsigned(json, "amount", whole > 0 ? whole : 1);
    }
}

/* What it wants echoed, and where: as properties, or as in MQTT 3.1.1 in the payload. */
static void put_address(struct world *world, struct text *json, struct ask *ask)
{
    if (ask->cid[0] == '\0') {
        return;
    }
    ask->cid_is_property = dice_chance(&world->dice, 500);
    if (!ask->cid_is_property) {
        json_put_literal(json, "cid", ask->cid);
    }
    const struct sender *sender = &world->senders[ask->sender];
    snprintf(ask->answer_topic, sizeof ask->answer_topic, "flyball/v1/decision/s-%u/%s", ask->subject,
             sender->device);
    if (!dice_chance(&world->dice, 400)) {
        return;
    }
    char topic[ASK_TOPIC_MAX];
    bool is_allowed = dice_chance(&world->dice, 800);
    snprintf(topic, sizeof topic, is_allowed ? "flyball/v1/reply/to/%s" : "elsewhere/%s", ask->cid);
    if (is_allowed) {
        snprintf(ask->answer_topic, sizeof ask->answer_topic, "%s", topic);
    }
    if (dice_chance(&world->dice, 500)) {
        snprintf(ask->response_topic, sizeof ask->response_topic, "%s", topic);
    } else {
        json_put_literal(json, "reply_to", topic);
    }
}

static void draw_cid(struct world *world, struct ask *ask)
{
    ask->match = MATCH_CID;
    snprintf(ask->cid, sizeof ask->cid, "cid-%u", world->ask_count);
}

static struct bytes subject_bytes(const struct ask *ask, char buffer[ASK_TEXT_MAX])
{
    snprintf(buffer, ASK_TEXT_MAX, "s-%u", ask->subject);
    return bytes_of_string(buffer);
}

static void put_id(struct world *world, struct text *json, struct ask *ask, struct sender *sender)
{
    char subject[ASK_TEXT_MAX];
    snprintf(ask->id, sizeof ask->id, "e-%u", sender->ids++);
    json_put_literal(json, "id", ask->id);
    ask->key =
        ask_key_of_id(subject_bytes(ask, subject), bytes_of_string(sender->device), bytes_of_string(ask->id));
    ask->key_index = ask->is_peek ? -1 : (int)world->keys_issued[ask->subject]++;
}

static void put_device_seq(struct world *world, struct text *json, struct ask *ask, struct sender *sender)
{
    char subject[ASK_TEXT_MAX];
    char boot[ASK_TEXT_MAX] = "";
    if (dice_chance(&world->dice, 50)) {
        sender->boot++;
        sender->device_seq = 0;
    }
    json_put_unsigned(json, "device_seq", sender->device_seq);
    if (sender->boot > 0) {
        snprintf(boot, sizeof boot, "b%u", sender->boot);
        json_put_literal(json, "boot", boot);
    }
    ask->key = ask_key_of_device_seq(subject_bytes(ask, subject), bytes_of_string(sender->device),
                                     bytes_of_string(boot), sender->device_seq++);
    ask->key_index = ask->is_peek ? -1 : (int)world->keys_issued[ask->subject]++;
}

static void finish_payload(struct ask *ask, struct text *json)
{
    json_close_object(json);
    ask->payload_length = (uint16_t)json->length;
    (void)text_string(json);
}

static struct text payload_of(struct ask *ask)
{
    return text_of(ask->payload, sizeof ask->payload);
}

static void name_topic(struct world *world, struct ask *ask, const struct sender *sender)
{
    uint32_t meter = dice_roll(&world->dice, PRESET_METERS);
    snprintf(ask->topic, sizeof ask->topic, "flyball/v1/event/s-%u/%s/%s", ask->subject, sender->device,
             preset_meters[meter]);
}

static bool new_event(struct world *world, struct sender *sender)
{
    struct ask *ask = fleet_new_ask(world, sender, ASK_EVENT);
    uint32_t kind = dice_roll(&world->dice, 10);
    ask->is_peek = dice_chance(&world->dice, 60);
    if (kind < 9 && !may_issue_key(world, sender->subject)) {
        return false;
    }
    ask->qos = dice_chance(&world->dice, 150) ? 0 : 1;
    name_topic(world, ask, sender);
    struct text json = payload_of(ask);
    json_open_object(&json);
    if (kind < 7) {
        put_id(world, &json, ask, sender);
    } else if (kind < 9) {
        put_device_seq(world, &json, ask, sender);
    }
    if (kind == 9 || dice_chance(&world->dice, 200)) {
        draw_cid(world, ask);
    }
    put_amount(world, &json, ask);
    put_address(world, &json, ask);
    finish_payload(ask, &json);
    return true;
}

/* CloudEvents: the id stands outside. */
static bool new_cloudevent(struct world *world, struct sender *sender)
{
    if (!may_issue_key(world, sender->subject)) {
        return false;
    }
    struct ask *ask = fleet_new_ask(world, sender, ASK_EVENT);
    bool is_binary = dice_chance(&world->dice, 500);
    name_topic(world, ask, sender);
    struct text json = payload_of(ask);
    struct packer attributes = packer_of(ask->attributes, sizeof ask->attributes);
    json_open_object(&json);
    if (is_binary) {
        char ignored[128];
        struct text aside = text_of(ignored, sizeof ignored);
        put_id(world, &aside, ask, sender);
        attributes_pack_add(&attributes, bytes_of_string("specversion"), bytes_of_string("1.0"));
        attributes_pack_add(&attributes, bytes_of_string("id"), bytes_of_string(ask->id));
        attributes_pack_add(&attributes, bytes_of_string("source"), bytes_of_string(sender->device));
        ask->attributes_length = (uint16_t)attributes.length;
        put_amount(world, &json, ask);
    } else {
        json_put_literal(&json, "specversion", "1.0");
        json_put_literal(&json, "source", sender->device);
        put_id(world, &json, ask, sender);
        json_key(&json, "data");
        json_open_object(&json);
        put_amount(world, &json, ask);
        json_close_object(&json);
    }
    finish_payload(ask, &json);
    return true;
}

/* A counter's next reading; now and then it was reset. */
static bool new_reading(struct world *world, struct sender *sender)
{
    if (!may_issue_key(world, sender->subject)) {
        return false;
    }
    struct ask *ask = fleet_new_ask(world, sender, ASK_EVENT);
    char subject[ASK_TEXT_MAX];
    sender->reading = dice_chance(&world->dice, 50) ? dice_roll(&world->dice, 300)
                                                    : sender->reading + dice_roll(&world->dice, 600);
    snprintf(ask->topic, sizeof ask->topic, "tele/%s/SENSOR", sender->device);
    snprintf(ask->id, sizeof ask->id, "t-%u", sender->ids++);
    int length = snprintf(ask->payload, sizeof ask->payload, "{\"Time\":\"%s\",\"Total\":\"%u.%02u\"}",
                          ask->id, sender->reading / 100, sender->reading % 100);
    ask->payload_length = (uint16_t)length;
    ask->key =
        ask_key_of_id(subject_bytes(ask, subject), bytes_of_string(sender->device), bytes_of_string(ask->id));
    ask->key_index = (int)world->keys_issued[ask->subject]++;
    return true;
}

/* An id used again on purpose, for other bytes or another meter. */
static bool new_reuse(struct world *world, struct sender *sender)
{
    uint32_t start = dice_roll(&world->dice, world->ask_count);
    uint32_t most = world->keys_issued[sender->subject];
    for (uint32_t i = start; i < world->ask_count; i++) {
        const struct ask *first = &world->asks[i];
        bool is_usable = first->kind == ASK_EVENT && first->sender == sender - world->senders &&
                         first->key_index >= 0 && first->id[0] == 'e' &&
                         (int)most - first->key_index < (int)world->preset.dedup_window / 4;
        if (!is_usable) {
            continue;
        }
        struct ask *ask = fleet_new_ask(world, sender, ASK_EVENT);
        name_topic(world, ask, sender);
        draw_cid(world, ask);
        snprintf(ask->id, sizeof ask->id, "%s", first->id);
        ask->key = first->key;
        ask->key_index = first->key_index;
        struct text json = payload_of(ask);
        json_open_object(&json);
        json_put_literal(&json, "id", ask->id);
        put_amount(world, &json, ask);
        put_address(world, &json, ask);
        json_put_unsigned(&json, "again", world->ask_count);
        finish_payload(ask, &json);
        return true;
    }
    return false;
}

static bool new_malformed(struct world *world, struct sender *sender)
{
    static const char *const payloads[] = {"",
                                           "[1]",
                                           "{\"id\":7}",
                                           "{\"amount\":-1}",
                                           "{\"id\":\"x\",\"id\":\"x\"}",
                                           "not json",
                                           "{\"device\":\"other\"}",
                                           "{\"a\":[[[[[[[[1]]]]]]]]}"};
    struct ask *ask = fleet_new_ask(world, sender, ASK_MALFORMED);
    name_topic(world, ask, sender);
    if (dice_chance(&world->dice, 100)) {
        snprintf(ask->topic, sizeof ask->topic, "flyball/v1/event/s-%u/short", ask->subject);
    }
    if (dice_chance(&world->dice, 200)) {
        memset(ask->payload, ' ', 500);
        ask->payload_length = 500;
        return true;
    }
    int length = snprintf(ask->payload, sizeof ask->payload, "%s", payloads[dice_roll(&world->dice, 8)]);
    ask->payload_length = (uint16_t)length;
    return true;
}

static bool new_ask(struct world *world, struct sender *sender)
{
    if (sender->is_operator) {
        sender->subject = (uint16_t)dice_roll(&world->dice, world->subject_count);
        if (world->commands_issued[sender->subject] >= COMMANDS_PER_SUBJECT_MAX) {
            return false;
        }
        return fleet_command(world, sender, fleet_new_ask(world, sender, ASK_COMMAND));
    }
    if (sender->is_foreign) {
        return new_reading(world, sender);
    }
    uint32_t kind = dice_roll(&world->dice, 100);
    if (kind < 80) {
        return new_event(world, sender);
    }
    if (kind < 88) {
        return new_cloudevent(world, sender);
    }
    return kind < 94 ? new_reuse(world, sender) : new_malformed(world, sender);
}

void fleet_ask_again(struct world *world, uint32_t per_mille)
{
    for (uint32_t i = 0; i < world->ask_count; i++) {
        struct ask *ask = &world->asks[i];
        if (!ask->is_answered && ask->kind != ASK_MALFORMED && ask->copies < 3 &&
            dice_chance(&world->dice, per_mille)) {
            findings_trace(&world->findings, "asked again %s %s", ask->topic, ask->payload);
            (void)broker_take(world, (uint16_t)i);
        }
    }
}

void fleet_act(struct world *world)
{
    struct sender *sender = &world->senders[dice_roll(&world->dice, world->sender_count)];
    if (world->ask_count == ASKS_MAX || !new_ask(world, sender)) {
        return;
    }
    struct ask *ask = &world->asks[world->ask_count++];
    ask->is_answered = ask->kind == ASK_MALFORMED;
    ask->payload[ask->payload_length] = '\0';
    findings_trace(&world->findings, "asked %s %s", ask->topic, ask->payload);
    (void)broker_take(world, (uint16_t)(ask - world->asks));
}

bool fleet_is_answered(const struct world *world)
{
    for (uint32_t i = 0; i < world->ask_count; i++) {
        if (!world->asks[i].is_answered) {
            return false;
        }
    }
    return true;
}
