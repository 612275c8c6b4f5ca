#include "agent/agent_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

void agent_draw_identity(struct agent *agent)
{
    uint64_t random[3] = {(uint64_t)agent->options.wall, clock_monotonic_us(), (uint64_t)getpid()};
    if (agent->options.seed != 0) {
        random[0] = random[1] = random[2] = agent->options.seed;
    } else {
        ssize_t got = getrandom(random, sizeof random, GRND_NONBLOCK);
        (void)got; /* Too early in a boot for randomness: time and process id must do. */
    }
    agent->secret = (struct hash_key){.low = random[0], .high = random[1]};
    snprintf(agent->boot_id, sizeof agent->boot_id, "%016llx", (unsigned long long)random[2]);
}

static void use_topics(struct agent *agent)
{
    const struct topic_settings *topics = &agent->settings->topics;
    agent->topics = (struct topics){.root = bytes_of_string(topics->root),
                                    .agent = name_bytes(&agent->settings->agent_id),
                                    .response_prefixes = topics->response_prefixes,
                                    .response_prefix_count = topics->response_prefix_count};
}

static void describe(const struct config_errors *errors, enum status status, char *message)
{
    if (errors->count == 0) {
        snprintf(message, FAILURE_MESSAGE_MAX, "configuration: cannot be loaded (%s); free some memory",
                 status_name(status));
        return;
    }
    snprintf(message, FAILURE_MESSAGE_MAX, "configuration: %s: %s", errors->items[0].path,
             errors->items[0].message);
}

/* The same configuration twice: one whose settings stay for the run, one that remote configuration may
 * replace. */
static enum status load_twice(struct agent *agent, struct config_errors *errors)
{
    struct config_snapshot *active = NULL;
    enum status status = config_load(&agent->source, &agent->file, errors);
    if (status == STATUS_OK) {
        status = config_load(&agent->source, &active, errors);
    }
    if (status != STATUS_OK) {
        config_snapshot_close(agent->file);
        agent->file = NULL;
        return status;
    }
    agent->settings = &agent->file->settings;
    policies_init(&agent->policies, active);
    use_topics(agent);
    return STATUS_OK;
}

enum status agent_load_config(struct agent *agent, char message[FAILURE_MESSAGE_MAX])
{
    struct config_errors *errors = calloc(1, sizeof *errors);
    if (errors == NULL) {
        snprintf(message, FAILURE_MESSAGE_MAX, "no memory for the configuration; free some");
        return STATUS_NO_MEMORY;
    }
    enum status status = load_twice(agent, errors);
    if (status != STATUS_OK) {
        describe(errors, status, message);
    }
    free(errors);
    return status;
}

static void *map_zeroed(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    return memory;
}

static void unmap(void *memory, size_t bytes)
{
    if (memory != NULL) {
        munmap(memory, bytes);
    }
}

static uint32_t count_deciders(const struct settings *settings)
{
    uint32_t count = settings->runtime.schedulers;
    if (count == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        count = cores < 1 ? 1 : (uint32_t)cores;
    }
    return count > SCHEDULERS_MAX ? SCHEDULERS_MAX : count;
}

static void unmap_all(struct agent *agent)
{
    unmap(agent->inbox_buffer, INBOX_BYTES_MAX);
    unmap(agent->board_places, BOARD_PLACES * sizeof *agent->board_places);
    unmap(agent->deciders, agent->decider_count * sizeof *agent->deciders);
}

enum status agent_take_memory(struct agent *agent)
{
    agent->decider_count = count_deciders(agent->settings);
    agent->deciders = map_zeroed(agent->decider_count * sizeof *agent->deciders);
    agent->board_places = map_zeroed(BOARD_PLACES * sizeof *agent->board_places);
    agent->inbox_buffer = map_zeroed(INBOX_BYTES_MAX);
    if (agent->deciders == NULL || agent->board_places == NULL || agent->inbox_buffer == NULL ||
        inbox_init(&agent->inbox) != STATUS_OK) {
        unmap_all(agent);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

void agent_give_memory(struct agent *agent)
{
    inbox_close(&agent->inbox);
    unmap_all(agent);
}
