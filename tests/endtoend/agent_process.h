/* The agent as its users run it: the program itself, with a folder of its own for configuration, store and
 * pool, gone with the test whatever becomes of it. Every function fails the running cmocka test when it
 * cannot do what it says; none may be called from another thread than the test's. */
#ifndef FLYBALL_TESTS_ENDTOEND_AGENT_PROCESS_H
#define FLYBALL_TESTS_ENDTOEND_AGENT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { AGENT_PROCESS_PATH_MAX = 192, AGENT_PROCESS_ARGUMENTS_MAX = 12 };

struct agent_process {
    pid_t pid; /* 0: not running. */
    char folder[AGENT_PROCESS_PATH_MAX];
    char config_file[AGENT_PROCESS_PATH_MAX];
    char store[AGENT_PROCESS_PATH_MAX];    /* store.dir */
    char log_file[AGENT_PROCESS_PATH_MAX]; /* Both outputs of all runs, one after the other. */
};

/* What another command of the program said. */
struct agent_outcome {
    int exit_code; /* 128 and more: ended by that signal. */
    char *output;  /* Standard output, followed by a NUL. */
    char *errors;  /* Standard error. */
};

/* Makes the folder and the configuration file and starts nothing: agent.id "a1", the broker, the folders,
 * no HTTP, metrics five times a second; then the sections of `overlay` (a JSON object or NULL), key by key.
 */
void agent_process_prepare(struct agent_process *agent, const char *broker_url, const char *overlay);

/* Lays more sections over the configuration file; they hold from the next start. */
void agent_process_configure(struct agent_process *agent, const char *overlay);

/* Starts `flyball run` and does not wait for anything. */
void agent_process_start(struct agent_process *agent);

/* kill -9, and waits for the end. */
void agent_process_kill(struct agent_process *agent);

/* Sends SIGTERM; the exit code, after at most 5 s. */
int agent_process_terminate(struct agent_process *agent);

/* Whether it has ended, or was never started. */
bool agent_process_has_ended(const struct agent_process *agent);

/* The exit code of an agent that ends by itself. */
int agent_process_await_exit(struct agent_process *agent, int timeout_ms);

/* How often the agent's output holds the text. */
unsigned agent_process_log_count(const struct agent_process *agent, const char *text);

/* Prints the end of the agent's output, for a test that is about to fail. */
void agent_process_print_log(const struct agent_process *agent);

/* Kills it if it runs and removes the folder (unless FLYBALL_KEEP is set). Safe to call twice. */
void agent_process_close(struct agent_process *agent);

/* Runs the program with these arguments, NULL after the last, and waits up to 10 s for its end. */
struct agent_outcome agent_process_run(const struct agent_process *agent, const char *const arguments[]);

void agent_outcome_free(struct agent_outcome *outcome);

#endif
