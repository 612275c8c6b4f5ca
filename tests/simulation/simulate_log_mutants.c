/* flyball-sim-log-mutants: state logs with one bug at a time, and how many crashes it takes until the
 * simulation shows it. Built on the product's libraries in which the bugs of base/mutation.h can be switched
 * on. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mutation.h"
#include "tests/simulation/damage_life.h"
#include "tests/simulation/log_life.h"

enum { SEEDS_MOST = 20000, SOUND_SEEDS = 100, SEED_S_MAX = 60 };

struct mutant {
    enum mutation mutation;
    const char *name;
    bool has_damage; /* It shows only where committed frames are damaged. */
};

/* Those of the state log that it can show on its own. */
static const struct mutant mutants[] = {
    {MUTATION_PUBLISH_BEFORE_SYNC, "publish before sync", false},
    {MUTATION_SYNC_RETRIED, "sync retried after a failure", false},
    {MUTATION_SYNC_FAILURE_IGNORED, "sync failure ignored", false},
    {MUTATION_NO_CHECKSUM, "no checksum", false},
    {MUTATION_UNALIGNED_FRAME, "unaligned frame", false},
    {MUTATION_NAME_NOT_SYNCED, "segment's name not synced", false},
    {MUTATION_FIRST_COPY_TRUSTED, "cached frame not written again", false},
    {MUTATION_LIVE_IMAGE_DROPPED, "live image dropped", false},
    {MUTATION_DAMAGE_NOT_TOLD, "damage not told", true},
    {MUTATION_SETBACK_NOT_MARKED, "setback not marked", true},
    {MUTATION_PREVIOUS_TRUSTED, "place by previous alone", true},
};

static enum mutation current;

bool mutation_is_on(enum mutation mutation)
{
    return mutation == current;
}

/* What a child tells its parent. */
struct report {
    struct log_counts counts;
    bool is_caught;
    char text[FINDING_BYTES_MAX];
};

static void live(const struct mutant *mutant, uint64_t seeds, struct report *report)
{
    struct log_world *world = calloc(1, sizeof *world);
    struct damage_world *damage = calloc(1, sizeof *damage);
    if (world == NULL || damage == NULL || freopen("/dev/null", "w", stderr) == NULL) {
        abort();
    }
    current = mutant->mutation;
    world->counts = &report->counts;
    damage->log = world;
    for (uint64_t seed = 1; seed <= seeds && !report->is_caught; seed++) {
        alarm(SEED_S_MAX);
        if (mutant->has_damage) {
            damage_life_run(damage, seed);
        } else {
            log_life_run(world, seed);
        }
        report->is_caught = world->findings.is_violated;
        snprintf(report->text, sizeof report->text, "%s", world->findings.text);
    }
    log_life_close(world);
    free(damage);
    free(world);
}

/* In a process of its own: a bug may also end in an assertion, or in a log that stands still. */
static void try(const struct mutant *mutant, uint64_t seeds, struct report *report)
{
    memset(report, 0, sizeof *report);
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        abort();
    }
    if (child == 0) {
        live(mutant, seeds, report);
        _exit(0);
    }
    int status;
    if (waitpid(child, &status, 0) != child) {
        abort();
    }
    if (!WIFEXITED(status)) {
        report->is_caught = true;
        snprintf(report->text, sizeof report->text, "ended by signal %d", WTERMSIG(status));
    }
}

static void tell(const char *name, const struct report *report)
{
    printf("%-32s %6" PRIu64 " seeds %8" PRIu64 " crashes: %s\n", name, report->counts.seeds,
           report->counts.crashes, report->is_caught ? report->text : "nothing found");
}

int main(void)
{
    struct report *report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED) {
        return 2;
    }
    static const struct mutant sound[] = {{MUTATION_NONE, "none", false},
                                          {MUTATION_NONE, "none, damaged", true}};
    int missed = 0;
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++) {
        try(&sound[i], SOUND_SEEDS, report);
        tell(sound[i].name, report);
        missed += report->is_caught ? 1 : 0;
    }
    for (size_t i = 0; i < sizeof mutants / sizeof *mutants; i++) {
        try(&mutants[i], SEEDS_MOST, report);
        tell(mutants[i].name, report);
        missed += report->is_caught ? 0 : 1;
    }
    return missed == 0 ? 0 : 1;
}
