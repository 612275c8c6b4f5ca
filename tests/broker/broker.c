#include "tests/broker/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    STARTS_MAX = 5,
    ACCEPT_WAIT_MS = 10000,
    POLL_MS = 2,
    /* Below Linux's range of ephemeral ports. There a client that keeps trying a port nobody listens on would
     * sooner or later be given that very port as its own, and be connected to itself. */
    PORT_LEAST = 15000,
    PORT_MOST = 32000,
};

static void sleep_ms(long duration_ms)
{
    struct timespec pause = {.tv_sec = duration_ms / 1000, .tv_nsec = duration_ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool port_is_free(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(file >= 0);
    bool is_free = bind(file, (const struct sockaddr *)&address, sizeof(address)) == 0;
    close(file);
    return is_free;
}

static uint16_t choose_port(void)
{
    for (;;) {
        uint16_t random;
        assert_int_equal(getrandom(&random, sizeof(random), 0), sizeof(random));
        uint16_t port = (uint16_t)(PORT_LEAST + random % (PORT_MOST - PORT_LEAST));
        if (port_is_free(port)) {
            return port;
        }
    }
}

static bool has_listener(const struct broker *broker, enum broker_listener listener)
{
    switch (listener) {
    case BROKER_TCP: return true;
    case BROKER_WEBSOCKETS: return broker->settings.has_websockets;
    case BROKER_TLS: return broker->settings.has_tls;
    case BROKER_WEBSOCKETS_TLS: return broker->settings.has_tls && broker->settings.has_websockets;
    case BROKER_LISTENERS: break;
    }
    abort();
}

static void path_in(const struct broker *broker, const char *name, char path[BROKER_PATH_MAX])
{
    int length = snprintf(path, BROKER_PATH_MAX, "%s/%s", broker->folder, name);
    assert_in_range(length, 1, BROKER_PATH_MAX - 1);
}

static void choose_ports(struct broker *broker)
{
    for (enum broker_listener i = BROKER_TCP; i < BROKER_LISTENERS; i++) {
        broker->ports[i] = choose_port();
    }
}

static void write_listener(FILE *file, const struct broker *broker, enum broker_listener listener)
{
    fprintf(file, "listener %u 127.0.0.1\n", broker->ports[listener]);
    if (listener == BROKER_WEBSOCKETS || listener == BROKER_WEBSOCKETS_TLS) {
        fprintf(file, "protocol websockets\n");
    }
    if (listener == BROKER_TLS || listener == BROKER_WEBSOCKETS_TLS) {
        fprintf(file, "cafile %s/ca.pem\ncertfile %s/server.pem\nkeyfile %s/server.key\n", broker->folder,
                broker->folder, broker->folder);
    }
    if (listener == BROKER_TLS) {
        fprintf(file, "require_certificate true\n");
    }
}

/* Everything acknowledged survives even a kill -9 of the broker; no queue is too short for a test. */
static void write_config(const struct broker *broker)
{
    char path[BROKER_PATH_MAX];
    path_in(broker, "mosquitto.conf", path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    const struct passwd *user = getpwuid(geteuid());
    fprintf(file,
            "user %s\nallow_anonymous true\nset_tcp_nodelay true\n"
            "persistence true\npersistence_location %s/\nautosave_interval 1\nautosave_on_changes true\n"
            "max_inflight_messages 0\nmax_queued_messages 0\n"
            "log_dest file %s/mosquitto.log\nlog_type all\n%s",
            user != NULL ? user->pw_name : "root", broker->folder, broker->folder, broker->extra);
    for (enum broker_listener i = BROKER_TCP; i < BROKER_LISTENERS; i++) {
        if (has_listener(broker, i)) {
            write_listener(file, broker, i);
        }
    }
    assert_int_equal(fclose(file), 0);
}

/* Runs in the folder with its output thrown away; dies with the thread that called this. */
static pid_t run_in(const char *folder, char *const arguments[])
{
    pid_t parent = getpid();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) {
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    if (getppid() != parent || null < 0 || chdir(folder) != 0) {
        _exit(126);
    }
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execvp(arguments[0], arguments);
    _exit(127);
}

static void make_certificates(struct broker *broker)
{
    static const char script[] = "set -e\n"
                                 "ec='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'\n"
                                 "openssl req -x509 $ec -keyout ca.key -out ca.pem -subj /CN=authority\n"
                                 "sign() { openssl req $ec -keyout $1.key -out $1.csr -subj /CN=$1;\n"
                                 "  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial "
                                 "-days 2 -out $1.pem -extfile $2; }\n"
                                 "echo 'subjectAltName=IP:127.0.0.1,DNS:localhost' > server.ext\n"
                                 "echo 'extendedKeyUsage=clientAuth' > client.ext\n"
                                 "sign server server.ext\n"
                                 "sign client client.ext\n";
    char *const arguments[] = {"/bin/sh", "-c", (char *)script, NULL};
    int status = -1;
    assert_true(waitpid(run_in(broker->folder, arguments), &status, 0) > 0);
    assert_int_equal(status, 0);
    path_in(broker, "ca.pem", broker->ca_file);
    path_in(broker, "client.pem", broker->client_cert_file);
    path_in(broker, "client.key", broker->client_key_file);
}

void broker_prepare(struct broker *broker, const struct broker_settings *settings)
{
    *broker = (struct broker){.settings = *settings};
    snprintf(broker->extra, sizeof(broker->extra), "%s", settings->extra != NULL ? settings->extra : "");
    const char *parent = getenv("TMPDIR");
    int length = snprintf(broker->folder, sizeof(broker->folder), "%s/flyball-broker-XXXXXX",
                          parent != NULL && strlen(parent) < 64 ? parent : "/tmp");
    assert_in_range(length, 1, sizeof(broker->folder) - 1);
    assert_non_null(mkdtemp(broker->folder));
    if (settings->has_tls) {
        make_certificates(broker);
    }
    choose_ports(broker);
}

static bool accepts(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(file >= 0);
    bool is_connected = connect(file, (const struct sockaddr *)&address, sizeof(address)) == 0;
    close(file);
    return is_connected;
}

static bool all_accept(const struct broker *broker)
{
    for (enum broker_listener i = BROKER_TCP; i < BROKER_LISTENERS; i++) {
        if (has_listener(broker, i) && !accepts(broker->ports[i])) {
            return false;
        }
    }
    return true;
}

/* False if it ends by itself: a port was taken meanwhile. */
static bool try_start(struct broker *broker)
{
    char *const arguments[] = {"/usr/sbin/mosquitto", "-c", "mosquitto.conf", NULL};
    write_config(broker);
    broker->pid = run_in(broker->folder, arguments);
    int64_t deadline_ms = now_ms() + ACCEPT_WAIT_MS;
    while (now_ms() < deadline_ms) {
        if (waitpid(broker->pid, NULL, WNOHANG) == broker->pid) {
            broker->pid = 0;
            return false;
        }
        if (all_accept(broker)) {
            return true;
        }
        sleep_ms(POLL_MS);
    }
    fail_msg("the broker does not accept connections; see %s/mosquitto.log", broker->folder);
    return false;
}

/* With the ports chosen before: clients know them already. A port taken meanwhile may become free again. */
void broker_start(struct broker *broker)
{
    assert_int_equal(broker->pid, 0);
    char path[BROKER_PATH_MAX];
    path_in(broker, "mosquitto.log", path);
    for (int i = 0; i < STARTS_MAX; i++) {
        if (try_start(broker)) {
            return;
        }
        sleep_ms(50);
    }
    fail_msg("the broker does not start; see %s", path);
}

static void end_with(struct broker *broker, int signal_number)
{
    assert_true(broker->pid > 0);
    assert_int_equal(kill(broker->pid, signal_number), 0);
    assert_int_equal(waitpid(broker->pid, NULL, 0), broker->pid);
    broker->pid = 0;
}

void broker_stop(struct broker *broker)
{
    end_with(broker, SIGTERM);
}

void broker_kill(struct broker *broker)
{
    end_with(broker, SIGKILL);
}

void broker_forget(struct broker *broker)
{
    char path[BROKER_PATH_MAX];
    assert_int_equal(broker->pid, 0);
    path_in(broker, "mosquitto.db", path);
    assert_true(unlink(path) == 0 || errno == ENOENT);
}

void broker_freeze(struct broker *broker)
{
    assert_int_equal(kill(broker->pid, SIGSTOP), 0);
}

void broker_thaw(struct broker *broker)
{
    assert_int_equal(kill(broker->pid, SIGCONT), 0);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void broker_close(struct broker *broker)
{
    if (broker->pid > 0) {
        kill(broker->pid, SIGKILL);
        waitpid(broker->pid, NULL, 0);
    }
    if (broker->folder[0] != '\0') {
        nftw(broker->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    }
    *broker = (struct broker){0};
}

void broker_url(const struct broker *broker, enum broker_listener listener, char url[BROKER_URL_MAX])
{
    static const char *const schemes[BROKER_LISTENERS] = {"mqtt", "ws", "mqtts", "wss"};
    assert_true(has_listener(broker, listener));
    snprintf(url, BROKER_URL_MAX, "%s://127.0.0.1:%u", schemes[listener], broker->ports[listener]);
}

unsigned broker_log_count(const struct broker *broker, const char *text)
{
    char path[BROKER_PATH_MAX];
    path_in(broker, "mosquitto.log", path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *line = NULL;
    size_t size = 0;
    unsigned count = 0;
    while (getline(&line, &size, file) >= 0) {
        count += strstr(line, text) != NULL;
    }
    free(line);
    fclose(file);
    return count;
}
