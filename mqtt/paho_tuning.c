/* Takes the place of seven libc functions in the executable this object is linked into, for the sake of
 * Eclipse Paho 1.3.12, which has no options for them. A shared library finds a program's functions before
 * libc's.
 *
 * connect: Paho never sets TCP_NODELAY. With Nagle's algorithm an answer waits for the acknowledgement of the
 * one before it: 43 ms instead of 0.2 ms at 20 messages a second. After a reconnect Paho sends what it
 * carried over again, but stops where the socket is full and lets newer messages overtake the rest. So the
 * kernel is asked for room for all that can be on the way.
 *
 * poll: while a connection is being made, Paho waits a second for something to read before it looks again
 * whether it may write, so every connect takes a second. Soon after a connect that wait becomes 10 ms. Paho's
 * is told from other people's by the needless POLLNVAL.
 *
 * usleep: after an idle second Paho's receive thread sleeps 100 ms without looking at its socket. That one
 * sleep becomes 0.5 ms. One that follows hard upon another becomes 20 ms only: then the thread has no socket
 * to wait for, or Paho is waiting for its threads to end and gives up after 100 sleeps, which must last
 * longer than the idle second. Soon after a connect, when that second is 10 ms, the receive thread's becomes
 * 1 ms.
 *
 * writev (write, for TLS, is told that the socket is full): when a write fails, Paho frees a QoS 1 message
 * that its list of unacknowledged ones still holds, reads it at the next reconnect and frees it again. When
 * it is to be tried again, Paho queues its acknowledgements for good and sends them on some later connection.
 * On the sockets marked by connect a write to a broken connection therefore seems to succeed; the reader,
 * which waits for the socket anyway, finds its end and closes it in good order. What is not acknowledged is
 * sent again on the next one.
 *
 * pthread_cond_timedwait: Paho waits by the wall clock for what it may have missed the signal of. With that
 * clock set back a second becomes an hour or a year, in which nothing is sent or connected. The wait is
 * measured by the monotonic clock instead, and ends without a reason after a second at most, as it may.
 *
 * shutdown: Paho closes right behind its DISCONNECT. When something lies there unread, or still comes, the
 * kernel answers with a reset; the broker may then drop what it had not read, the DISCONNECT with it, and
 * publish the will. So what comes is read away until the broker has closed, too, for a second at most. */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    IDLE_SLEEP_US = 100000,
    SHORT_SLEEP_US = 500,
    REPEATED_SLEEP_US = 20000,
    HURRIED_SLEEP_US = 1000,
    HARD_UPON_US = 50000,
    IDLE_POLL_MS = 1000,
    SHORT_POLL_MS = 10,
    SEND_BUFFER_BYTES = 524288, /* The kernel gives what it allows. */
    FAREWELL_US = 1000000,
    WAIT_MOST_US = 1000000,
    HURRY_US = 3000000, /* TCP, TLS and websocket handshakes should be over by then. */
    /* The mark: a keep-alive count nobody would choose, on a socket whose keep-alive stays off. It dies with
     * the socket, so that a descriptor's number can be used again. */
    MARK_KEEPCNT = 113,
};

/* Those of TCP mean nothing to another socket; then nothing happens. */
static void tune_socket(int file)
{
    int on = 1;
    int mark = MARK_KEEPCNT;
    int send_buffer = SEND_BUFFER_BYTES;
    int kept = errno;
    setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(file, IPPROTO_TCP, TCP_KEEPCNT, &mark, sizeof(mark));
    setsockopt(file, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
    errno = kept;
}

static bool is_marked(int file)
{
    int mark = 0;
    socklen_t size = sizeof(mark);
    return getsockopt(file, IPPROTO_TCP, TCP_KEEPCNT, &mark, &size) == 0 && mark == MARK_KEEPCNT;
}

static int64_t in_us(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000 + time->tv_nsec / 1000;
}

static int64_t now_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return in_us(&now);
}

static int64_t monotonic_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

/* Until when poll hurries: set by connect on one thread of Paho's, read by poll on another. */
static atomic_int_least64_t hurry_until_us;

/* The C library's header declares the address as a union of pointers. */
int connect(int file, __CONST_SOCKADDR_ARG any_address, socklen_t length)
{
    const struct sockaddr *address = any_address.__sockaddr__;
    if (address != NULL && (address->sa_family == AF_INET || address->sa_family == AF_INET6)) {
        tune_socket(file);
        atomic_store(&hurry_until_us, monotonic_us() + HURRY_US);
    }
    return (int)syscall(SYS_connect, file, address, length);
}

/* This is Paho's receive thread: it polls. A thread that waits for Paho's to end does not. */
static _Thread_local bool is_receiving;

/* Under a name of its own, since the C library's header says that poll never reads `files`. */
int hurried_poll(struct pollfd *files, nfds_t count, int timeout_ms) __asm__("poll");

int hurried_poll(struct pollfd *files, nfds_t count, int timeout_ms)
{
    bool is_pahos = timeout_ms == IDLE_POLL_MS && count > 0 && files[0].events == (POLLIN | POLLNVAL);
    is_receiving = is_receiving || is_pahos;
    if (is_pahos && monotonic_us() < atomic_load(&hurry_until_us)) {
        timeout_ms = SHORT_POLL_MS;
    }
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
    return ppoll(files, count, timeout_ms >= 0 ? &timeout : NULL, NULL);
}

/* The result of writing `size` bytes; a failure on a marked socket becomes a success, and the socket's end.
 */
static ssize_t soften(int file, size_t size, ssize_t written)
{
    if (written >= 0 || errno == EINTR || errno == EAGAIN) {
        return written;
    }
    int kept = errno;
    if (!is_marked(file)) {
        errno = kept;
        return written;
    }
    syscall(SYS_shutdown, file, SHUT_RDWR); /* Nothing may follow upon bytes that are missing. */
    return (ssize_t)size;
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        size += parts[i].iov_len;
    }
    return soften(file, size, syscall(SYS_writev, file, parts, count));
}

/* OpenSSL's: when its reader finds the end, further writes fail in OpenSSL itself. So none may follow: the
 * socket stays full until the reader closes it. */
ssize_t write(int file, const void *data, size_t size)
{
    ssize_t written = syscall(SYS_write, file, data, size);
    if (written >= 0 || errno == EINTR) {
        return written;
    }
    int kept = errno;
    errno = is_marked(file) ? EAGAIN : kept;
    return written;
}

/* Reads what comes until its end, or for FAREWELL_US. */
static void read_away(int file)
{
    char nothing[4096];
    ssize_t count = 1;
    for (int64_t left_us = FAREWELL_US, end_us = monotonic_us() + FAREWELL_US; count != 0 && left_us > 0;
         left_us = end_us - monotonic_us()) {
        struct pollfd waiting = {.fd = file, .events = POLLIN};
        struct timespec timeout = {.tv_sec = left_us / 1000000, .tv_nsec = (long)(left_us % 1000000) * 1000};
        ppoll(&waiting, 1, &timeout, NULL);
        count = recv(file, nothing, sizeof nothing, MSG_DONTWAIT);
        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            return;
        }
    }
}

int shutdown(int file, int how)
{
    int failed = (int)syscall(SYS_shutdown, file, how);
    if (failed == 0 && how == SHUT_WR && is_marked(file)) {
        read_away(file);
    }
    return failed;
}

/* Of conditions without a clock of their own. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict wall_deadline)
{
    int64_t left_us = in_us(wall_deadline) - now_us(CLOCK_REALTIME);
    int64_t wait_us = left_us < 0 ? 0 : left_us;
    int64_t until_us = monotonic_us() + (wait_us < WAIT_MOST_US ? wait_us : WAIT_MOST_US);
    struct timespec until = {.tv_sec = (time_t)(until_us / 1000000),
                             .tv_nsec = (long)(until_us % 1000000) * 1000};
    int failed = pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &until);
    return failed == ETIMEDOUT && left_us > WAIT_MOST_US ? 0 : failed;
}

int usleep(useconds_t duration_us)
{
    static _Thread_local int64_t woken_us;
    if (duration_us == IDLE_SLEEP_US) {
        int64_t now_us = monotonic_us();
        bool is_hurrying = is_receiving && now_us < atomic_load(&hurry_until_us);
        useconds_t repeated_us = is_hurrying ? HURRIED_SLEEP_US : REPEATED_SLEEP_US;
        duration_us = now_us - woken_us > HARD_UPON_US ? SHORT_SLEEP_US : repeated_us;
    }
    struct timespec sleep = {.tv_sec = (time_t)(duration_us / 1000000),
                             .tv_nsec = (long)(duration_us % 1000000) * 1000};
    int failed = nanosleep(&sleep, NULL);
    woken_us = monotonic_us();
    return failed;
}
