#include "agent/state/damage.h"

#include <stdio.h>
#include <string.h>

bool damages_have(const struct damages *damages, uint64_t frame)
{
    for (uint32_t i = 0; i < damages->count; i++) {
        if (frame >= damages->list[i].first_frame && frame <= damages->list[i].last_frame) {
            return true;
        }
    }
    return false;
}

static void insert(struct damages *damages, struct damage damage)
{
    uint32_t at = damages->count;
    while (at > 0 && damages->list[at - 1].first_frame > damage.first_frame) {
        at--;
    }
    memmove(&damages->list[at + 1], &damages->list[at], (damages->count - at) * sizeof damage);
    damages->list[at] = damage;
    damages->count++;
}

bool damages_add(struct damages *damages, struct damage damage)
{
    if (damages_have(damages, damage.first_frame) && damages_have(damages, damage.last_frame)) {
        return false;
    }
    damages->frames += damage.last_frame - damage.first_frame + 1;
    for (uint32_t i = 0; i < damages->count; i++) {
        if (damages->list[i].last_frame + 1 == damage.first_frame) {
            damages->list[i].last_frame = damage.last_frame;
            return true;
        }
    }
    if (damages->count < DAMAGES_MAX) {
        insert(damages, damage);
    }
    return true;
}

void damages_forget(struct damages *damages, uint64_t frame)
{
    uint32_t gone = 0;
    while (gone < damages->count && damages->list[gone].last_frame < frame) {
        gone++;
    }
    damages->count -= gone;
    memmove(damages->list, damages->list + gone, damages->count * sizeof *damages->list);
}

void damage_describe(const struct damage *damage, char text[DAMAGE_TEXT_MAX])
{
    unsigned long long first = damage->first_frame;
    unsigned long long last = damage->last_frame;
    int length = snprintf(text, DAMAGE_TEXT_MAX, "segment-%010u.log at offset %llu: ", damage->segment,
                          (unsigned long long)damage->offset);
    size_t left = DAMAGE_TEXT_MAX - (size_t)length;
    if (first == last) {
        snprintf(text + length, left, "frame %llu is damaged or missing", first);
    } else {
        snprintf(text + length, left, "frames %llu to %llu are damaged or missing", first, last);
    }
}
