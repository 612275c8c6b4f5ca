#include "agent/runtime/subject_state.h"

#include <string.h>

enum { FLAG_KNOWN = 1, FLAG_SET_BACK = 2 };

void subject_state_init(struct subject_state *state, const struct name *name, uint32_t dedup_size)
{
    state->name = *name;
    state->known = false;
    state->is_set_back = false;
    state->seq = 0;
    state->time = 0;
    memset(&state->governors, 0, sizeof state->governors);
    counter_table_init(&state->counters);
    dedup_window_init(&state->events, dedup_size);
    dedup_window_init(&state->commands, DEDUP_COMMANDS);
}

void subject_state_pack(struct packer *packer, const struct subject_state *state)
{
    pack_u8(packer, SUBJECT_IMAGE_VERSION);
    pack_name(packer, &state->name);
    pack_u8(packer, (uint8_t)((state->known ? FLAG_KNOWN : 0) | (state->is_set_back ? FLAG_SET_BACK : 0)));
    pack_varint(packer, state->seq);
    pack_signed(packer, state->time);
    pack_states(packer, &state->governors);
    counter_table_pack(packer, &state->counters);
    dedup_window_pack(packer, &state->events);
    dedup_window_pack(packer, &state->commands);
}

enum status subject_state_unpack(struct bytes image, uint32_t dedup_size, struct subject_state *state)
{
    struct unpacker unpacker = unpacker_of(image);
    uint8_t version = unpack_u8(&unpacker);
    if (!unpacker.failed && version != SUBJECT_IMAGE_VERSION) {
        return STATUS_UNSUPPORTED;
    }
    unpack_name(&unpacker, &state->name);
    uint8_t flags = unpack_enum(&unpacker, FLAG_KNOWN | FLAG_SET_BACK);
    state->known = (flags & FLAG_KNOWN) != 0;
    state->is_set_back = (flags & FLAG_SET_BACK) != 0;
    state->seq = unpack_varint(&unpacker);
    state->time = unpack_signed(&unpacker);
    unpack_states(&unpacker, &state->governors);
    counter_table_unpack(&unpacker, &state->counters);
    dedup_window_unpack(&unpacker, &state->events, dedup_size);
    dedup_window_unpack(&unpacker, &state->commands, DEDUP_COMMANDS);
    return unpacker_is_done(&unpacker) ? STATUS_OK : STATUS_CORRUPT;
}
