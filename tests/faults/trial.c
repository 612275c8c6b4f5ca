#include "tests/faults/trial.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <cmocka.h>

enum { TELLINGS = 20, FINISH_MS = 10000 };

/* Quick rather than careful: it does not die, or what it forgets is part of the test. */
static const char quick_broker[] = "persistence false\nlog_type none\nlog_type error\n";

uint64_t trial_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t choose_seed(void)
{
    uint64_t random;
    assert_int_equal(getrandom(&random, sizeof random, 0), sizeof random);
    uint64_t seed = trial_number("FLYBALL_FAULT_SEED", random);
    printf("seed %" PRIu64 "\n", seed);
    return seed;
}

static void prepare_agent(struct trial *trial, const char *overlay)
{
    char url[BROKER_URL_MAX];
    broker_url(&trial->broker, BROKER_TCP, url);
    agent_process_prepare(&trial->agent, url, fleet_policies);
    agent_process_configure(&trial->agent, "{\"log\": {\"level\": \"warn\"}}");
    if (overlay != NULL) {
        agent_process_configure(&trial->agent, overlay);
    }
}

struct trial *trial_open(const struct trial_settings *settings)
{
    char extra[BROKER_EXTRA_MAX];
    struct trial *trial = calloc(1, sizeof *trial);
    assert_non_null(trial);
    snprintf(extra, sizeof extra, "%s%s", quick_broker,
             settings->broker_extra != NULL ? settings->broker_extra : "");
    broker_prepare(&trial->broker, &(struct broker_settings){.extra = extra});
    trial->broker.settings.extra = NULL; /* It was on our stack; the broker has its copy. */
    prepare_agent(trial, settings->overlay);
    uint16_t port = trial->broker.ports[BROKER_TCP];
    trial->fleet =
        fleet_open(&(struct fleet_settings){.port = settings->fleet_port != 0 ? settings->fleet_port : port,
                                            .is_5 = settings->fleet_is_5,
                                            .accounts = settings->accounts,
                                            .seed = choose_seed(),
                                            .patience_ms = settings->patience_ms,
                                            .agent = &trial->agent});
    broker_start(&trial->broker);
    return trial;
}

void trial_close(struct trial *trial)
{
    fleet_close(trial->fleet);
    agent_process_close(&trial->agent);
    broker_close(&trial->broker);
    free(trial);
}

void trial_start_agent(struct trial *trial, const char *protocol)
{
    char overlay[64];
    snprintf(overlay, sizeof overlay, "{\"broker\": {\"protocol\": \"%s\"}}", protocol);
    agent_process_configure(&trial->agent, overlay);
    trial->fleet->is_ready = false;
    agent_process_start(&trial->agent);
}

void trial_finish(struct trial *trial)
{
    fleet_rest(trial->fleet);
    fleet_await_drained(trial->fleet, FINISH_MS);
    assert_int_equal(agent_process_terminate(&trial->agent), 0);
    fleet_audit(trial->fleet);
}

void trial_tell(struct trial *trial, const char *what, uint64_t done, uint64_t all)
{
    uint64_t share = done * TELLINGS / all;
    if (share > trial->printed && done < all) {
        trial->printed = share;
        fleet_print(trial->fleet, what, done);
    }
}

uint64_t trial_agent_memory(const struct trial *trial)
{
    char path[64];
    uint64_t pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)trial->agent.pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*s %" SCNu64, &pages), 1);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t trial_agent_files(const struct trial *trial)
{
    char path[64];
    uint64_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)trial->agent.pid);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count - 2; /* Itself and its parent. */
}
