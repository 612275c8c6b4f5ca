/* Remote configuration: what operators desire, and what decisions made under it went by. */
#include <stdio.h>
#include <string.h>

#include "tests/simulation/world.h"

static const char TOPIC[] = "flyball/v1/agent/a1/config/desired";

static void put_desired(const struct world *world, uint64_t version, const char *mode, struct text *json)
{
    json_open_object(json);
    json_put_unsigned(json, "version", version);
    json_put_literal(json, "mode", mode);
    json_key(json, "state");
    preset_put_state(&world->desired, json);
    json_close_object(json);
}

/* The next version's bytes, judged as the agent will. */
static void draw_version(struct world *world)
{
    uint32_t version = ++world->version_count;
    struct desired_version *desired = &world->versions[version];
    preset_vary(&world->desired, &world->dice);
    struct text json = text_of(desired->payload, sizeof desired->payload);
    put_desired(world, version, "apply", &json);
    (void)text_string(&json);
    struct remote_active nothing = {0};
    enum status status =
        remote_judge(&nothing, &world->source, bytes_of_string(desired->payload), &world->outcome);
    if (status != STATUS_OK || world->outcome.action != REMOTE_APPLY) {
        findings_violate(&world->findings, "model: a desired configuration is wrong: %s %s",
                         world->outcome.errors.items[0].path, world->outcome.errors.items[0].message);
        return;
    }
    desired->snapshot = world->outcome.snapshot;
}

static void hand_over(struct world *world, struct bytes payload)
{
    struct message message = {
        .topic = bytes_of_string(TOPIC), .payload = payload, .payload_length = payload.length, .qos = 1};
    struct paho_arrival arrival = {.retained = true};
    agent_receive(world->agent, &message, &arrival);
}

/* Changes nothing: tried only, too old, or the same version with other bytes. */
static void send_harmless(struct world *world)
{
    static const char *const modes[] = {"validate", "shadow", "apply"};
    char buffer[WORLD_CONFIG_MAX];
    struct text json = text_of(buffer, sizeof buffer);
    uint32_t kind = dice_roll(&world->dice, 3);
    uint64_t in_force = world->agent->remote.version;
    if (kind == 2 && in_force == 0) {
        hand_over(world, bytes_of_string("{\"version\": 0}"));
        return;
    }
    struct preset kept = world->desired;
    preset_vary(&world->desired, &world->dice);
    uint64_t version = kind == 2 ? 1 + dice_roll(&world->dice, (uint32_t)in_force) : in_force + 1;
    put_desired(world, version, modes[kind], &json);
    world->desired = kept;
    findings_trace(&world->findings, "desired: version %llu, %s", (unsigned long long)version, modes[kind]);
    hand_over(world, text_bytes(&json));
}

void desired_send(struct world *world)
{
    if (world->agent == NULL || !world->is_connected) {
        return;
    }
    if (dice_chance(&world->dice, 400)) {
        send_harmless(world);
        return;
    }
    bool is_new = world->version_count == 0 || dice_chance(&world->dice, 600);
    if (is_new && world->version_count + 1 < WORLD_VERSIONS_MAX) {
        draw_version(world);
    }
    if (world->findings.is_violated) {
        return;
    }
    findings_trace(&world->findings, "desired: version %u", world->version_count);
    hand_over(world, bytes_of_string(world->versions[world->version_count].payload));
}

/* A desired configuration that could not be kept is not in force: nothing else is wrong then. */
void desired_take(struct world *world)
{
    bool routes_changed;
    struct moment moment = world_moment(world);
    enum status status = agent_take_desired(world->agent, moment.now, &routes_changed);
    if (status == STATUS_OK) {
        findings_trace(&world->findings, "took a desired configuration: version %llu is in force",
                       (unsigned long long)world->agent->remote.version);
    }
    if (world->agent->remote.version < world->version_in_force) {
        findings_violate(&world->findings, "configuration: version %llu was in force, now it is %llu",
                         (unsigned long long)world->version_in_force,
                         (unsigned long long)world->agent->remote.version);
    }
    world->version_in_force = world->agent->remote.version;
    process_after(world, STATUS_OK, "take_desired");
}

const struct policy *desired_policy_of(void *self, uint64_t version)
{
    const struct world *world = self;
    if (version > world->version_count || world->versions[version].snapshot == NULL) {
        return NULL;
    }
    return &world->versions[version].snapshot->policy;
}
