/* How long a start takes: `ready_time URL STATUS_TOPIC PROGRAM ARGUMENT...` starts the program, waits until
 * it says `ready` on the topic, prints the milliseconds since its exec and stops it again. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/client.h"

enum { PATIENCE_S = 20 };

struct waiting {
    sem_t is_ready;
    double ready_ms;
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* A retained message is an earlier run's. */
static void hear_status(void *context, const struct client_message *message)
{
    struct waiting *waiting = context;
    if (!message->is_retained && strstr(message->payload, "\"state\":\"ready\"") != NULL) {
        waiting->ready_ms = now_ms();
        sem_post(&waiting->is_ready);
    }
}

/* Returns when exec has succeeded or failed: the pipe's end closes with it. */
static pid_t start(char **arguments, double *started_ms)
{
    int ends[2];
    if (pipe(ends) != 0) {
        _exit(1);
    }
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        double now = now_ms();
        ssize_t written = write(ends[1], &now, sizeof now);
        (void)written;
        close(ends[0]);
        close(ends[1]);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    if (pid < 0 || read(ends[0], started_ms, sizeof *started_ms) != sizeof *started_ms) {
        _exit(1);
    }
    return pid;
}

static bool await_ready(struct waiting *waiting)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    return sem_timedwait(&waiting->is_ready, &deadline) == 0;
}

int main(int argc, char **argv)
{
    struct waiting waiting = {0};
    struct client client = {.arrived = hear_status, .context = &waiting};
    double started_ms = 0;
    if (argc < 4) {
        fputs("usage: ready_time URL STATUS_TOPIC PROGRAM ARGUMENT...\n", stderr);
        return 2;
    }
    sem_init(&waiting.is_ready, 0, 0);
    client_open(&client, argv[1]);
    client_subscribe(&client, argv[2]);
    pid_t pid = start(argv + 3, &started_ms);
    bool is_ready = await_ready(&waiting);
    kill(pid, is_ready ? SIGTERM : SIGKILL);
    waitpid(pid, NULL, 0);
    client_close(&client);
    if (!is_ready) {
        fputs("ready_time: no `ready` came\n", stderr);
        return 1;
    }
    printf("%.2f\n", waiting.ready_ms - started_ms);
    return 0;
}
