/* Takes the place of four libc functions in the executable this object is linked into, for the sake of
 * Eclipse Paho 1.3.12, which has no options for them. A shared library finds a program's functions before
 * libc's.
 *
 * connect: Paho never sets TCP_NODELAY. With Nagle's algorithm an answer waits for the acknowledgement of the
 * one before it: 43 ms instead of 0.2 ms at 20 messages a second. And when a connect is under way, Paho waits
 * for something to read before it looks whether it may write: a second, each time. So a connect that
 * completes soon is waited for here.
 *
 * usleep: after an idle second Paho's receive thread sleeps 100 ms without looking at its socket. That one
 * sleep becomes 0.5 ms. One that follows hard upon another becomes 20 ms only: then the thread has no socket
 * to wait for, or Paho is waiting for its threads to end and gives up after 100 sleeps, which must last
 * longer than the idle second.
 *
 * writev, write (TLS): when a write fails, Paho frees a QoS 1 message that its list of unacknowledged ones
 * still holds, reads it at the next reconnect and frees it again. On the sockets marked by connect a broken
 * connection therefore looks like a full one to the writer; the reader, which waits for the socket anyway,
 * finds its end and closes it in good order. */

#undef _GNU_SOURCE /* It would turn connect's address into a union. */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
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
    HARD_UPON_US = 50000,
    CONNECT_WAIT_MS = 250, /* Paho's mutex is held meanwhile. */
    /* The mark: a keep-alive count nobody would choose, on a socket whose keep-alive stays off. It dies with
     * the socket, so that a descriptor's number can be used again. */
    MARK_KEEPCNT = 113,
};

/* Neither option means anything to a socket that is not TCP; then nothing happens. */
static void tune_socket(int file)
{
    int on = 1;
    int mark = MARK_KEEPCNT;
    int kept = errno;
    setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(file, IPPROTO_TCP, TCP_KEEPCNT, &mark, sizeof(mark));
    errno = kept;
}

static bool is_marked(int file)
{
    int mark = 0;
    socklen_t size = sizeof(mark);
    return getsockopt(file, IPPROTO_TCP, TCP_KEEPCNT, &mark, &size) == 0 && mark == MARK_KEEPCNT;
}

/* 0 or -1 and errno, as connect would say it. */
static int await_connected(int file)
{
    struct pollfd writable = {.fd = file, .events = POLLOUT};
    int error = EINPROGRESS;
    socklen_t size = sizeof(error);
    if (poll(&writable, 1, CONNECT_WAIT_MS) == 1) {
        getsockopt(file, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    errno = error;
    return error == 0 ? 0 : -1;
}

int connect(int file, const struct sockaddr *address, socklen_t length)
{
    bool is_internet = address != NULL && (address->sa_family == AF_INET || address->sa_family == AF_INET6);
    if (is_internet) {
        tune_socket(file);
    }
    int result = (int)syscall(SYS_connect, file, address, length);
    return result != 0 && errno == EINPROGRESS && is_internet ? await_connected(file) : result;
}

/* The result of a write; a failure on a marked socket becomes "try again". */
static ssize_t soften(int file, ssize_t written)
{
    if (written >= 0 || errno == EINTR) {
        return written;
    }
    int kept = errno;
    errno = is_marked(file) ? EAGAIN : kept;
    return written;
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    return soften(file, syscall(SYS_writev, file, parts, count));
}

ssize_t write(int file, const void *data, size_t size)
{
    return soften(file, syscall(SYS_write, file, data, size));
}

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int usleep(useconds_t duration_us)
{
    static _Thread_local int64_t woken_us;
    if (duration_us == IDLE_SLEEP_US) {
        duration_us = monotonic_us() - woken_us > HARD_UPON_US ? SHORT_SLEEP_US : REPEATED_SLEEP_US;
    }
    struct timespec sleep = {.tv_sec = (time_t)(duration_us / 1000000),
                             .tv_nsec = (long)(duration_us % 1000000) * 1000};
    int failed = nanosleep(&sleep, NULL);
    woken_us = monotonic_us();
    return failed;
}
