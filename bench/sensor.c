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

enum {
    PATIENCE_S = 10,
    TIMER_SLACK_NS = 1000,
    NUMBER_MOST = 10000000,
    RATES_MOST = 8,
    /* For three seconds after it has connected Paho is made to poll in short steps (mqtt/paho_tuning.c),
     * which delays what comes between. Steady rates are measured after that. */
    CALM_S = 4,
};

struct options {
    const char *url;
    unsigned subjects;
    unsigned rates[RATES_MOST]; /* Per second; 0: as fast as the window allows. */
    unsigned rate_count;
    unsigned seconds; /* For each steady rate. */
    unsigned events;  /* At full speed. */
    unsigned warm_up; /* Sent first, not measured. */
    unsigned window;  /* At most so many unanswered. */
    pid_t pid;        /* Whose CPU time; 0: nobody's. */
};

struct sensor {
    struct options options;
    struct client client;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    char run[24]; /* Begins every id, so that no other run has the same ones. */
    unsigned events;
    unsigned answers;
    int64_t last_ns;
    int64_t *sent_ns;  /* By number, for as many as the longest run has. */
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
    pthread_mutex_lock(&sensor->lock);
    const char *id = strstr(message->payload, sensor->run);
    unsigned number = id != NULL ? (unsigned)strtoul(id + strlen(sensor->run), NULL, 10) : UINT32_MAX;
    if (number < sensor->events && sensor->taken_ns[number] == 0) {
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

/* False if answers stay away. */
static bool send_events(struct sensor *sensor, unsigned rate)
{
    int64_t start = now_ns(CLOCK_MONOTONIC);
    for (unsigned number = 0; number < sensor->events; number++) {
        if (rate > 0) {
            sleep_until(start + (int64_t)number * 1000000000 / rate);
        }
        if (!await_unanswered(sensor, number, sensor->options.window - 1)) {
            return false;
        }
        send_event(sensor, number);
    }
    return await_unanswered(sensor, sensor->events, 0);
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

static void report(struct sensor *sensor, unsigned rate, int64_t start_ns, int64_t cpu_spent_ns)
{
    unsigned count = sensor->events;
    int64_t *taken = sensor->taken_ns;
    double seconds = (double)(sensor->last_ns - start_ns) / 1e9;
    qsort(taken, count, sizeof *taken, by_value);
    printf("{\"rate\":%u,\"events\":%u,\"per_s\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,"
           "\"max_us\":%.0f,\"cpu_us\":%.1f}\n",
           rate, count, count / seconds, percentile_us(taken, count, 0.5), percentile_us(taken, count, 0.99),
           percentile_us(taken, count, 0.999), (double)taken[count - 1] / 1e3,
           (double)cpu_spent_ns / 1e3 / count);
    fflush(stdout);
}

static void begin_run(struct sensor *sensor, unsigned events)
{
    pthread_mutex_lock(&sensor->lock);
    sensor->events = events;
    sensor->answers = 0;
    memset(sensor->taken_ns, 0, events * sizeof *sensor->taken_ns);
    snprintf(sensor->run, sizeof sensor->run, "%llx-", (unsigned long long)now_ns(CLOCK_REALTIME) / 1000);
    pthread_mutex_unlock(&sensor->lock);
}

static unsigned events_at(const struct options *options, unsigned rate)
{
    return rate > 0 ? rate * options->seconds : options->events;
}

static bool measure(struct sensor *sensor, unsigned rate)
{
    begin_run(sensor, events_at(&sensor->options, rate));
    int64_t cpu_before_ns = cpu_ns(sensor->options.pid);
    int64_t start_ns = now_ns(CLOCK_MONOTONIC);
    if (!send_events(sensor, rate)) {
        fprintf(stderr, "sensor: %u answers, then none for %d s\n", sensor->answers, PATIENCE_S);
        return false;
    }
    report(sensor, rate, start_ns, cpu_ns(sensor->options.pid) - cpu_before_ns);
    return true;
}

static bool measure_all(struct sensor *sensor)
{
    begin_run(sensor, sensor->options.warm_up);
    bool is_good = send_events(sensor, 0);
    if (sensor->options.rates[0] > 0) {
        sleep(CALM_S);
    }
    for (unsigned i = 0; is_good && i < sensor->options.rate_count; i++) {
        is_good = measure(sensor, sensor->options.rates[i]);
    }
    return is_good;
}

static unsigned number_of(const char *text)
{
    unsigned long number = strtoul(text, NULL, 10);
    return number < NUMBER_MOST ? (unsigned)number : NUMBER_MOST;
}

/* Numbers with commas between. */
static void read_rates(char *text, struct options *options)
{
    char *rest;
    options->rate_count = 0;
    for (char *rate = strtok_r(text, ",", &rest); rate != NULL && options->rate_count < RATES_MOST;
         rate = strtok_r(NULL, ",", &rest)) {
        options->rates[options->rate_count++] = number_of(rate);
    }
}

static bool read_options(int argc, char **argv, struct options *options)
{
    int option;
    *options = (struct options){.subjects = 10, .rate_count = 1, .seconds = 4, .events = 1000, .window = 500};
    while ((option = getopt(argc, argv, "u:s:r:t:n:a:w:p:")) != -1) {
        switch (option) {
        case 'u': options->url = optarg; break;
        case 's': options->subjects = number_of(optarg); break;
        case 'n': options->events = number_of(optarg); break;
        case 'a': options->warm_up = number_of(optarg); break;
        case 'r': read_rates(optarg, options); break;
        case 't': options->seconds = number_of(optarg); break;
        case 'w': options->window = number_of(optarg); break;
        case 'p': options->pid = (pid_t)number_of(optarg); break;
        default: return false;
        }
    }
    return options->url != NULL && options->subjects > 0 && options->events > 0 && options->window > 0 &&
           options->rate_count > 0;
}

static unsigned most_events(const struct options *options)
{
    unsigned most = options->warm_up;
    for (unsigned i = 0; i < options->rate_count; i++) {
        unsigned events = events_at(options, options->rates[i]);
        most = events > most ? events : most;
    }
    return most;
}

static bool open_sensor(struct sensor *sensor)
{
    size_t most = most_events(&sensor->options);
    sensor->sent_ns = calloc(most, sizeof *sensor->sent_ns);
    sensor->taken_ns = calloc(most, sizeof *sensor->taken_ns);
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
        fputs("usage: sensor -u URL [-s SUBJECTS] [-r RATE,...] [-t SECONDS] [-n EVENTS] [-a WARM_UP] [-w "
              "WINDOW] "
              "[-p PID]\n",
              stderr);
        return 2;
    }
    if (!open_sensor(&sensor)) {
        return 1;
    }
    client_open(&sensor.client, sensor.options.url);
    client_subscribe(&sensor.client, "flyball/v1/decision/#");
    bool is_good = measure_all(&sensor);
    client_close(&sensor.client);
    free(sensor.sent_ns);
    free(sensor.taken_ns);
    return is_good ? 0 : 1;
}
