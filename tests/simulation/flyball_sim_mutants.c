/* flyball-sim-mutants: whole agents with one bug at a time, and how many worlds it takes until the bug shows.
 * Built on a second set of the product's libraries, in which the bugs of base/mutation.h can be switched on.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mutation.h"
#include "tests/simulation/world.h"

enum { SEED_PATIENCE_S = 60, SEEDS_DEFAULT = 10000, UNMUTATED_SEEDS_DEFAULT = 100, FOLDER_BYTES = 64 };

/* Those of damage have none: only the state log's simulator damages anything. */
static const char *const names[MUTATIONS] = {
    [MUTATION_NONE] = "none",
    [MUTATION_PUBLISH_BEFORE_SYNC] = "publish before sync",
    [MUTATION_SYNC_RETRIED] = "sync retried after a failure",
    [MUTATION_SYNC_FAILURE_IGNORED] = "sync failure ignored",
    [MUTATION_NO_CHECKSUM] = "no checksum",
    [MUTATION_UNALIGNED_FRAME] = "unaligned frame",
    [MUTATION_NAME_NOT_SYNCED] = "segment's name not synced",
    [MUTATION_FIRST_COPY_TRUSTED] = "cached frame not written again",
    [MUTATION_LIVE_IMAGE_DROPPED] = "live image dropped",
    [MUTATION_WINDOW_LEFT_BEHIND] = "answers of a window left behind",
    [MUTATION_KEY_NOT_IN_IMAGE] = "key not in the image",
    [MUTATION_DUPLICATE_APPLIED] = "duplicate applied",
    [MUTATION_DUPLICATE_RENUMBERED] = "duplicate renumbered",
    [MUTATION_COMMAND_APPLIED_AGAIN] = "command applied again",
    [MUTATION_REFUND_REPEATED] = "refund repeated",
    [MUTATION_CHARGED_WHEN_DENIED] = "charged when denied",
    [MUTATION_QUOTA_WINDOW_NOT_RESET] = "quota window not reset",
    [MUTATION_OUTBOX_AHEAD] = "outbox cursor ahead",
    [MUTATION_LOST_SESSION_FORGOTTEN] = "lost session forgotten",
    [MUTATION_SLOT_FREED_EARLY] = "pool slot freed early",
    [MUTATION_SLOT_DECIDED_AGAIN] = "pool slot decided again",
    [MUTATION_CLOCK_NOT_KEPT] = "clock not kept",
};

/* What a child tells its parent. */
struct report {
    uint64_t seed; /* Being lived, or the one that showed the bug. */
    bool is_caught;
    char text[FINDING_BYTES_MAX];
};

static enum mutation current;

bool mutation_is_on(enum mutation mutation)
{
    return mutation == current;
}

static void live(enum mutation mutation, uint64_t seeds, const char *folder, struct report *report)
{
    struct world *world = calloc(1, sizeof *world);
    if (world == NULL || freopen("/dev/null", "w", stderr) == NULL) {
        abort();
    }
    current = mutation;
    for (uint64_t seed = 1; seed <= seeds && !report->is_caught; seed++) {
        report->seed = seed;
        alarm(SEED_PATIENCE_S);
        world_begin(world, seed, folder, NULL);
        world_live(world);
        world_end(world);
        report->is_caught = world->findings.is_violated && !world->findings.is_given_up;
        snprintf(report->text, sizeof report->text, "%s", world->findings.text);
    }
}

/* In a process of its own: a bug may also end in an assertion, or in a world that stands still. */
static void try(enum mutation mutation, uint64_t seeds, const char *folder, struct report *report)
{
    memset(report, 0, sizeof *report);
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        abort();
    }
    if (child == 0) {
        live(mutation, seeds, folder, report);
        _exit(0);
    }
    int status;
    if (waitpid(child, &status, 0) != child) {
        abort();
    }
    if (WIFSIGNALED(status)) {
        bool hangs = WTERMSIG(status) == SIGALRM;
        report->is_caught = true;
        snprintf(report->text, sizeof report->text, "%s",
                 hangs ? "it hangs" : "it crashes: an assertion does not hold");
    }
}

static void say(enum mutation mutation, const struct report *report)
{
    if (report->is_caught) {
        printf("%-32s %6llu  %.150s\n", names[mutation], (unsigned long long)report->seed, report->text);
    } else {
        printf("%-32s %6llu  nothing found\n", names[mutation], (unsigned long long)report->seed);
    }
}

/* True if every bug shows, and nothing does without one. */
static bool try_all(uint64_t seeds, uint64_t unmutated_seeds, const char *folder, struct report *report)
{
    bool is_good = true;
    printf("%-32s %6s\n", "bug", "seeds");
    for (enum mutation mutation = MUTATION_NONE; mutation < MUTATIONS; mutation++) {
        if (names[mutation] == NULL) {
            continue;
        }
        try(mutation, mutation == MUTATION_NONE ? unmutated_seeds : seeds, folder, report);
        say(mutation, report);
        is_good = is_good && report->is_caught == (mutation != MUTATION_NONE);
    }
    return is_good;
}

static uint64_t number_after(int argc, char **argv, const char *option, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], option) == 0) {
            return strtoull(argv[i + 1], NULL, 10);
        }
    }
    return otherwise;
}

int main(int argc, char **argv)
{
    char folder[FOLDER_BYTES] = "/dev/shm/flyball-sim-XXXXXX";
    uint64_t seeds = number_after(argc, argv, "--seeds", SEEDS_DEFAULT);
    uint64_t unmutated = number_after(argc, argv, "--unmutated", UNMUTATED_SEEDS_DEFAULT);
    uint64_t only = number_after(argc, argv, "--only", MUTATION_NONE);
    struct report *report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED || mkdtemp(folder) == NULL) {
        perror("flyball-sim-mutants");
        return 2;
    }
    bool is_good = true;
    if (only > MUTATION_NONE && only < MUTATIONS) {
        try((enum mutation)only, seeds, folder, report);
        say((enum mutation)only, report);
        is_good = report->is_caught;
    } else {
        is_good = try_all(seeds, unmutated, folder, report);
    }
    char path[FOLDER_BYTES + 8];
    snprintf(path, sizeof path, "%s/pool", folder);
    unlink(path);
    rmdir(folder);
    return is_good ? 0 : 1;
}
