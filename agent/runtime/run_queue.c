#include "agent/runtime/run_queue.h"

void run_queue_init(struct run_queue *queue, struct index_link *links)
{
    *queue = (struct run_queue){.links = links};
    for (int priority = 0; priority < RUN_PRIORITIES; priority++) {
        index_chain_init(&queue->waiting[priority]);
    }
}

void run_queue_put(struct run_queue *queue, uint32_t subject, enum run_priority priority)
{
    index_chain_append(&queue->waiting[priority], queue->links, subject);
    uint32_t length = run_queue_length(queue);
    if (length > queue->high_water) {
        queue->high_water = length;
    }
}

/* Low waits its turn among the normal ones rather than behind all of them, so it can never starve. */
static enum run_priority pick_ordinary(struct run_queue *queue)
{
    if (queue->waiting[RUN_LOW].count == 0) {
        return RUN_NORMAL;
    }
    if (queue->waiting[RUN_NORMAL].count == 0 || queue->normal_picks >= RUN_LOW_SHARE - 1) {
        queue->normal_picks = 0;
        return RUN_LOW;
    }
    queue->normal_picks++;
    return RUN_NORMAL;
}

enum status run_queue_take(struct run_queue *queue, uint32_t *subject)
{
    enum run_priority priority = RUN_MAX;
    if (queue->waiting[RUN_MAX].count == 0) {
        priority = queue->waiting[RUN_HIGH].count > 0 ? RUN_HIGH : pick_ordinary(queue);
    }
    *subject = index_chain_take(&queue->waiting[priority], queue->links);
    return *subject == INDEX_NONE ? STATUS_EMPTY : STATUS_OK;
}

void run_queue_remove(struct run_queue *queue, uint32_t subject, enum run_priority priority)
{
    index_chain_remove(&queue->waiting[priority], queue->links, subject);
}

uint32_t run_queue_length(const struct run_queue *queue)
{
    uint32_t length = 0;
    for (int priority = 0; priority < RUN_PRIORITIES; priority++) {
        length += queue->waiting[priority].count;
    }
    return length;
}
