#include "tests/endtoend/agent_process.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { TERMINATE_WAIT_MS = 5000, COMMAND_WAIT_MS = 60000, POLL_US = 1000, LOG_TAIL_BYTES = 3000 };

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void path_in(const struct agent_process *agent, const char *name, char path[AGENT_PROCESS_PATH_MAX])
{
    int length = snprintf(path, AGENT_PROCESS_PATH_MAX, "%s/%s", agent->folder, name);
    assert_in_range(length, 1, AGENT_PROCESS_PATH_MAX - 1);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *text = NULL;
    size_t size = 0;
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = strdup("");
    }
    fclose(file);
    return text;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Keys of objects in both are laid over one by one, one level deep; all else is replaced. */
static void lay_over(cJSON *config, const cJSON *overlay)
{
    const cJSON *section;
    cJSON_ArrayForEach(section, overlay)
    {
        cJSON *below = cJSON_GetObjectItemCaseSensitive(config, section->string);
        bool is_merged = cJSON_IsObject(below) && cJSON_IsObject(section);
        if (!is_merged) {
            cJSON_DeleteItemFromObjectCaseSensitive(config, section->string);
            cJSON_AddItemToObject(config, section->string, cJSON_Duplicate(section, true));
            continue;
        }
        const cJSON *value;
        cJSON_ArrayForEach(value, section)
        {
            cJSON_DeleteItemFromObjectCaseSensitive(below, value->string);
            cJSON_AddItemToObject(below, value->string, cJSON_Duplicate(value, true));
        }
    }
}

void agent_process_configure(struct agent_process *agent, const char *overlay)
{
    char *text = read_file(agent->config_file);
    cJSON *config = cJSON_Parse(text);
    cJSON *more = cJSON_Parse(overlay);
    assert_non_null(config);
    assert_non_null(more);
    lay_over(config, more);
    char *merged = cJSON_Print(config);
    write_file(agent->config_file, merged);
    cJSON_free(merged);
    cJSON_Delete(more);
    cJSON_Delete(config);
    free(text);
}

static void make_folder(struct agent_process *agent)
{
    const char *parent = getenv("TMPDIR");
    int length = snprintf(agent->folder, sizeof agent->folder, "%s/flyball-agent-XXXXXX",
                          parent != NULL && strlen(parent) < 64 ? parent : "/tmp");
    assert_in_range(length, 1, sizeof agent->folder - 1);
    assert_non_null(mkdtemp(agent->folder));
    path_in(agent, "flyball.json", agent->config_file);
    path_in(agent, "store", agent->store);
    path_in(agent, "agent.log", agent->log_file);
    assert_int_equal(mkdir(agent->store, 0700), 0);
}

void agent_process_prepare(struct agent_process *agent, const char *broker_url, const char *overlay)
{
    *agent = (struct agent_process){0};
    make_folder(agent);
    char runtime[AGENT_PROCESS_PATH_MAX];
    path_in(agent, "run", runtime);
    assert_int_equal(mkdir(runtime, 0700), 0);
    char text[1024];
    int length = snprintf(text, sizeof text,
                          "{\"agent\": {\"id\": \"a1\"}, \"broker\": {\"url\": \"%s\"},"
                          " \"store\": {\"dir\": \"%s\"}, \"runtime\": {\"dir\": \"%s\"},"
                          " \"http\": {\"listen\": \"\"}, \"metrics\": {\"interval_ms\": 200}}",
                          broker_url, agent->store, runtime);
    assert_in_range(length, 1, sizeof text - 1);
    write_file(agent->config_file, text);
    if (overlay != NULL) {
        agent_process_configure(agent, overlay);
    }
}

/* In the child, until the program takes over. */
static void become(const char *const arguments[], pid_t parent, int output, int errors)
{
    const char *all[AGENT_PROCESS_ARGUMENTS_MAX + 2] = {FLYBALL_PROGRAM};
    for (size_t i = 0; i < AGENT_PROCESS_ARGUMENTS_MAX && arguments[i] != NULL; i++) {
        all[i + 1] = arguments[i];
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (getppid() != parent || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(errors, STDERR_FILENO) < 0) {
        _exit(126);
    }
    execv(FLYBALL_PROGRAM, (char *const *)all);
    _exit(127);
}

static pid_t run_program(const char *const arguments[], int output, int errors)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        become(arguments, parent, output, errors);
    }
    return pid;
}

static int open_to_append(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    return file;
}

void agent_process_start(struct agent_process *agent)
{
    assert_int_equal(agent->pid, 0);
    int log = open_to_append(agent->log_file);
    agent->pid = run_program((const char *const[]){"run", "--config", agent->config_file, NULL}, log, log);
    close(log);
}

static int exit_code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Kills what does not end in time; -1 then. */
static int await_end(pid_t pid, int timeout_ms)
{
    int64_t deadline_ms = now_ms() + timeout_ms;
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (now_ms() > deadline_ms) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1;
        }
        usleep(POLL_US);
    }
    return exit_code_of(status);
}

void agent_process_kill(struct agent_process *agent)
{
    assert_true(agent->pid > 0);
    int status = 0;
    assert_int_equal(kill(agent->pid, SIGKILL), 0);
    assert_int_equal(waitpid(agent->pid, &status, 0), agent->pid);
    agent->pid = 0;
    if (exit_code_of(status) != 128 + SIGKILL) {
        agent_process_print_log(agent);
        fail_msg("the agent had ended by itself with %d", exit_code_of(status));
    }
}

bool agent_process_has_ended(const struct agent_process *agent)
{
    siginfo_t info = {0};
    /* Leaves it waitable: its exit code is still asked for. */
    waitid(P_PID, (id_t)agent->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    return agent->pid == 0 || info.si_pid == agent->pid;
}

int agent_process_await_exit(struct agent_process *agent, int timeout_ms)
{
    assert_true(agent->pid > 0);
    int exit_code = await_end(agent->pid, timeout_ms);
    agent->pid = 0;
    if (exit_code < 0) {
        agent_process_print_log(agent);
        fail_msg("the agent does not end within %d ms", timeout_ms);
    }
    return exit_code;
}

int agent_process_terminate(struct agent_process *agent)
{
    assert_true(agent->pid > 0);
    assert_int_equal(kill(agent->pid, SIGTERM), 0);
    return agent_process_await_exit(agent, TERMINATE_WAIT_MS);
}

unsigned agent_process_log_count(const struct agent_process *agent, const char *text)
{
    char *log = read_file(agent->log_file);
    unsigned count = 0;
    const char *at = log;
    while ((at = strstr(at, text)) != NULL) {
        count++;
        at++;
    }
    free(log);
    return count;
}

void agent_process_print_log(const struct agent_process *agent)
{
    if (access(agent->log_file, R_OK) != 0) {
        return; /* It never ran. */
    }
    char *log = read_file(agent->log_file);
    size_t length = strlen(log);
    print_message("the agent said:\n%s\n", length > LOG_TAIL_BYTES ? log + length - LOG_TAIL_BYTES : log);
    free(log);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void agent_process_close(struct agent_process *agent)
{
    if (agent->pid > 0) {
        kill(agent->pid, SIGKILL);
        waitpid(agent->pid, NULL, 0);
    }
    if (agent->folder[0] != '\0' && getenv("FLYBALL_KEEP") == NULL) {
        nftw(agent->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    }
    *agent = (struct agent_process){0};
}

struct agent_outcome agent_process_run(const struct agent_process *agent, const char *const arguments[])
{
    char output[AGENT_PROCESS_PATH_MAX];
    char errors[AGENT_PROCESS_PATH_MAX];
    path_in(agent, "command.output", output);
    path_in(agent, "command.errors", errors);
    unlink(output);
    unlink(errors);
    int output_file = open_to_append(output);
    int errors_file = open_to_append(errors);
    pid_t pid = run_program(arguments, output_file, errors_file);
    close(output_file);
    close(errors_file);
    struct agent_outcome outcome = {.exit_code = await_end(pid, COMMAND_WAIT_MS)};
    outcome.output = read_file(output);
    outcome.errors = read_file(errors);
    return outcome;
}

void agent_outcome_free(struct agent_outcome *outcome)
{
    free(outcome->output);
    free(outcome->errors);
    *outcome = (struct agent_outcome){0};
}
