/* flyball-sim: whole agents in worlds where everything goes wrong, one world a seed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/simulation/world.h"

enum { SEED_PATIENCE_S = 60, PROGRESS_S = 5, EXIT_VIOLATED = 1, EXIT_USAGE = 2 };

struct options {
    uint64_t first;
    uint64_t last;
    bool has_trace;
    bool is_checked_twice;
    uint32_t seconds; /* Stops after so many; 0: never. */
};

struct campaign {
    struct options options;
    struct world *world;
    char folder[64];
    FILE *out;
    uint64_t seeds;
    uint64_t given_up;
    struct world_totals totals;
    double began;
    double said;
};

/* For the signal handlers. */
static volatile uint64_t current_seed;
static int message_file = 2;

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A programmer's assertion failed, or the world stands still: the seed is what matters. */
static void on_signal(int number)
{
    char line[96];
    const char *what = number == SIGALRM ? "hangs" : "crashes";
    int length = snprintf(line, sizeof line, "flyball-sim: seed %llu %s (signal %d)\n",
                          (unsigned long long)current_seed, what, number);
    ssize_t written = write(message_file, line, (size_t)length);
    (void)written;
    _exit(EXIT_VIOLATED);
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGALRM, SIGABRT, SIGSEGV, SIGBUS};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction action = {.sa_handler = on_signal};
        sigemptyset(&action.sa_mask);
        sigaction(numbers[i], &action, NULL);
    }
}

static void add_totals(struct campaign *campaign)
{
    const struct world_totals *totals = &campaign->world->totals;
    campaign->seeds++;
    campaign->totals.steps += totals->steps;
    campaign->totals.starts += totals->starts;
    campaign->totals.crashes += totals->crashes;
    campaign->totals.events += totals->events;
    campaign->totals.published += totals->published;
}

static void say(struct campaign *campaign, const char *ending)
{
    double span = seconds_now() - campaign->began;
    const struct world_totals *totals = &campaign->totals;
    fprintf(
        campaign->out,
        "seeds %llu  steps %llu  starts %llu  crashes %llu  decisions %llu  publications %llu  given up %llu"
        "  %.1f s  %.1f seeds/s%s\n",
        (unsigned long long)campaign->seeds, (unsigned long long)totals->steps,
        (unsigned long long)totals->starts, (unsigned long long)totals->crashes,
        (unsigned long long)totals->events, (unsigned long long)totals->published,
        (unsigned long long)campaign->given_up, span, (double)campaign->seeds / span, ending);
    fflush(campaign->out);
}

/* The final hash; false at a violation. */
static bool live(struct campaign *campaign, uint64_t seed, uint64_t *hash)
{
    current_seed = seed;
    alarm(SEED_PATIENCE_S);
    struct world *world = campaign->world;
    world_begin(world, seed, campaign->folder, campaign->options.has_trace ? stdout : NULL);
    *hash = world_live(world);
    world_end(world);
    alarm(0);
    campaign->given_up += world->findings.is_given_up ? 1 : 0;
    if (world->findings.is_violated && !world->findings.is_given_up) {
        fprintf(campaign->out, "flyball-sim: seed %llu, step %llu: %s\n", (unsigned long long)seed,
                (unsigned long long)world->findings.step, world->findings.text);
        return false;
    }
    return true;
}

static bool live_once_or_twice(struct campaign *campaign, uint64_t seed)
{
    uint64_t first;
    uint64_t second;
    if (!live(campaign, seed, &first)) {
        return false;
    }
    add_totals(campaign);
    if (!campaign->options.is_checked_twice) {
        return true;
    }
    if (!live(campaign, seed, &second)) {
        return false;
    }
    if (first != second) {
        fprintf(campaign->out, "flyball-sim: seed %llu: g: %016llx, then %016llx\n", (unsigned long long)seed,
                (unsigned long long)first, (unsigned long long)second);
        return false;
    }
    return true;
}

static int run(struct campaign *campaign)
{
    const struct options *options = &campaign->options;
    campaign->began = campaign->said = seconds_now();
    for (uint64_t seed = options->first; seed <= options->last; seed++) {
        if (!live_once_or_twice(campaign, seed)) {
            say(campaign, "  VIOLATED");
            return EXIT_VIOLATED;
        }
        double now = seconds_now();
        if (options->seconds > 0 && now - campaign->began >= options->seconds) {
            break;
        }
        if (now - campaign->said >= PROGRESS_S) {
            campaign->said = now;
            say(campaign, "");
        }
    }
    say(campaign, "  0 violations");
    return EXIT_SUCCESS;
}

static bool read_range(const char *text, struct options *options)
{
    char *end;
    options->first = strtoull(text, &end, 10);
    options->last = options->first;
    if (strncmp(end, "..", 2) == 0) {
        options->last = strtoull(end + 2, &end, 10);
    }
    return end != text && *end == '\0' && options->first <= options->last;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    bool has_range = false;
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--trace") == 0) {
            options->has_trace = true;
        } else if (strcmp(argv[i], "--twice") == 0) {
            options->is_checked_twice = true;
        } else if (strcmp(argv[i], "--seconds") == 0 && has_value) {
            options->seconds = (uint32_t)strtoul(argv[++i], NULL, 10);
        } else if ((strcmp(argv[i], "--seed") == 0 || strcmp(argv[i], "--seeds") == 0) && has_value) {
            has_range = read_range(argv[++i], options);
        } else {
            return false;
        }
    }
    return has_range;
}

/* The agent's own log is not what is read here. */
static FILE *silence_log(void)
{
    message_file = dup(STDERR_FILENO);
    FILE *out = message_file < 0 ? NULL : fdopen(message_file, "w");
    if (out == NULL || freopen("/dev/null", "w", stderr) == NULL) {
        abort();
    }
    return out;
}

int main(int argc, char **argv)
{
    struct campaign campaign = {0};
    if (!read_options(argc, argv, &campaign.options)) {
        fputs("usage: flyball-sim --seed N [--trace] | --seeds A..B [--twice] [--seconds S]\n", stderr);
        return EXIT_USAGE;
    }
    snprintf(campaign.folder, sizeof campaign.folder, "/dev/shm/flyball-sim-XXXXXX");
    campaign.world = calloc(1, sizeof *campaign.world);
    if (campaign.world == NULL || mkdtemp(campaign.folder) == NULL) {
        perror("flyball-sim");
        return EXIT_USAGE;
    }
    campaign.out = silence_log();
    catch_signals();
    int result = run(&campaign);
    rmdir(campaign.folder);
    world_free(campaign.world);
    return result;
}
