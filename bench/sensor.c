/* Sends QoS 1 events at a steady rate, or as fast as answers allow, and measures how long each decision
 * takes, from before the send until its arrival, and what CPU time a process spends meanwhile. Prints one
 * JSON line. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "bench/client.h"

enum { PATIENCE_S = 10, TIMER_SLACK_NS = 1000, EVENTS_MOST = 10000000 };

struct options {
    const char *url;
    unsigned subjects;
    unsigned events;
    unsigned warm_up; /* Sent before, not measured. */
    unsigned rate;    /* Per second; 0: as fast as the window allows. */
    unsigned window;  /* At most so many unanswered. */
    pid_t pid;        /* Whose CPU time; 0: nobody's. */
};

struct sensor {
    struct options options;
    struct client client;
    char run[24]; /* Begins every id, so that no other run has the same ones. */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    unsigned answers;
    int64_t last_ns;
    int64_t *sent_ns;  /* By number; 0 before it is sent. */
    int64_t *taken_ns; /* 0: no answer yet. */
};

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        return 0;
    }
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t cpu_ns(pid_t pid)
{
    clockid_t clock;
    return pid > 0 && clock_getcpuclockid(pid, &clock) == 0 ? now_ns(clock) : 0;
}

static void hear_decision(void *context, const struct client_message *message)
{
    int64_t now = now_ns(CLOCK_MONOTONIC);
    struct sensor *sensor = context;
    const char *id = strstr(message->payload, sensor->run);
    unsigned number = id != NULL ? (unsigned)strtoul(id + strlen(sensor->run), NULL, 10) : UINT32_MAX;
    pthread_mutex_lock(&sensor->lock);
    if (number < sensor->options.events + sensor->options.warm_up && sensor->taken_ns[number] == 0) {
        sensor->taken_ns[number] = now - sensor->sent_ns[number];
        sensor->last_ns = now;
        sensor->answers++;
        pthread_cond_signal(&sensor->answered);
    }
    pthread_mutex_unlock(&sensor->lock);
}

/* False if that takes too long. */
static bool await_unanswered(struct sensor *sensor, unsigned sent, unsigned most)
{
    struct timespec deadline;
    int failed = 0;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&sensor->lock);
    while (sent - sensor->answers > most && failed != ETIMEDOUT) {
        failed = pthread_cond_timedwait(&sensor->answered, &sensor->lock, &deadline);
    }
    bool is_met = sent - sensor->answers <= most;
    pthread_mutex_unlock(&sensor->lock);
    return is_met;
}

static void send_event(struct sensor *sensor, unsigned number)
{
    char topic[CLIENT_TOPIC_MAX];
    char payload[CLIENT_PAYLOAD_MAX];
    int length = snprintf(payload, sizeof payload, "{\"id\":\"%s%u\",\"amount\":\"1\"}", sensor->run, number);
    snprintf(topic, sizeof topic, "flyball/v1/event/subject-%u/meter/kwh", number % sensor->options.subjects);
    pthread_mutex_lock(&sensor->lock);
    sensor->sent_ns[number] = now_ns(CLOCK_MONOTONIC);
    pthread_mutex_unlock(&sensor->lock);
    client_publish(&sensor->client, topic, payload, (size_t)length);
}

static void sleep_until(int64_t moment_ns)
{
    struct timespec moment = {.tv_sec = moment_ns / 1000000000, .tv_nsec = moment_ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL);
}

/* Sends numbers first..end-1; false if answers stay away. */
static bool send_events(struct sensor *sensor, unsigned first, unsigned end, unsigned rate)
{
    int64_t start = now_ns(CLOCK_MONOTONIC);
    for (unsigned number = first; number < end; number++) {
        if (rate > 0) {
            sleep_until(start + (int64_t)(number - first) * 1000000000 / rate);
        }
        if (!await_unanswered(sensor, number, sensor->options.window - 1)) {
            return false;
        }
        send_event(sensor, number);
    }
    return await_unanswered(sensor, end, 0);
}

static int by_value(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* The smallest value that at least `share` of all do not exceed, in microseconds. */
static double percentile_us(const int64_t *sorted, unsigned count, double share)
{
    unsigned rank = (unsigned)((double)count * share + 0.999999);
    return (double)sorted[rank > 0 ? rank - 1 : 0] / 1e3;
}

static void report(struct sensor *sensor, int64_t start_ns, int64_t cpu_spent_ns)
{
    unsigned count = sensor->options.events;
    int64_t *taken = sensor->taken_ns + sensor->options.warm_up;
    double seconds = (double)(sensor->last_ns - start_ns) / 1e9;
    qsort(taken, count, sizeof *taken, by_value);
    printf("{\"rate\":%u,\"events\":%u,\"per_s\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,"
           "\"max_us\":%.0f,\"cpu_us\":%.1f}\n",
           sensor->options.rate, count, count / seconds, percentile_us(taken, count, 0.5),
           percentile_us(taken, count, 0.99), percentile_us(taken, count, 0.999),
           (double)taken[count - 1] / 1e3, (double)cpu_spent_ns / 1e3 / count);
}

static unsigned number_of(const char *text)
{
    unsigned long number = strtoul(text, NULL, 10);
    return number < EVENTS_MOST ? (unsigned)number : EVENTS_MOST;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    int option;
    *options = (struct options){.subjects = 10, .events = 1000, .warm_up = 100, .window = 500};
    while ((option = getopt(argc, argv, "u:s:n:a:r:w:p:")) != -1) {
        switch (option) {
        case 'u': options->url = optarg; break;
        case 's': options->subjects = number_of(optarg); break;
        case 'n': options->events = number_of(optarg); break;
        case 'a': options->warm_up = number_of(optarg); break;
        case 'r': options->rate = number_of(optarg); break;
        case 'w': options->window = number_of(optarg); break;
        case 'p': options->pid = (pid_t)number_of(optarg); break;
        default: return false;
        }
    }
    return options->url != NULL && options->subjects > 0 && options->events > 0 && options->window > 0;
}

static bool open_sensor(struct sensor *sensor)
{
    size_t count = (size_t)sensor->options.events + sensor->options.warm_up;
    sensor->sent_ns = calloc(count, sizeof *sensor->sent_ns);
    sensor->taken_ns = calloc(count, sizeof *sensor->taken_ns);
    snprintf(sensor->run, sizeof sensor->run, "%llx-", (unsigned long long)now_ns(CLOCK_REALTIME) / 1000);
    pthread_mutex_init(&sensor->lock, NULL);
    pthread_cond_init(&sensor->answered, NULL);
    sensor->client.arrived = hear_decision;
    sensor->client.context = sensor;
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
    return sensor->sent_ns != NULL && sensor->taken_ns != NULL;
}

int main(int argc, char **argv)
{
    struct sensor sensor = {0};
    if (!read_options(argc, argv, &sensor.options)) {
        fputs("usage: sensor -u URL [-s SUBJECTS] [-n EVENTS] [-a WARM_UP] [-r RATE] [-w WINDOW] [-p PID]\n",
              stderr);
        return 2;
    }
    if (!open_sensor(&sensor)) {
        return 1;
    }
    client_open(&sensor.client, sensor.options.url);
    client_subscribe(&sensor.client, "flyball/v1/decision/#");
    unsigned warm_up = sensor.options.warm_up;
    bool is_good = send_events(&sensor, 0, warm_up, 0);
    int64_t cpu_before_ns = cpu_ns(sensor.options.pid);
    int64_t start_ns = now_ns(CLOCK_MONOTONIC);
    is_good = is_good && send_events(&sensor, warm_up, warm_up + sensor.options.events, sensor.options.rate);
    if (is_good) {
        report(&sensor, start_ns, cpu_ns(sensor.options.pid) - cpu_before_ns);
    } else {
        fprintf(stderr, "sensor: %u answers, then none for %d s\n", sensor.answers, PATIENCE_S);
    }
    client_close(&sensor.client);
    free(sensor.sent_ns);
    free(sensor.taken_ns);
    return is_good ? 0 : 1;
}
