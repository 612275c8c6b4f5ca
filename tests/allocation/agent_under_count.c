#include "tests/allocation/agent_under_count.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_MOST = BROKER_PATH_MAX + 16, STOP_STEPS = 1000, STOP_STEP_MS = 10 };

static const char *const call_names[ALLOCATION_CALLS] = {"malloc", "calloc", "realloc", "aligned",
                                                         "mmap",   "free",   "munmap"};
static const char *const caller_names[ALLOCATION_CALLERS] = {"ours", "paho", "libc", "other"};

static const char *setting(const char *variable)
{
    const char *value = getenv(variable);
    if (value == NULL) {
        fail_msg("%s is not set; run this through ctest", variable);
    }
    return value;
}

static const struct allocation_counts *map_counts(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, sizeof(struct allocation_counts)), 0);
    void *mapping = mmap(NULL, sizeof(struct allocation_counts), PROT_READ, MAP_SHARED, file, 0);
    assert_true(mapping != MAP_FAILED);
    close(file);
    return mapping;
}

/* In the child: never returns. */
static void become_agent(const struct agent_under_count *agent, const char *counts_file,
                         const char *config_file)
{
    char *const arguments[] = {"flyball", "run", "--config", (char *)config_file, NULL};
    const char *program = getenv("FLYBALL_AGENT");
    int log = open(agent->log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (log < 0 || program == NULL || dup2(log, STDERR_FILENO) < 0 ||
        setenv("LD_PRELOAD", getenv("FLYBALL_COUNTER"), 1) != 0 ||
        setenv(ALLOCATION_COUNTS_VARIABLE, counts_file, 1) != 0) {
        _exit(126);
    }
    execv(program, arguments);
    _exit(127);
}

void agent_start(struct agent_under_count *agent, const char *folder, const char *config_file)
{
    char counts_file[PATH_MOST];
    setting("FLYBALL_AGENT");
    setting("FLYBALL_COUNTER");
    snprintf(counts_file, sizeof(counts_file), "%s/counts", folder);
    snprintf(agent->log, sizeof(agent->log), "%s/flyball.log", folder);
    agent->counts = map_counts(counts_file);
    agent->pid = fork();
    assert_true(agent->pid >= 0);
    if (agent->pid == 0) {
        become_agent(agent, counts_file, config_file);
    }
}

void agent_stop(struct agent_under_count *agent)
{
    int status = -1;
    assert_int_equal(kill(agent->pid, SIGTERM), 0);
    for (int i = 0; i < STOP_STEPS && waitpid(agent->pid, &status, WNOHANG) == 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = STOP_STEP_MS * 1000000}, NULL);
    }
    assert_int_equal(status, 0);
    agent->pid = 0;
}

void agent_close(struct agent_under_count *agent)
{
    if (agent->pid > 0) {
        kill(agent->pid, SIGKILL);
        waitpid(agent->pid, NULL, 0);
    }
    if (agent->counts != NULL) {
        munmap((void *)agent->counts, sizeof(*agent->counts));
    }
    *agent = (struct agent_under_count){0};
}

static void read_name(const struct agent_under_count *agent, int32_t thread, char name[THREAD_NAME_MAX])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)agent->pid, (int)thread);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(name, THREAD_NAME_MAX, file) == NULL) {
        snprintf(name, THREAD_NAME_MAX, "(gone)");
    }
    name[strcspn(name, "\n")] = '\0';
    if (file != NULL) {
        fclose(file);
    }
}

void agent_count(const struct agent_under_count *agent, struct count_snapshot *snapshot)
{
    *snapshot = (struct count_snapshot){.thread_count = atomic_load(&agent->counts->thread_count),
                                        .site_count = atomic_load(&agent->counts->site_count)};
    assert_in_range(snapshot->thread_count, 1, ALLOCATION_THREADS_MAX);
    for (uint32_t i = 0; i < snapshot->thread_count; i++) {
        const struct allocation_thread *row = &agent->counts->threads[i];
        struct thread_count *thread = &snapshot->threads[i];
        read_name(agent, atomic_load(&row->thread), thread->name);
        for (size_t caller = 0; caller < ALLOCATION_CALLERS; caller++) {
            thread->bytes[caller] = atomic_load(&row->tallies[caller].bytes);
            for (size_t call = 0; call < ALLOCATION_CALLS; call++) {
                thread->calls[caller][call] = atomic_load(&row->tallies[caller].calls[call]);
            }
        }
    }
}

void count_difference(struct count_snapshot *difference, const struct count_snapshot *later,
                      const struct count_snapshot *earlier)
{
    *difference = *later;
    difference->site_count -= earlier->site_count;
    for (uint32_t i = 0; i < earlier->thread_count; i++) {
        struct thread_count *thread = &difference->threads[i];
        for (size_t caller = 0; caller < ALLOCATION_CALLERS; caller++) {
            thread->bytes[caller] -= earlier->threads[i].bytes[caller];
            for (size_t call = 0; call < ALLOCATION_CALLS; call++) {
                thread->calls[caller][call] -= earlier->threads[i].calls[caller][call];
            }
        }
    }
}

uint64_t count_taken(const struct count_snapshot *snapshot, enum allocation_caller caller)
{
    uint64_t taken = 0;
    for (uint32_t i = 0; i < snapshot->thread_count; i++) {
        for (size_t call = CALL_MALLOC; call <= CALL_MAP; call++) {
            taken += snapshot->threads[i].calls[caller][call];
        }
    }
    return taken;
}

uint64_t count_of_caller(const struct thread_count *thread, enum allocation_caller caller)
{
    uint64_t calls = 0;
    for (size_t call = 0; call < ALLOCATION_CALLS; call++) {
        calls += thread->calls[caller][call];
    }
    return calls;
}

uint64_t count_of_thread(const struct thread_count *thread)
{
    uint64_t calls = 0;
    for (size_t caller = 0; caller < ALLOCATION_CALLERS; caller++) {
        calls += count_of_caller(thread, (enum allocation_caller)caller);
    }
    return calls;
}

uint64_t count_calls(const struct count_snapshot *snapshot, enum allocation_caller caller)
{
    uint64_t calls = 0;
    for (uint32_t i = 0; i < snapshot->thread_count; i++) {
        calls += count_of_caller(&snapshot->threads[i], caller);
    }
    return calls;
}

static void print_row(const struct thread_count *thread, enum allocation_caller caller)
{
    char line[256] = "";
    size_t length = 0;
    for (size_t call = 0; call < ALLOCATION_CALLS; call++) {
        if (thread->calls[caller][call] > 0) {
            length += (size_t)snprintf(line + length, sizeof(line) - length, " %s=%llu", call_names[call],
                                       (unsigned long long)thread->calls[caller][call]);
        }
    }
    if (length > 0) {
        print_message("%-16s %-5s%s bytes=%llu\n", thread->name, caller_names[caller], line,
                      (unsigned long long)thread->bytes[caller]);
    }
}

void count_print(const struct count_snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->thread_count; i++) {
        for (size_t caller = 0; caller < ALLOCATION_CALLERS; caller++) {
            print_row(&snapshot->threads[i], (enum allocation_caller)caller);
        }
    }
}

void agent_print_sites(const struct agent_under_count *agent, uint64_t since)
{
    uint64_t count = atomic_load(&agent->counts->site_count);
    uint64_t oldest = count > ALLOCATION_SITES_MAX ? count - ALLOCATION_SITES_MAX : 0;
    for (uint64_t i = since > oldest ? since : oldest; i < count; i++) {
        const struct allocation_site *site = &agent->counts->sites[i % ALLOCATION_SITES_MAX];
        uint32_t call = atomic_load(&site->call);
        char name[THREAD_NAME_MAX];
        read_name(agent, atomic_load(&site->thread), name);
        print_message("our own %s at 0x%llx on thread %s\n", call < ALLOCATION_CALLS ? call_names[call] : "?",
                      (unsigned long long)atomic_load(&site->offset), name);
    }
}
