/* That libpaho's calls reach the tuned functions, and what these do to sockets and sleeps. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/broker/scene.h"

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A connected pair over TCP: [0] called connect, [1] was accepted. */
static void open_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(pair[0], (struct sockaddr *)&address, size), 0);
    pair[1] = accept(listener, NULL, NULL);
    assert_true(pair[1] >= 0);
    close(listener);
}

/* Closes `file` so that the other end is told of a broken connection, not of an end. */
static void reset(int file)
{
    struct linger linger = {.l_onoff = 1};
    assert_int_equal(setsockopt(file, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    close(file);
}

static void everybody_finds_the_tuned_functions_first(void **context)
{
    static const char *const names[] = {"connect", "poll",  "pthread_cond_timedwait", "shutdown", "usleep",
                                        "write",   "writev"};
    Dl_info mine;
    (void)context;
    assert_int_not_equal(dladdr((void *)(uintptr_t)everybody_finds_the_tuned_functions_first, &mine), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        Dl_info found;
        void *function = dlsym(RTLD_DEFAULT, names[i]);
        assert_non_null(function);
        assert_int_not_equal(dladdr(function, &found), 0);
        assert_ptr_equal(found.dli_fbase, mine.dli_fbase);
    }
}

static void connect_sets_nodelay(void **context)
{
    int pair[2];
    int nodelay = 0;
    socklen_t size = sizeof(nodelay);
    (void)context;
    open_pair(pair);
    assert_int_equal(getsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, &size), 0);
    assert_int_not_equal(nodelay, 0);
    assert_int_equal(getsockopt(pair[1], IPPROTO_TCP, TCP_NODELAY, &nodelay, &size), 0);
    assert_int_equal(nodelay, 0);
    close(pair[0]);
    close(pair[1]);
}

/* 256 decisions. Looked at before a connection grows it. */
static void socket_takes_all_that_can_be_on_the_way(void **context)
{
    struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int file = socket(AF_INET, SOCK_STREAM, 0);
    int bytes = 0;
    socklen_t size = sizeof(bytes);
    (void)context;
    assert_int_equal(connect(file, (struct sockaddr *)&nowhere, sizeof nowhere), -1);
    assert_int_equal(getsockopt(file, SOL_SOCKET, SO_SNDBUF, &bytes, &size), 0);
    assert_true(bytes >= 400000);
    close(file);
}

static int64_t poll_time_us(int file, short events, int timeout_ms)
{
    struct pollfd waiting = {.fd = file, .events = events};
    int64_t start_us = now_us();
    assert_int_equal(poll(&waiting, 1, timeout_ms), 0);
    return now_us() - start_us;
}

static void only_pahos_wait_is_hurried_and_only_soon_after_a_connect(void **context)
{
    int pair[2];
    (void)context;
    open_pair(pair);
    assert_in_range(poll_time_us(pair[0], POLLIN | POLLNVAL, 1000), 10000, 300000);
    assert_true(poll_time_us(pair[0], POLLIN, 1000) >= 1000000);
    assert_true(poll_time_us(pair[0], POLLIN | POLLNVAL, 500) >= 500000);
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 600000000}, NULL);
    assert_true(poll_time_us(pair[0], POLLIN | POLLNVAL, 1000) >= 1000000);
    close(pair[0]);
    close(pair[1]);
}

static void broken_connection_takes_what_is_written_and_ends_for_the_reader(void **context)
{
    int pair[2];
    char bytes[] = "xyz";
    struct iovec parts[] = {{.iov_base = bytes, .iov_len = 1}, {.iov_base = bytes + 1, .iov_len = 2}};
    (void)context;
    open_pair(pair);
    reset(pair[1]);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(writev(pair[0], parts, 2), 3);
        assert_int_equal(write(pair[0], bytes, 2), -1); /* As TLS does: full until the reader closes. */
        assert_int_equal(errno, EAGAIN);
    }
    assert_int_equal(read(pair[0], bytes, 1), 0);
    close(pair[0]);
}

static void full_socket_stays_full_and_open(void **context)
{
    int pair[2];
    char bytes[4096] = "x";
    ssize_t written;
    (void)context;
    open_pair(pair);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    do {
        written = write(pair[0], bytes, sizeof bytes);
    } while (written > 0);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(read(pair[1], bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(read(pair[0], bytes, 1), -1);
    assert_int_equal(errno, EAGAIN);
    close(pair[0]);
    close(pair[1]);
}

/* A peer that has something to say while it is left: it must read all that was sent, and no reset. */
static void *listen_to_the_end(void *context)
{
    int file = *(int *)context;
    char bytes[256];
    ssize_t count;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(write(file, "unread", 6), 6);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    do {
        count = read(file, bytes, sizeof bytes);
    } while (count > 0);
    assert_int_equal(count, 0);
    close(file);
    return NULL;
}

static void goodbye_is_heard_whatever_is_left_unread(void **context)
{
    int pair[2];
    pthread_t peer;
    (void)context;
    open_pair(pair);
    assert_int_equal(pthread_create(&peer, NULL, listen_to_the_end, &pair[1]), 0);
    assert_int_equal(write(pair[0], "goodbye", 7), 7);
    int64_t start_us = now_us();
    assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
    close(pair[0]);
    assert_in_range(now_us() - start_us, 20000, 900000);
    assert_int_equal(pthread_join(peer, NULL), 0);
}

static void goodbye_waits_a_second_for_one_who_never_closes(void **context)
{
    int pair[2];
    (void)context;
    open_pair(pair);
    int64_t start_us = now_us();
    assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
    assert_in_range(now_us() - start_us, 1000000, 1500000);
    close(pair[0]);
    close(pair[1]);
}

static void other_sockets_and_files_keep_their_errors(void **context)
{
    int pair[2];
    char byte = 'x';
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    (void)context;
    open_pair(pair);
    reset(pair[0]);
    assert_int_equal(write(pair[1], &byte, 1), -1);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(writev(pair[1], &part, 1), -1);
    assert_int_equal(errno, EPIPE);
    close(pair[1]);
    assert_int_equal(write(pair[1], &byte, 1), -1);
    assert_int_equal(errno, EBADF);
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    close(pipe_ends[0]);
    assert_int_equal(write(pipe_ends[1], &byte, 1), -1);
    assert_int_equal(errno, EPIPE);
    close(pipe_ends[1]);
}

static void only_the_idle_sleep_is_shortened(void **context)
{
    (void)context;
    usleep(60000); /* So that the next does not follow hard upon one. */
    nanosleep(&(struct timespec){.tv_nsec = 60000000}, NULL);
    int64_t start_us = now_us();
    usleep(100000);
    assert_in_range(now_us() - start_us, 500, 19000);
    start_us = now_us();
    usleep(100000);
    assert_in_range(now_us() - start_us, 20000, 90000);
    start_us = now_us();
    usleep(110000);
    assert_true(now_us() - start_us >= 110000);
}

/* How long a wait for what never happens takes, until the wall shows `wall_s` from now. */
static int64_t wait_us(time_t wall_s, int *result)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += wall_s;
    int64_t start_us = now_us();
    pthread_mutex_lock(&lock);
    *result = pthread_cond_timedwait(&condition, &lock, &deadline);
    pthread_mutex_unlock(&lock);
    return now_us() - start_us;
}

/* The deadline of one who waits a second and meets a clock set back by ten years. */
static void wait_by_the_wall_clock_outlasts_no_jump(void **context)
{
    int result;
    (void)context;
    assert_in_range(wait_us(315360000, &result), 990000, 1900000);
    assert_int_equal(result, 0);
    assert_in_range(wait_us(1, &result), 990000, 1900000);
    assert_int_equal(result, ETIMEDOUT);
    assert_in_range(wait_us(-315360000, &result), 0, 900000);
    assert_int_equal(result, ETIMEDOUT);
    assert_in_range(wait_us(-4000000000, &result), 0, 900000); /* Before 1970. */
    assert_int_equal(result, ETIMEDOUT);
}

/* The two sleeps together, seen from outside: a message after more than an idle second takes no 100 ms. */
static void message_after_an_idle_second_is_quick(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    scene_open_peer(scene);
    peer_subscribe(&scene->peer, "answer/#", 0);
    scene_open_client(scene, PAHO_PROTOCOL_5);
    scene_await_subscribed(scene, 1);
    int64_t quickest_us = INT64_MAX;
    for (unsigned i = 0; i < 3; i++) {
        nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 40000000}, NULL);
        int64_t start_us = now_us();
        assert_int_equal(scene_publish(scene, "answer/idle", "x", i), STATUS_OK);
        assert_non_null(peer_take(&scene->peer, "answer/idle", 5000));
        int64_t took_us = now_us() - start_us;
        quickest_us = took_us < quickest_us ? took_us : quickest_us;
    }
    assert_in_range(quickest_us, 0, 25000);
}

/* A thread that waits for Paho's to end: its sleeps must add up. */
static void *wait_for_others(void *context)
{
    usleep(100000);
    int64_t start_us = now_us();
    usleep(100000);
    *(int64_t *)context = now_us() - start_us;
    return NULL;
}

static void repeated_sleeps_are_short_soon_after_a_connect(void **context)
{
    (void)context;
    struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int file = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(file, (struct sockaddr *)&nowhere, sizeof nowhere), -1);
    int64_t waited_us = 0;
    pthread_t waiter;
    assert_int_equal(pthread_create(&waiter, NULL, wait_for_others, &waited_us), 0);
    assert_int_equal(pthread_join(waiter, NULL), 0);
    assert_in_range(waited_us, 20000, 90000);

    struct pollfd pahos = {.fd = file, .events = POLLIN | POLLNVAL};
    poll(&pahos, 1, 1000);
    usleep(100000);
    int64_t start_us = now_us();
    usleep(100000); /* The one that receives. */
    assert_in_range(now_us() - start_us, 1000, 19000);
    close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* Before any connect, after which Paho is hurried. */
        cmocka_unit_test(only_the_idle_sleep_is_shortened),
        cmocka_unit_test(everybody_finds_the_tuned_functions_first),
        cmocka_unit_test(connect_sets_nodelay),
        cmocka_unit_test(socket_takes_all_that_can_be_on_the_way),
        cmocka_unit_test(only_pahos_wait_is_hurried_and_only_soon_after_a_connect),
        cmocka_unit_test(broken_connection_takes_what_is_written_and_ends_for_the_reader),
        cmocka_unit_test(full_socket_stays_full_and_open),
        cmocka_unit_test(goodbye_is_heard_whatever_is_left_unread),
        cmocka_unit_test(goodbye_waits_a_second_for_one_who_never_closes),
        cmocka_unit_test(other_sockets_and_files_keep_their_errors),
        cmocka_unit_test(wait_by_the_wall_clock_outlasts_no_jump),
        cmocka_unit_test(repeated_sleeps_are_short_soon_after_a_connect),
        cmocka_unit_test_setup_teardown(message_after_an_idle_second_is_quick, scene_open, scene_close),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
