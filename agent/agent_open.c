/* Opening and closing: every part in order. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_parts.h"
#include "base/log.h"
#include "base/mutation.h"
#include "config/remote_store.h"

enum { LOCK_TRIES = 50, LOCK_PAUSE_US = 10000 };

enum {
    HOT_PER_KEPT = 64, /* One hot place in so many is kept for time edges and compaction. */
    /* What state_log_batch_most asks for a batch that holds one transaction. */
    SEGMENT_BYTES_LEAST =
        (((DECIDER_TRANSACTION_BYTES / BATCH_ENTRY_SHARE + 1) * (BATCH_ENTRY_SHARE + WITNESS_BYTES) + 4608) *
             2 +
         FRAME_BLOCK_BYTES - 1) /
        FRAME_BLOCK_BYTES * FRAME_BLOCK_BYTES,
};

static_assert((int)SEGMENT_BYTES_LEAST <= (int)STORE_SEGMENT_BYTES_LEAST,
              "a configuration that is good is good for the log");

/* What was opened so far, to be closed in reverse when a later part fails. */
enum stage {
    STAGE_NONE,
    STAGE_FILE,
    STAGE_POLICIES,
    STAGE_MEMORY,
    STAGE_POOL,
    STAGE_LOG,
    STAGE_SCHEDULER,
    STAGE_COMPACTION,
    STAGE_TEND_READER,
    STAGE_PUBLISHER,
    STAGE_DECIDERS,
};

/* What the status asks of whoever starts the agent, where the part that failed does not say it itself. */
static const char *advice(enum status status)
{
    if (status == STATUS_NO_SPACE) {
        return "; free some space there, then start again";
    }
    if (status == STATUS_NO_MEMORY) {
        return "; free some memory, then start again";
    }
    return status == STATUS_IO ? "; look at the disk and at who may write there, then start again" : "";
}

static enum status no_memory(char *message, const char *what_for)
{
    snprintf(message, FAILURE_MESSAGE_MAX, "no memory for %s%s", what_for, advice(STATUS_NO_MEMORY));
    return STATUS_NO_MEMORY;
}

/* A folder of the configuration, and what is wrong with it. */
static enum status blame(char *message, enum status status, const char *setting, const char *folder,
                         const char *what)
{
    snprintf(message, FAILURE_MESSAGE_MAX, "%s %.160s: %s%s", setting, folder,
             what[0] == '\0' ? status_name(status) : what, advice(status));
    return status;
}

/* The folder's name is an entry of the folder above: only with that one synced does a power failure leave
 * what will be synced below it. One that is there already may come from a run that died before it synced;
 * whether we may look into the folder above is not ours to judge then. */
static enum status make_one_folder(const struct io *io, char *path, size_t above)
{
    bool is_new = io->mkdir(io->self, path, 0750) == 0;
    if (!is_new && errno != EEXIST) {
        return STATUS_IO;
    }
    char cut = path[above];
    path[above] = '\0';
    int synced = io_sync_folder(io, above == 0 ? "." : path);
    path[above] = cut;
    return synced == 0 || !is_new ? STATUS_OK : STATUS_IO;
}

/* Makes the folder and those above it; an existing one is fine. */
static enum status make_folder(const struct io *io, const char *path)
{
    char partial[CONFIG_STRING_BYTES_MAX + 1];
    size_t length = strlen(path);
    size_t above = path[0] == '/' ? 1 : 0; /* The length of the folder above. */
    enum status status = STATUS_OK;
    for (size_t i = 1; i <= length && length < sizeof partial && status == STATUS_OK; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(partial, path, i);
        partial[i] = '\0';
        status = make_one_folder(io, partial, above);
        above = i;
    }
    return status;
}

static enum status open_pool(struct agent *agent, char *message)
{
    const struct settings *settings = agent->settings;
    char path[CONFIG_STRING_BYTES_MAX + 16];
    if (make_folder(&agent->options.io, settings->runtime.dir) != STATUS_OK) {
        snprintf(message, FAILURE_MESSAGE_MAX,
                 "runtime.dir %s cannot be made: %s; set runtime.dir to a folder you may write",
                 settings->runtime.dir, strerror(errno));
        return STATUS_IO;
    }
    snprintf(path, sizeof path, "%s/pool", settings->runtime.dir);
    struct event_pool_settings pool = {
        .path = path, .slots = settings->pool.slots, .slot_bytes = settings->pool.slot_bytes};
    struct event_pool_report report;
    enum status status = event_pool_open(&agent->pool, &pool, &report);
    for (int tries = 0; status == STATUS_LOCKED && tries < LOCK_TRIES; tries++) {
        usleep(LOCK_PAUSE_US); /* An agent that was killed a moment ago may still be dying. */
        status = event_pool_open(&agent->pool, &pool, &report);
    }
    if (status != STATUS_OK) {
        return blame(message, status, "runtime.dir", settings->runtime.dir, report.message);
    }
    if (report.damaged > 0) {
        log_warn("pool.damaged", "places=%u", report.damaged);
    }
    return STATUS_OK;
}

/* What the log says was decided is done, whether or not the pool slot was freed in time. But the log's end
 * may only be in the page cache yet: until the log is open, the pool must not forget. */
static void settle_committed(void *self, const struct record *record)
{
    struct agent *agent = self;
    if (!mutation_is_on(MUTATION_SLOT_DECIDED_AGAIN)) {
        event_pool_settle(&agent->pool, record->pool_sequence);
    }
}

static enum status open_log(struct agent *agent, char *message)
{
    const struct store_settings *store = &agent->settings->store;
    if (make_folder(&agent->options.io, store->dir) != STATUS_OK) {
        snprintf(message, FAILURE_MESSAGE_MAX,
                 "store.dir %s cannot be made: %s; set store.dir to a folder you may write", store->dir,
                 strerror(errno));
        return STATUS_IO;
    }
    uint32_t batch_most = state_log_batch_most(store->segment_bytes);
    struct state_log_settings settings = {
        .folder = store->dir,
        .io = agent->options.io,
        .durability = store->durability == STORE_OS ? DURABILITY_OS : DURABILITY_FSYNC,
        .segment_bytes = store->segment_bytes,
        .max_bytes = store->max_bytes,
        .compression = (int)store->compression,
        .batch_bytes = batch_most < BATCH_BYTES ? batch_most : BATCH_BYTES,
        .subjects_max = store->subjects_max,
        .retention_ms = store->retention_ms,
        .retention_bytes = store->retention_bytes,
        .recent_bytes = RECENT_BYTES,
        .hash_key = agent->secret,
    };
    struct state_log_report report;
    struct state_log_listener recovery = {.record = settle_committed, .self = agent};
    enum status status = state_log_open(&agent->log, &settings, recovery, &report);
    if (status != STATUS_OK) {
        return blame(message, status, "store.dir", store->dir, report.message);
    }
    event_pool_free_settled(&agent->pool);
    if (report.torn_bytes > 0) {
        log_warn("store.torn", "bytes=%llu; written but never acknowledged, cut off",
                 (unsigned long long)report.torn_bytes);
    }
    log_info("store.opened", "frames=%llu subjects=%llu seq=%llu torn_bytes=%llu",
             (unsigned long long)report.frames, (unsigned long long)report.subjects,
             (unsigned long long)report.last_seq, (unsigned long long)report.torn_bytes);
    return STATUS_OK;
}

static enum status open_scheduler(struct agent *agent, char *message)
{
    const struct settings *settings = agent->settings;
    uint32_t hot = settings->runtime.subjects_hot < 2 ? 2 : settings->runtime.subjects_hot;
    struct scheduler_settings scheduler = {
        .subjects = {.subjects = hot, .blocks = hot * 4, .key = agent->secret},
        .slots = settings->pool.slots,
        .mailbox = settings->runtime.mailbox,
        .turn_events = TURN_EVENTS_MAX,
        .kept_for_pokes = 1 + (hot - 2) / HOT_PER_KEPT,
    };
    if (scheduler_init(&agent->scheduler, &scheduler) != STATUS_OK) {
        return no_memory(message, "the subjects (runtime.subjects_hot)");
    }
    agent->router.scheduler = &agent->scheduler;
    agent->router.pool = &agent->pool;
    agent->router.metrics = &agent->metrics;
    agent->router.policies = &agent->policies;
    agent->router.topics = &agent->topics;
    device_rate_init(&agent->router.device_rate, agent->secret);
    return STATUS_OK;
}

static enum status open_publisher(struct agent *agent, struct outlet outlet, char *message)
{
    struct publisher_parts parts = {
        .log = &agent->log,
        .pool = &agent->pool,
        .metrics = &agent->metrics,
        .policies = &agent->policies,
        .announcements = &agent->announcements,
        .alerts = &agent->alerts,
        .topics = &agent->topics,
        .outlet = outlet,
        .dedup_window = agent->settings->runtime.dedup_window,
        .publishes_states = agent->settings->topics.state == STATE_TOPICS_ON,
    };
    if (publisher_init(&agent->publisher, parts, agent->board_places, BOARD_PLACES) != STATUS_OK) {
        return no_memory(message, "the publisher");
    }
    return STATUS_OK;
}

/* Until threads take over, whoever turns the agent commits. */
static enum status commit_by_hand(void *self)
{
    return agent_commit(self);
}

static enum status open_deciders(struct agent *agent, char *message)
{
    struct decider_parts parts = {
        .log = &agent->log,
        .pool = &agent->pool,
        .scheduler = &agent->scheduler,
        .metrics = &agent->metrics,
        .alerts = &agent->alerts,
        .policies = &agent->policies,
        .topics = &agent->topics,
        .imbalance = &agent->imbalance,
        .compaction = &agent->compaction,
        .committer = {.commit = commit_by_hand, .self = agent},
        .dedup_window = agent->settings->runtime.dedup_window,
        .payload_bytes_max = LIMIT_PAYLOAD_BYTES_MAX,
    };
    for (uint32_t i = 0; i < agent->decider_count; i++) {
        if (decider_init(&agent->deciders[i], parts) != STATUS_OK) {
            while (i > 0) {
                decider_close(&agent->deciders[--i]);
            }
            return no_memory(message, "the schedulers");
        }
    }
    return STATUS_OK;
}

static void close_down_to(struct agent *agent, enum stage stage)
{
    switch (stage) {
    case STAGE_DECIDERS:
        for (uint32_t i = 0; i < agent->decider_count; i++) {
            decider_close(&agent->deciders[i]);
        }
        /* fall through */
    case STAGE_PUBLISHER:
        publisher_close(&agent->publisher);
        /* fall through */
    case STAGE_TEND_READER:
        state_log_reader_close(&agent->tend_reader);
        /* fall through */
    case STAGE_COMPACTION:
        compaction_close(&agent->compaction);
        /* fall through */
    case STAGE_SCHEDULER:
        scheduler_free(&agent->scheduler);
        /* fall through */
    case STAGE_LOG:
        state_log_close(&agent->log);
        /* fall through */
    case STAGE_POOL:
        event_pool_close(&agent->pool);
        /* fall through */
    case STAGE_MEMORY:
        agent_give_memory(agent);
        /* fall through */
    case STAGE_POLICIES:
        policies_close(&agent->policies);
        /* fall through */
    case STAGE_FILE:
        config_snapshot_close(agent->file);
        config_text_close(&agent->file_text);
        announcements_close(&agent->announcements);
        alerts_close(&agent->alerts);
        /* fall through */
    case STAGE_NONE: break;
    }
}

static enum status open_parts(struct agent *agent, struct outlet outlet, char *message, enum stage *stage)
{
    enum status status = agent_load_config(agent, message);
    if (status != STATUS_OK) {
        return status;
    }
    *stage = STAGE_POLICIES;
    if (agent_take_memory(agent) != STATUS_OK) {
        return no_memory(message, "the schedulers (runtime.schedulers)");
    }
    *stage = STAGE_MEMORY;
    if ((status = open_pool(agent, message)) != STATUS_OK) {
        return status;
    }
    *stage = STAGE_POOL;
    if ((status = open_log(agent, message)) != STATUS_OK) {
        return status;
    }
    *stage = STAGE_LOG;
    if ((status = open_scheduler(agent, message)) != STATUS_OK) {
        return status;
    }
    *stage = STAGE_SCHEDULER;
    if (compaction_init(&agent->compaction, &agent->log, &agent->scheduler, agent->secret) != STATUS_OK) {
        return no_memory(message, "compaction");
    }
    *stage = STAGE_COMPACTION;
    if (state_log_reader_open(&agent->tend_reader, &agent->log) != STATUS_OK) {
        return no_memory(message, "reading the log");
    }
    *stage = STAGE_TEND_READER;
    if ((status = open_publisher(agent, outlet, message)) != STATUS_OK) {
        return status;
    }
    *stage = STAGE_PUBLISHER;
    if ((status = open_deciders(agent, message)) != STATUS_OK) {
        return status;
    }
    *stage = STAGE_DECIDERS;
    return STATUS_OK;
}

enum status agent_open(struct agent *agent, const struct agent_options *options, struct outlet outlet,
                       char message[FAILURE_MESSAGE_MAX])
{
    agent->options = *options;
    agent->source = *options->source;
    agent_draw_identity(agent);
    alerts_init(&agent->alerts);
    announcements_init(&agent->announcements);
    metrics_init(&agent->metrics);
    enum stage stage = STAGE_NONE;
    enum status status = open_parts(agent, outlet, message, &stage);
    if (status == STATUS_OK) {
        status = agent_catch_up(agent);
        if (status != STATUS_OK) {
            blame(message, status, "store.dir", agent->settings->store.dir,
                  "what an earlier run left cannot be taken up");
        }
    }
    if (status != STATUS_OK) {
        close_down_to(agent, stage);
    }
    return status;
}

void agent_close(struct agent *agent)
{
    close_down_to(agent, STAGE_DECIDERS);
}
