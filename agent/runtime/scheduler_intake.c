#include "agent/runtime/scheduler_parts.h"

#include <assert.h>

void scheduler_arrive(struct scheduler *scheduler, slot_index slot, uint8_t qos)
{
    assert(slot < scheduler->settings.slots);
    pthread_mutex_lock(&scheduler->lock);
    scheduler->letters[slot] = (struct scheduler_letter){.qos = qos};
    intake_push(&scheduler->intake, scheduler->letter_links, slot);
    if (qos == 0) {
        index_chain_append(&scheduler->unreliable_arrived, scheduler->unreliable_links, slot);
    }
    if (intake_is_ready(&scheduler->intake)) {
        scheduler_wake_one(scheduler);
    }
    pthread_mutex_unlock(&scheduler->lock);
}

enum status scheduler_next_arrival(struct scheduler *scheduler, struct run *run, slot_index *slot)
{
    assert(run->work == WORK_ROUTE);
    pthread_mutex_lock(&scheduler->lock);
    enum status status = STATUS_EMPTY;
    if (run->budget > 0 && !scheduler->closed) {
        status = intake_take(&scheduler->intake, scheduler->letter_links, slot);
    }
    if (status == STATUS_OK) {
        run->budget--;
        if (scheduler->letters[*slot].qos == 0) {
            index_chain_remove(&scheduler->unreliable_arrived, scheduler->unreliable_links, *slot);
        }
    }
    pthread_mutex_unlock(&scheduler->lock);
    return status;
}

void scheduler_put_back(struct scheduler *scheduler, slot_index slot)
{
    pthread_mutex_lock(&scheduler->lock);
    intake_put_back(&scheduler->intake, scheduler->letter_links, slot);
    if (scheduler->letters[slot].qos == 0) {
        index_chain_prepend(&scheduler->unreliable_arrived, scheduler->unreliable_links, slot);
    }
    /* A subject may have become idle since the post failed: nobody else would notice. */
    if (!subject_table_is_full(&scheduler->subjects) && scheduler_has_place_for_events(scheduler)) {
        intake_unblock(&scheduler->intake);
    }
    pthread_mutex_unlock(&scheduler->lock);
}

void scheduler_routed(struct scheduler *scheduler, struct run *run)
{
    assert(run->work == WORK_ROUTE);
    pthread_mutex_lock(&scheduler->lock);
    intake_end(&scheduler->intake);
    if (intake_is_ready(&scheduler->intake)) {
        scheduler_wake_one(scheduler);
    }
    pthread_mutex_unlock(&scheduler->lock);
}

/* Events in mailboxes arrived before those in the intake. */
static enum status shed_oldest(struct scheduler *scheduler, slot_index *slot)
{
    if (scheduler->unreliable_posted.count > 0) {
        *slot = scheduler->unreliable_posted.first;
        struct scheduler_process *process = &scheduler->processes[scheduler->letters[*slot].subject];
        mailbox_remove(&process->mailbox, scheduler->letter_links, *slot);
        scheduler_note_taken(scheduler, *slot);
        return STATUS_OK;
    }
    *slot = index_chain_take(&scheduler->unreliable_arrived, scheduler->unreliable_links);
    if (*slot == INDEX_NONE) {
        return STATUS_EMPTY;
    }
    intake_remove(&scheduler->intake, scheduler->letter_links, *slot);
    return STATUS_OK;
}

enum status scheduler_shed_oldest(struct scheduler *scheduler, slot_index *slot)
{
    pthread_mutex_lock(&scheduler->lock);
    enum status status = shed_oldest(scheduler, slot);
    pthread_mutex_unlock(&scheduler->lock);
    return status;
}
