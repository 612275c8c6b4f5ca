/* State topics: what the broker retains must in the end be what the log says. */
#include <stdlib.h>
#include <string.h>

#include "mqtt/state_message.h"
#include "tests/simulation/world.h"

static const char TOPIC[] = "flyball/v1/state/s-";

/* Without seq and time: a state that did not change is not published again for them. */
static uint64_t hash_of_state(struct bytes payload)
{
    static const char from[] = ",\"seq\":";
    static const char to[] = ",\"verdict\":";
    const uint8_t *begin = memmem(payload.data, payload.length, from, sizeof from - 1);
    const uint8_t *end = memmem(payload.data, payload.length, to, sizeof to - 1);
    if (begin == NULL || end == NULL) {
        return model_hash(8, payload) | 1;
    }
    uint64_t hash = model_hash(8, bytes_of(payload.data, (size_t)(begin - payload.data)));
    return model_hash(hash, bytes_after(payload, (size_t)(end - payload.data))) | 1;
}

static int place_of(int subject, enum governor_kind kind)
{
    return subject * GOVERNOR_KINDS + (int)kind;
}

void retained_note(const struct paho_publication *publication, struct flight *flight)
{
    flight->state = -1;
    if (!publication->retained || !bytes_start_with(publication->topic, bytes_of_string(TOPIC))) {
        return;
    }
    struct bytes rest = bytes_after(publication->topic, sizeof TOPIC - 1);
    enum governor_kind kind;
    /* "N/governor" */
    if (rest.length > 2 && governor_of_name(bytes_after(rest, 2), &kind) == STATUS_OK) {
        flight->state = place_of(rest.data[0] - '0', kind);
        flight->state_hash = hash_of_state(publication->payload);
    }
}

static uint64_t expected(struct world *world, const struct policy *policy, enum governor_kind kind)
{
    static char buffer[STATE_MESSAGE_MAX];
    const struct subject_state *state = &world->model.state;
    struct governor_report report = chain_report(&state->governors, policy, kind, state->time);
    struct state_message message = {.subject = state->name,
                                    .seq = state->seq,
                                    .time = state->time,
                                    .report = &report,
                                    .states = &state->governors};
    struct text text = text_of(buffer, sizeof buffer);
    state_message_put(&text, &message);
    return hash_of_state(text_bytes(&text));
}

static void check_subject(struct world *world, int subject)
{
    struct model_subject *known = &world->model.subjects[subject];
    struct record image;
    if (state_log_find(&world->reader, &known->name, &image) != STATUS_OK ||
        subject_state_unpack(image.body, world->preset.dedup_window, &world->model.state) != STATUS_OK ||
        !world->model.state.known) {
        return;
    }
    int number = known->name.text[2] - '0';
    const struct policy *policy = desired_policy_of(world, 0);
    for (enum governor_kind kind = GOVERNOR_ENTITLEMENT; kind <= GOVERNOR_BILLING; kind++) {
        if (world->states[place_of(number, kind)] != expected(world, policy, kind)) {
            findings_violate(&world->findings, "state: what the broker retains of %.*s, %s, is not its state",
                             known->name.length, known->name.text, governor_name(kind));
        }
    }
}

/* Under another configuration the same state may read otherwise, and is not said again for that. */
void retained_check(struct world *world)
{
    if (!world->preset.publishes_states || world->version_in_force > 0 || !world->has_reader) {
        return;
    }
    for (uint32_t i = 0; i < world->model.subject_count; i++) {
        if (world->model.subjects[i].name.length == 3) {
            check_subject(world, (int)i);
        }
    }
}
