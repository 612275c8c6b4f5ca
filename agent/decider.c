#include "agent/decider.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/mutation.h"
#include "mqtt/foreign.h"

enum status decider_init(struct decider *decider, struct decider_parts parts)
{
    decider->parts = parts;
    size_t arena_bytes = payload_arena_bytes(parts.payload_bytes_max);
    void *storage = mmap(NULL, arena_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (storage == MAP_FAILED) {
        return STATUS_NO_MEMORY;
    }
    arena_init(&decider->arena, storage, arena_bytes);
    enum status status = state_log_reader_open(&decider->reader, parts.log);
    if (status != STATUS_OK) {
        munmap(storage, arena_bytes);
    }
    return status;
}

void decider_close(struct decider *decider)
{
    state_log_reader_close(&decider->reader);
    munmap(decider->arena.storage, decider->arena.capacity);
}

struct payload_context decider_payload_context(struct decider *decider)
{
    const struct config_snapshot *config = decider->view.active;
    return (struct payload_context){.topics = decider->parts.topics,
                                    .routes = config->routes,
                                    .route_count = config->route_count,
                                    .payload_bytes_max = config->settings.limits.payload_bytes,
                                    .arena = &decider->arena};
}

/* Conservation is checked with every change that is stored. */
static void check_conservation(struct decider *decider)
{
    micro_units imbalance = billing_imbalance(&decider->subject.governors.billing);
    if (imbalance != 0) {
        atomic_store(decider->parts.imbalance, imbalance);
        alerts_raise(decider->parts.alerts, ALERT_LEDGER_IMBALANCE, decider->moment.now,
                     "an account's credits do not match its charges, refunds and balance");
    }
}

void decider_put_image(struct decider *decider, governor_set changes)
{
    struct subject_state *subject = &decider->subject;
    struct packer packer = packer_of(decider->image_buffer, sizeof decider->image_buffer);
    subject_state_pack(&packer, subject);
    assert(!packer.overflowed);
    struct record record = {
        .kind = RECORD_IMAGE,
        .subject = subject->name,
        .previous = decider->image_ref,
        .edge = chain_next_edge(&subject->governors, &decider->view.active->policy, decider->moment.now),
        .changes = changes,
        .body = packer_bytes(&packer),
    };
    decider->image_ref = state_log_put(decider->parts.log, &record, SEQ_NONE);
    decider->image_is_newer = true;
    decider->is_stranger = false;
    check_conservation(decider);
}

/* The scheduler's copy of an image: where it lies in the log, then its bytes. */
static enum status unpack_hot(struct decider *decider, struct bytes hot)
{
    assert(hot.length >= sizeof decider->image_ref);
    memcpy(&decider->image_ref, hot.data, sizeof decider->image_ref);
    return subject_state_unpack(bytes_after(hot, sizeof decider->image_ref), decider->parts.dedup_window,
                                &decider->subject);
}

static struct bytes pack_hot(struct decider *decider)
{
    size_t prefix = sizeof decider->image_ref;
    memcpy(decider->run_buffer, &decider->image_ref, prefix);
    struct packer packer = packer_of(decider->run_buffer + prefix, sizeof decider->run_buffer - prefix);
    subject_state_pack(&packer, &decider->subject);
    assert(!packer.overflowed);
    return bytes_of(decider->run_buffer, prefix + packer.length);
}

/* Whoever was set back is marked, and the mark stored. */
static void mark_setback(struct decider *decider, struct run *run, const struct record *image)
{
    if (image->is_setback) {
        log_warn("subject.set_back", "seq=%llu; damage took what came after",
                 (unsigned long long)decider->subject.seq);
        decider->subject.is_set_back = true;
        run->pokes |= POKE_REWRITE;
    }
}

/* Brings the subject into decider->subject from the scheduler's copy or, when that is gone, from the log. */
static enum status load_subject(struct decider *decider, struct run *run)
{
    decider->image_ref = RECORD_REF_NONE;
    decider->image_is_newer = false;
    decider->image_is_lost = false;
    decider->is_stranger = false;
    if (run->has_image) {
        return unpack_hot(decider, run->image);
    }
    struct record image = {0};
    enum status status =
        name_is_empty(&run->name) ? STATUS_NOT_FOUND : state_log_find(&decider->reader, &run->name, &image);
    if (status == STATUS_NOT_FOUND) {
        decider->is_stranger = true;
        subject_state_init(&decider->subject, &run->name, decider->parts.dedup_window);
        mark_setback(decider, run, &image);
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        return status;
    }
    metrics_count(decider->parts.metrics, METRIC_SUBJECTS_WOKEN);
    decider->image_ref = image.ref;
    status = subject_state_unpack(image.body, decider->parts.dedup_window, &decider->subject);
    mark_setback(decider, run, &image);
    return status;
}

static enum status decide_foreign(struct decider *decider, const struct intake_message *intake)
{
    const struct config_snapshot *config = decider->view.active;
    struct routed_message routed;
    struct rejection rejection = {.reason = DEAD_LETTER_BAD_TOPIC, .detail = "no route knows this topic"};
    if (foreign_route(config->routes, config->route_count, &intake->message, &routed) != STATUS_OK) {
        return decide_dead_letter(decider, intake, &rejection);
    }
    struct payload_context context = decider_payload_context(decider);
    struct foreign_event foreign;
    if (foreign_decode(&context, &routed, &foreign, &rejection) != STATUS_OK) {
        return decide_dead_letter(decider, intake, &rejection);
    }
    if (!name_equal(&foreign.decoded.event.subject, &decider->subject.name)) {
        /* The routes changed while it waited: it is another subject's now. */
        scheduler_arrive(decider->parts.scheduler, intake->slot, intake->message.qos);
        return STATUS_OK;
    }
    struct event_intake event = {.decoded = foreign.decoded,
                                 .is_counter = foreign.amount_kind == AMOUNT_COUNTER,
                                 .pool_sequence = intake->pool_sequence};
    return decide_event(decider, &event);
}

static enum status decide_own_event(struct decider *decider, const struct intake_message *intake,
                                    const struct parsed_topic *topic)
{
    struct payload_context context = decider_payload_context(decider);
    struct event_intake event = {.pool_sequence = intake->pool_sequence};
    struct rejection rejection;
    if (payload_decode(&context, &intake->message, topic, &event.decoded, &rejection) != STATUS_OK) {
        return decide_dead_letter(decider, intake, &rejection);
    }
    return decide_event(decider, &event);
}

static enum status decide_slot(struct decider *decider, slot_index slot)
{
    struct intake_message intake = {.slot = slot};
    event_pool_get(decider->parts.pool, slot, &intake.message, &intake.pool_sequence);
    arena_reset(&decider->arena);
    struct parsed_topic topic = topic_parse(decider->parts.topics, intake.message.topic);
    switch (topic.kind) {
    case TOPIC_EVENT:
    case TOPIC_BAD: return decide_own_event(decider, &intake, &topic);
    case TOPIC_COMMAND: return decide_command(decider, &intake, &topic);
    case TOPIC_FOREIGN: return decide_foreign(decider, &intake);
    case TOPIC_CONFIG_DESIRED:
    case TOPIC_CANARY: break; /* Taken before the pool; never here. */
    }
    event_pool_free(decider->parts.pool, slot);
    return STATUS_OK;
}

/* A thread that commits itself must not wait for a batch with room: it makes that room. */
static enum status make_room(struct decider *decider, size_t bytes_most)
{
    const struct committer *committer = &decider->parts.committer;
    enum status status = state_log_try_begin(decider->parts.log, bytes_most);
    if (status == STATUS_OK) {
        state_log_end(decider->parts.log);
        return STATUS_OK;
    }
    bool is_room_to_make = status == STATUS_FULL || status == STATUS_NO_SPACE;
    return is_room_to_make ? committer->commit(committer->self) : status;
}

enum status decider_begin(struct decider *decider, size_t bytes_most)
{
    if (decider->parts.committer.commit != NULL) {
        enum status status = make_room(decider, bytes_most);
        if (status == STATUS_IO || status == STATUS_CLOSED) {
            return status;
        }
    }
    return state_log_begin_reserved(decider->parts.log, bytes_most);
}

/* Whether ordinary work fits into the store now: asked before an event is taken, because a taken event must
 * end. */
static enum status check_room(struct decider *decider)
{
    const struct committer *committer = &decider->parts.committer;
    if (committer->commit == NULL) {
        enum status status = state_log_begin(decider->parts.log, DECIDER_TRANSACTION_BYTES);
        if (status == STATUS_OK) {
            state_log_end(decider->parts.log);
        }
        return status;
    }
    enum status status = state_log_try_begin(decider->parts.log, DECIDER_TRANSACTION_BYTES);
    if (status == STATUS_OK) {
        state_log_end(decider->parts.log);
    }
    return status == STATUS_FULL ? committer->commit(committer->self) : status;
}

static enum status run_messages(struct decider *decider, struct run *run)
{
    for (;;) {
        enum status status = check_room(decider);
        if (status != STATUS_OK) {
            return status;
        }
        slot_index slot;
        if (scheduler_next(decider->parts.scheduler, run, &slot) != STATUS_OK) {
            return STATUS_OK;
        }
        status = decide_slot(decider, slot);
        if (mutation_is_on(MUTATION_SLOT_FREED_EARLY) && status == STATUS_OK) {
            event_pool_free(decider->parts.pool, slot);
        }
        if (status == STATUS_NO_SPACE || status == STATUS_CLOSED) {
            scheduler_give_back(decider->parts.scheduler, run, slot);
            decider->image_is_lost = true;
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
}

/* The subject as it is in memory, when the log's own image of it was lost. */
static enum status rewrite_image(struct decider *decider)
{
    enum status status = decider_begin(decider, DECIDER_TRANSACTION_BYTES);
    if (status == STATUS_OK) {
        decider_put_image(decider, 0);
        state_log_end(decider->parts.log);
    }
    return status;
}

static enum status run_subject(struct decider *decider, struct run *run)
{
    enum status status = load_subject(decider, run);
    if (status == STATUS_OK && (run->pokes & POKE_REWRITE) != 0) {
        status = rewrite_image(decider);
        run->pokes = status == STATUS_OK ? run->pokes & (uint8_t)~POKE_REWRITE : run->pokes;
    }
    if (status == STATUS_OK && (run->pokes & POKE_TICK) != 0) {
        status = decide_tick(decider);
        run->pokes = status == STATUS_OK ? run->pokes & (uint8_t)~POKE_TICK : run->pokes;
    }
    if (status == STATUS_OK && (run->pokes & POKE_RELOCATE) != 0) {
        status = decide_relocate(decider, atomic_load(&decider->parts.compaction->through_frame));
        run->pokes = status == STATUS_OK ? run->pokes & (uint8_t)~POKE_RELOCATE : run->pokes;
    }
    return status == STATUS_OK ? run_messages(decider, run) : status;
}

/* A subject that runs is hot: the poke finds it. */
static void poke_again(struct decider *decider, const struct run *run)
{
    if (run->pokes != 0) {
        enum status status = scheduler_poke(decider->parts.scheduler, &run->name, run->pokes);
        assert(status == STATUS_OK);
        (void)status;
    }
}

static enum image_fate fate_of(const struct decider *decider, enum status status)
{
    if (status != STATUS_OK && status != STATUS_NO_SPACE && status != STATUS_CLOSED) {
        log_error("subject.failed", "status=%s", status_name(status));
        return IMAGE_FORGET;
    }
    /* What was put is in the log, whatever became of the copy here. */
    if (decider->image_is_lost) {
        return IMAGE_FORGET;
    }
    return decider->image_is_newer ? IMAGE_STORE : IMAGE_UNCHANGED;
}

enum status decider_turn(struct decider *decider, struct run *run, struct moment moment)
{
    decider->moment = moment;
    decider->view = policies_take(decider->parts.policies);
    enum status status = run_subject(decider, run);
    policies_give(decider->parts.policies, decider->view);

    enum image_fate fate = fate_of(decider, status);
    struct bytes image = bytes_of(NULL, 0);
    if (status == STATUS_NO_SPACE) {
        poke_again(decider, run);
    }
    if (fate == IMAGE_STORE) {
        image = pack_hot(decider);
    }
    scheduler_finish(decider->parts.scheduler, run, fate, image);
    return status;
}
