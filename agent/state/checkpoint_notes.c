#include <string.h>

#include "agent/state/checkpoint.h"
#include "agent/state/checkpoint_file.h"

static size_t notes_bytes(void)
{
    return CHECKPOINT_NOTES_MAX * sizeof(struct checkpoint_note);
}

size_t checkpoint_memory_bytes(struct segments_size size)
{
    return notes_bytes() + CHECKPOINT_BUFFER_BYTES + size.segments * sizeof(struct segment);
}

void checkpoint_init(struct checkpoint *checkpoint, void *memory)
{
    uint8_t *bytes = memory;
    *checkpoint = (struct checkpoint){
        .notes = memory,
        .buffer = bytes + notes_bytes(),
        .segments = (struct segment *)(void *)(bytes + notes_bytes() + CHECKPOINT_BUFFER_BYTES)};
}

/* Open addressing; a Fibonacci hash spreads neighbours. */
static struct checkpoint_note *slot_of(const struct checkpoint *checkpoint, uint32_t place)
{
    uint32_t at = place * 2654435769U;
    struct checkpoint_note *note = &checkpoint->notes[at % CHECKPOINT_NOTES_MAX];
    while (note->place != 0 && note->place != place + 1) {
        at++;
        note = &checkpoint->notes[at % CHECKPOINT_NOTES_MAX];
    }
    return note;
}

void checkpoint_note(struct checkpoint *checkpoint, uint32_t place, record_ref ref, instant_ms edge)
{
    if (!checkpoint->is_active || checkpoint->is_missed) {
        return;
    }
    struct checkpoint_note *note = slot_of(checkpoint, place);
    if (note->place != 0) {
        return;
    }
    if (checkpoint->note_count == CHECKPOINT_NOTES_MAX / 2) {
        checkpoint->is_missed = true;
        return;
    }
    *note = (struct checkpoint_note){.place = place + 1, .ref = ref, .edge = edge};
    checkpoint->note_count++;
}

void checkpoint_miss(struct checkpoint *checkpoint)
{
    checkpoint->is_missed = checkpoint->is_missed || checkpoint->is_active;
}

const struct checkpoint_note *checkpoint_find(const struct checkpoint *checkpoint, uint32_t place)
{
    const struct checkpoint_note *note = slot_of(checkpoint, place);
    return note->place == 0 ? NULL : note;
}
