#include "agent/governors/decision.h"

#include <stdlib.h>

const char *dedup_kind_name(enum dedup_kind kind)
{
    switch (kind) {
    case DEDUP_NONE: return "none";
    case DEDUP_ID: return "id";
    case DEDUP_DEVICE_SEQ: return "device_seq";
    }
    abort(); /* Corrupt kind. */
}

const char *clock_quality_name(enum clock_quality quality)
{
    switch (quality) {
    case CLOCK_SYNCED: return "synced";
    case CLOCK_HOLDOVER: return "holdover";
    case CLOCK_UNSET: return "unset";
    }
    abort(); /* Corrupt quality. */
}

enum dedup_kind event_dedup(const struct event *event)
{
    if (event->amount == 0) {
        return DEDUP_NONE;
    }
    if (!name_is_empty(&event->id)) {
        return DEDUP_ID;
    }
    return event->has_device_seq ? DEDUP_DEVICE_SEQ : DEDUP_NONE;
}
