#include "agent/runtime/intake.h"

#include <assert.h>

void intake_init(struct intake *intake)
{
    *intake = (struct intake){.routing = false};
    index_chain_init(&intake->waiting);
}

void intake_push(struct intake *intake, struct index_link *links, slot_index slot)
{
    index_chain_append(&intake->waiting, links, slot);
}

bool intake_is_ready(const struct intake *intake)
{
    return intake->waiting.count > 0 && !intake->routing && !intake->blocked;
}

void intake_begin(struct intake *intake)
{
    assert(!intake->routing);
    intake->routing = true;
}

void intake_end(struct intake *intake)
{
    assert(intake->routing);
    intake->routing = false;
}

enum status intake_take(struct intake *intake, struct index_link *links, slot_index *slot)
{
    assert(intake->routing);
    *slot = intake->blocked ? INDEX_NONE : index_chain_take(&intake->waiting, links);
    return *slot == INDEX_NONE ? STATUS_EMPTY : STATUS_OK;
}

void intake_put_back(struct intake *intake, struct index_link *links, slot_index slot)
{
    assert(intake->routing);
    index_chain_prepend(&intake->waiting, links, slot);
    intake->blocked = true;
}

void intake_unblock(struct intake *intake)
{
    intake->blocked = false;
}

void intake_remove(struct intake *intake, struct index_link *links, slot_index slot)
{
    index_chain_remove(&intake->waiting, links, slot);
    if (intake->waiting.count == 0) {
        intake->blocked = false;
    }
}
