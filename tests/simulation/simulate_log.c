/* flyball-sim-log: crashes a state log in memory again and again; a seed repeats each run exactly. */
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/simulation/damage_life.h"
#include "tests/simulation/log_life.h"
#include "tests/simulation/oracle.h"

enum { REPEAT_EVERY = 32, PROGRESS_S = 5, SEED_S_MAX = 60 };

static const char usage[] =
    "usage: flyball-sim-log --seed N             run one seed, telling what happens\n"
    "       flyball-sim-log --seeds A..B         run them all\n"
    "       flyball-sim-log --crashes N [--from A]  run seeds from A (1) until so many crashes\n"
    "--oracle compares with SQLite, too.\n"
    "--damage lets committed frames rot, too: at rest, at work, for good or for a while, one or hundreds; a\n"
    "model of its own says what must be found all the same. Not with --oracle.\n"
    "--without-sync-faults leaves those out, whatever the seeds say.\n"
    "Exit code 1 names the seed that violated something, and what.\n";

struct plan {
    uint64_t first;
    uint64_t last;
    uint64_t crashes; /* 0: no end but the last seed. */
    bool is_told;
    bool is_spared_sync_faults;
    bool has_oracle;
    bool has_damage;
    struct damage_world *damage;
};

/* For the signal handler alone: which seed to name. */
static volatile uint64_t running_seed;

static void name_seed(int signal_number)
{
    char text[96];
    int length =
        snprintf(text, sizeof text, "seed %" PRIu64 ": ended by signal %d\n", running_seed, signal_number);
    if (write(STDERR_FILENO, text, (size_t)length) < 0 || signal_number == SIGALRM) {
        _exit(1);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void live(struct log_world *world, const struct plan *plan, uint64_t seed)
{
    if (plan->has_damage) {
        damage_life_run(plan->damage, seed);
    } else {
        log_life_run(world, seed);
    }
}

/* The same seed twice must do the same. */
static void run_twice(struct log_world *world, const struct plan *plan, uint64_t seed)
{
    live(world, plan, seed);
    uint64_t hash = world->hash ^ virtual_disk_hash(&world->disk);
    if (world->findings.is_violated) {
        return;
    }
    struct log_counts counts = *world->counts;
    live(world, plan, seed);
    *world->counts = counts;
    world->counts->repeats++;
    if ((world->hash ^ virtual_disk_hash(&world->disk)) != hash) {
        findings_violate(&world->findings, "the same seed did something else the second time");
    }
}

static void show(const struct log_counts *counts, uint64_t seed, double seconds)
{
    fprintf(stderr, "seed %" PRIu64 ": %" PRIu64 " crashes, %.0f/s\n", seed, counts->crashes,
            (double)counts->crashes / seconds);
}

static void sum_up(const struct log_counts *counts, double seconds, int violations)
{
    printf("%" PRIu64 " seeds (%" PRIu64 " twice), %" PRIu64 " crashes (%" PRIu64 " kills, %" PRIu64
           " power cuts, %" PRIu64 " of them while opening), %" PRIu64 " clean closes, %" PRIu64
           " commits, %" PRIu64 " records put, %" PRIu64 " recovered and compared, %" PRIu64
           " segments dropped, %" PRIu64 " times no space, %" PRIu64 " checkpoints, %" PRIu64 " scans\n",
           counts->seeds, counts->repeats, counts->crashes, counts->kills, counts->cuts, counts->cuts_in_open,
           counts->closes, counts->commits, counts->records, counts->recovered, counts->drops,
           counts->no_space, counts->checkpoints, counts->scans);
    double busy = (double)clock() / CLOCKS_PER_SEC;
    printf("%" PRIu64 " seeds, %" PRIu64 " crashes, %.0f crashes/s (%.0f by processor time), %d violations\n",
           counts->seeds, counts->crashes, (double)counts->crashes / seconds, (double)counts->crashes / busy,
           violations);
}

static void sum_up_damage(const struct damage_counts *counts)
{
    printf("%" PRIu64 " times damage to %" PRIu64 " frames, at most %" PRIu64 " places told, %" PRIu64
           " finds of a subject set back, %" PRIu64 " to nothing, %" PRIu64
           " lives ended by what could not be "
           "read, %" PRIu64 " starts refused, %" PRIu64 " compared with the next one, %" PRIu64
           " logs checked and repaired\n",
           counts->strikes, counts->frames, counts->most_places, counts->setbacks, counts->nowheres,
           counts->stops, counts->refusals, counts->repeats, counts->tended);
}

static int run(struct log_world *world, const struct plan *plan)
{
    double start = seconds_now();
    double shown = start;
    uint64_t seed = plan->first;
    for (; seed <= plan->last && !world->findings.is_violated; seed++) {
        running_seed = seed;
        alarm(SEED_S_MAX);
        if (!plan->is_told && seed % REPEAT_EVERY == 0) {
            run_twice(world, plan, seed);
        } else {
            live(world, plan, seed);
        }
        double now = seconds_now();
        if (now - shown > PROGRESS_S) {
            show(world->counts, seed, now - start);
            shown = now;
        }
        if (plan->crashes > 0 && world->counts->crashes >= plan->crashes) {
            break;
        }
    }
    if (world->findings.is_violated) {
        printf("seed %" PRIu64 ": %s\n", world->seed, world->findings.text);
    }
    sum_up(world->counts, seconds_now() - start, world->findings.is_violated ? 1 : 0);
    if (plan->has_damage) {
        sum_up_damage(&plan->damage->counts);
    }
    return world->findings.is_violated ? 1 : 0;
}

/* "A..B" or one number. */
static bool read_range(const char *text, struct plan *plan)
{
    char *end;
    plan->first = strtoull(text, &end, 10);
    plan->last = plan->first;
    if (end != text && strncmp(end, "..", 2) == 0) {
        text = end + 2;
        plan->last = strtoull(text, &end, 10);
    }
    return end != text && *end == '\0' && plan->first <= plan->last;
}

static bool read_number(const char *text, uint64_t *number)
{
    char *end;
    *number = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

static bool read_options(int count, char **arguments, struct plan *plan)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"seeds", required_argument, NULL, 'r'},
        {"crashes", required_argument, NULL, 'c'},
        {"from", required_argument, NULL, 'f'},
        {"without-sync-faults", no_argument, NULL, 'w'},
        {"oracle", no_argument, NULL, 'o'},
        {"damage", no_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
    };
    *plan = (struct plan){.first = 1, .last = 0};
    bool is_read = true;
    int option;
    while ((option = getopt_long(count, arguments, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            is_read &= read_range(optarg, plan);
            plan->is_told = true;
            break;
        case 'r': is_read &= read_range(optarg, plan); break;
        case 'c':
            is_read &= read_number(optarg, &plan->crashes);
            plan->last = UINT64_MAX;
            break;
        case 'f': is_read &= read_number(optarg, &plan->first); break;
        case 'o': plan->has_oracle = true; break;
        case 'd': plan->has_damage = true; break;
        case 'w': plan->is_spared_sync_faults = true; break;
        default: return false;
        }
    }
    bool is_possible = !(plan->has_oracle && plan->has_damage); /* SQLite does not know what was damaged. */
    return is_read && is_possible && optind == count && plan->last > 0;
}

int main(int count, char **arguments)
{
    struct plan plan;
    if (!read_options(count, arguments, &plan)) {
        fputs(usage, stderr);
        return 2;
    }
    struct log_counts counts = {0};
    struct log_world *world = calloc(1, sizeof *world);
    plan.damage = calloc(1, sizeof *plan.damage);
    if (world == NULL || plan.damage == NULL) {
        return 2;
    }
    plan.damage->log = world;
    world->counts = &counts;
    world->is_spared_sync_faults = plan.is_spared_sync_faults;
    world->findings.trace = plan.is_told ? stdout : NULL;
    mallopt(M_MMAP_THRESHOLD, 1 << 24); /* What is freed is taken again at once. */
    mallopt(M_TRIM_THRESHOLD, 1 << 28);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGABRT, name_seed);
    signal(SIGSEGV, name_seed);
    signal(SIGALRM, name_seed);
    struct oracle oracle;
    if (plan.has_oracle) {
        oracle_open(&oracle, world);
        world->observer = oracle_observer(&oracle);
    }
    int result = run(world, &plan);
    if (plan.has_oracle) {
        printf("%" PRIu64 " comparisons with SQLite\n", oracle.comparisons);
        oracle_close(&oracle);
    }
    log_life_close(world);
    free(plan.damage);
    free(world);
    return result;
}
