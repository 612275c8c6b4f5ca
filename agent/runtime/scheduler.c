#include "agent/runtime/scheduler_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/runtime/deadline.h"

static void *carve(uint8_t **at, size_t bytes)
{
    void *piece = *at;
    *at += (bytes + 15) / 16 * 16;
    return piece;
}

static enum status take_memory(struct scheduler *scheduler)
{
    size_t slots = scheduler->settings.slots;
    size_t subjects = scheduler->settings.subjects.subjects;
    size_t process_bytes = subjects * sizeof(struct scheduler_process);
    size_t letter_bytes = slots * sizeof(struct scheduler_letter);
    scheduler->memory_bytes =
        process_bytes + letter_bytes + (2 * slots + subjects) * sizeof(struct index_link) + 5 * (size_t)16;
    void *memory =
        mmap(NULL, scheduler->memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return STATUS_NO_MEMORY;
    }
    scheduler->memory = memory;
    uint8_t *at = memory;
    scheduler->processes = carve(&at, process_bytes);
    scheduler->letters = carve(&at, letter_bytes);
    scheduler->letter_links = carve(&at, slots * sizeof(struct index_link));
    scheduler->unreliable_links = carve(&at, slots * sizeof(struct index_link));
    scheduler->queue_links = carve(&at, subjects * sizeof(struct index_link));
    return STATUS_OK;
}

enum status scheduler_init(struct scheduler *scheduler, const struct scheduler_settings *settings)
{
    assert(settings->slots >= 1 && settings->turn_events >= 1);
    assert(settings->kept_for_pokes < settings->subjects.subjects);
    memset(scheduler, 0, sizeof *scheduler);
    scheduler->settings = *settings;
    if (take_memory(scheduler) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    if (subject_table_init(&scheduler->subjects, &settings->subjects) != STATUS_OK) {
        munmap(scheduler->memory, scheduler->memory_bytes);
        return STATUS_NO_MEMORY;
    }
    run_queue_init(&scheduler->queue, scheduler->queue_links);
    intake_init(&scheduler->intake);
    index_chain_init(&scheduler->unreliable_posted);
    index_chain_init(&scheduler->unreliable_arrived);
    pthread_mutex_init(&scheduler->lock, NULL);
    pthread_cond_init(&scheduler->work, NULL);
    return STATUS_OK;
}

void scheduler_free(struct scheduler *scheduler)
{
    pthread_cond_destroy(&scheduler->work);
    pthread_mutex_destroy(&scheduler->lock);
    subject_table_close(&scheduler->subjects);
    munmap(scheduler->memory, scheduler->memory_bytes);
}

void scheduler_wake_one(struct scheduler *scheduler)
{
    if (scheduler->sleepers > 0) {
        pthread_cond_signal(&scheduler->work);
    }
}

/* The subject's number, awake; STATUS_NO_MEMORY when every hot subject is busy. */
static enum status wake_subject(struct scheduler *scheduler, const struct name *name, uint32_t *subject)
{
    if (subject_table_find(&scheduler->subjects, name, subject) == STATUS_OK) {
        return STATUS_OK;
    }
    if (subject_table_add(&scheduler->subjects, name, subject) != STATUS_OK) {
        scheduler->stats.blocked++;
        return STATUS_NO_MEMORY;
    }
    struct scheduler_process *process = &scheduler->processes[*subject];
    memset(process, 0, sizeof *process);
    mailbox_init(&process->mailbox);
    return STATUS_OK;
}

static bool has_work(const struct scheduler_process *process)
{
    return process->pokes != 0 || mailbox_waiting(&process->mailbox) > 0;
}

/* The highest of what waits: an event behind others pulls them along. */
static enum run_priority priority_of(const struct scheduler_process *process)
{
    if (process->pokes != 0) {
        return RUN_MAX;
    }
    enum run_priority priority = RUN_HIGH;
    while (priority < RUN_LOW && process->waiting[priority] == 0) {
        priority++;
    }
    return priority;
}

static void enqueue(struct scheduler *scheduler, uint32_t subject)
{
    struct scheduler_process *process = &scheduler->processes[subject];
    subject_table_set_busy(&scheduler->subjects, subject);
    process->state = PROCESS_QUEUED;
    process->queued_at = priority_of(process);
    run_queue_put(&scheduler->queue, subject, process->queued_at);
    scheduler_wake_one(scheduler);
}

/* The subject has got something to do. */
static void make_runnable(struct scheduler *scheduler, uint32_t subject)
{
    struct scheduler_process *process = &scheduler->processes[subject];
    switch (process->state) {
    case PROCESS_IDLE: enqueue(scheduler, subject); return;
    case PROCESS_QUEUED:
        if (priority_of(process) < process->queued_at) {
            run_queue_remove(&scheduler->queue, subject, process->queued_at);
            process->queued_at = priority_of(process);
            run_queue_put(&scheduler->queue, subject, process->queued_at);
        }
        return;
    case PROCESS_RUNNING: return; /* scheduler_finish will see it. */
    }
    abort(); /* Corrupt state. */
}

/* The subject has nothing to do and may be put to sleep. */
static void make_idle(struct scheduler *scheduler, uint32_t subject)
{
    scheduler->processes[subject].state = PROCESS_IDLE;
    subject_table_set_idle(&scheduler->subjects, subject);
    intake_unblock(&scheduler->intake);
    if (intake_is_ready(&scheduler->intake)) {
        scheduler_wake_one(scheduler);
    }
}

static void note_posted(struct scheduler *scheduler, uint32_t subject, const struct posting *posting)
{
    scheduler->letters[posting->slot] =
        (struct scheduler_letter){.subject = subject, .priority = posting->priority, .qos = posting->qos};
    struct scheduler_process *process = &scheduler->processes[subject];
    process->waiting[posting->priority]++;
    scheduler->with_events += mailbox_waiting(&process->mailbox) == 1 ? 1 : 0;
    scheduler->stats.waiting++;
    if (posting->qos == 0) {
        index_chain_append(&scheduler->unreliable_posted, scheduler->unreliable_links, posting->slot);
    }
}

bool scheduler_has_place_for_events(const struct scheduler *scheduler)
{
    return scheduler->with_events <
           scheduler->settings.subjects.subjects - scheduler->settings.kept_for_pokes;
}

/* Whether events wait for the subject already: one more takes no further place. */
static bool has_events(const struct scheduler *scheduler, const struct name *name)
{
    uint32_t subject = 0;
    return subject_table_find(&scheduler->subjects, name, &subject) == STATUS_OK &&
           mailbox_waiting(&scheduler->processes[subject].mailbox) > 0;
}

static enum status post(struct scheduler *scheduler, const struct posting *posting)
{
    uint32_t subject = 0;
    if (!scheduler_has_place_for_events(scheduler) && !has_events(scheduler, posting->subject)) {
        scheduler->stats.blocked++;
        return STATUS_NO_MEMORY;
    }
    enum status status = wake_subject(scheduler, posting->subject, &subject);
    if (status != STATUS_OK) {
        return status;
    }
    struct scheduler_process *process = &scheduler->processes[subject];
    status = mailbox_post(&process->mailbox, scheduler->letter_links, posting->slot, posting->qos,
                          scheduler->settings.mailbox);
    if (status == STATUS_OK) {
        note_posted(scheduler, subject, posting);
        make_runnable(scheduler, subject);
        return STATUS_OK;
    }
    scheduler->stats.refused++;
    if (process->state == PROCESS_IDLE) {
        make_idle(scheduler, subject); /* Only a mailbox of size 0 refuses a subject just woken. */
    }
    return status;
}

enum status scheduler_post(struct scheduler *scheduler, const struct posting *posting)
{
    assert(posting->slot < scheduler->settings.slots && posting->priority != RUN_MAX);
    pthread_mutex_lock(&scheduler->lock);
    enum status status = post(scheduler, posting);
    pthread_mutex_unlock(&scheduler->lock);
    return status;
}

enum status scheduler_poke(struct scheduler *scheduler, const struct name *subject, uint8_t reasons)
{
    assert(reasons != 0);
    pthread_mutex_lock(&scheduler->lock);
    uint32_t index = 0;
    enum status status = wake_subject(scheduler, subject, &index);
    if (status == STATUS_OK) {
        scheduler->processes[index].pokes |= reasons;
        make_runnable(scheduler, index);
    }
    pthread_mutex_unlock(&scheduler->lock);
    return status;
}

static void begin_turn(struct scheduler *scheduler, uint32_t subject, struct run *run)
{
    struct scheduler_process *process = &scheduler->processes[subject];
    process->state = PROCESS_RUNNING;
    run->work = WORK_SUBJECT;
    run->budget = scheduler->settings.turn_events;
    run->subject = subject;
    run->name = *subject_table_name(&scheduler->subjects, subject);
    run->pokes = process->pokes;
    process->pokes = 0;
    size_t length = 0;
    run->has_image = subject_table_load(&scheduler->subjects, subject, run->buffer, run->buffer_bytes,
                                        &length) == STATUS_OK;
    run->image = bytes_of(run->buffer, length);
    scheduler->stats.running++;
    scheduler->stats.turns++;
    scheduler->stats.reductions += run->pokes != 0 ? 1 : 0;
}

static void begin_routing(struct scheduler *scheduler, struct run *run)
{
    intake_begin(&scheduler->intake);
    run->work = WORK_ROUTE;
    run->budget = SCHEDULER_ROUTE_BATCH;
}

/* Routing and running take turns while there is both: no flood keeps subjects from running, and no busy
 * subject keeps urgent events from being seen. */
static bool pick(struct scheduler *scheduler, struct run *run)
{
    bool runnable = run_queue_length(&scheduler->queue) > 0;
    if (intake_is_ready(&scheduler->intake) && (!runnable || !scheduler->routed_last)) {
        scheduler->routed_last = true;
        begin_routing(scheduler, run);
        return true;
    }
    uint32_t subject = 0;
    if (run_queue_take(&scheduler->queue, &subject) != STATUS_OK) {
        return false;
    }
    scheduler->routed_last = false;
    begin_turn(scheduler, subject, run);
    return true;
}

static enum status try_take(struct scheduler *scheduler, struct run *run)
{
    if (scheduler->closed) {
        return STATUS_CLOSED;
    }
    return pick(scheduler, run) ? STATUS_OK : STATUS_TIMED_OUT;
}

enum status scheduler_take(struct scheduler *scheduler, int64_t timeout_ms, struct run *run)
{
    struct deadline deadline = deadline_after(timeout_ms);
    pthread_mutex_lock(&scheduler->lock);
    enum status status = try_take(scheduler, run);
    enum status waited = STATUS_OK;
    while (status == STATUS_TIMED_OUT && waited == STATUS_OK) {
        scheduler->sleepers++;
        waited = deadline_wait(&deadline, &scheduler->work, &scheduler->lock);
        scheduler->sleepers--;
        status = try_take(scheduler, run);
    }
    pthread_mutex_unlock(&scheduler->lock);
    return status;
}

void scheduler_note_taken(struct scheduler *scheduler, slot_index slot)
{
    const struct scheduler_letter *letter = &scheduler->letters[slot];
    struct scheduler_process *process = &scheduler->processes[letter->subject];
    process->waiting[letter->priority]--;
    scheduler->with_events -= mailbox_waiting(&process->mailbox) == 0 ? 1 : 0;
    scheduler->stats.waiting--;
    if (letter->qos == 0) {
        index_chain_remove(&scheduler->unreliable_posted, scheduler->unreliable_links, slot);
    }
}

enum status scheduler_next(struct scheduler *scheduler, struct run *run, slot_index *slot)
{
    assert(run->work == WORK_SUBJECT);
    if (run->budget == 0) {
        return STATUS_EMPTY;
    }
    pthread_mutex_lock(&scheduler->lock);
    struct mailbox *mailbox = &scheduler->processes[run->subject].mailbox;
    enum status status = mailbox_take(mailbox, scheduler->letter_links, slot);
    if (status == STATUS_OK) {
        scheduler_note_taken(scheduler, *slot);
        run->budget--;
        scheduler->stats.reductions++;
    }
    pthread_mutex_unlock(&scheduler->lock);
    return status;
}

void scheduler_give_back(struct scheduler *scheduler, struct run *run, slot_index slot)
{
    assert(run->work == WORK_SUBJECT);
    pthread_mutex_lock(&scheduler->lock);
    struct scheduler_process *process = &scheduler->processes[run->subject];
    const struct scheduler_letter *letter = &scheduler->letters[slot];
    mailbox_put_back(&process->mailbox, scheduler->letter_links, slot);
    process->waiting[letter->priority]++;
    scheduler->with_events += mailbox_waiting(&process->mailbox) == 1 ? 1 : 0;
    scheduler->stats.waiting++;
    if (letter->qos == 0) {
        index_chain_prepend(&scheduler->unreliable_posted, scheduler->unreliable_links, slot);
    }
    run->budget++;
    pthread_mutex_unlock(&scheduler->lock);
}

static void settle_image(struct scheduler *scheduler, uint32_t subject, enum image_fate fate,
                         struct bytes image)
{
    switch (fate) {
    case IMAGE_UNCHANGED: return;
    case IMAGE_STORE: subject_table_store(&scheduler->subjects, subject, image); return;
    case IMAGE_FORGET: subject_table_forget(&scheduler->subjects, subject); return;
    }
    abort(); /* Corrupt fate. */
}

void scheduler_finish(struct scheduler *scheduler, struct run *run, enum image_fate fate, struct bytes image)
{
    assert(run->work == WORK_SUBJECT);
    pthread_mutex_lock(&scheduler->lock);
    struct scheduler_process *process = &scheduler->processes[run->subject];
    assert(process->state == PROCESS_RUNNING);
    settle_image(scheduler, run->subject, fate, image);
    scheduler->stats.running--;
    if (has_work(process)) {
        enqueue(scheduler, run->subject);
    } else {
        make_idle(scheduler, run->subject);
    }
    pthread_mutex_unlock(&scheduler->lock);
}

uint32_t scheduler_trim(struct scheduler *scheduler, uint32_t count)
{
    pthread_mutex_lock(&scheduler->lock);
    uint32_t trimmed = subject_table_trim(&scheduler->subjects, count);
    pthread_mutex_unlock(&scheduler->lock);
    return trimmed;
}

bool scheduler_is_idle(struct scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    bool idle = scheduler->intake.waiting.count == 0 && !scheduler->intake.routing &&
                run_queue_length(&scheduler->queue) == 0 && scheduler->stats.running == 0;
    pthread_mutex_unlock(&scheduler->lock);
    return idle;
}

void scheduler_close(struct scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    scheduler->closed = true;
    pthread_cond_broadcast(&scheduler->work);
    pthread_mutex_unlock(&scheduler->lock);
}

struct scheduler_stats scheduler_stats(struct scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    struct scheduler_stats stats = scheduler->stats;
    stats.runnable = run_queue_length(&scheduler->queue);
    stats.runnable_high_water = scheduler->queue.high_water;
    stats.intake = scheduler->intake.waiting.count;
    stats.subjects = subject_table_stats(&scheduler->subjects);
    pthread_mutex_unlock(&scheduler->lock);
    return stats;
}
