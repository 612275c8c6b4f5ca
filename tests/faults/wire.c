#include "tests/faults/wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* First bytes of packets, MQTT 5 section 2.1. */
enum {
    CONNECT = 0x10,
    PUBLISH = 0x30,
    PUBLISH_QOS = 0x06,
    PUBLISH_QOS_1 = 0x02,
    PUBLISH_RETAINED = 0x01,
    PUBACK = 0x40,
    SUBSCRIBE = 0x82,
    SUBACK = 0x90,
    TYPE_BITS = 0xf0,
    REFUSED_LEAST = 0x80, /* Of SUBACK's codes. */
};

void wire_init(struct wire *wire, const struct wire_settings *settings)
{
    wire->settings = *settings;
    wire->file = -1;
    wire_close(wire);
}

void wire_close(struct wire *wire)
{
    if (wire->file >= 0) {
        close(wire->file);
    }
    wire->file = -1;
    wire->is_subscribed = false;
    wire->in_first = wire->in_end = wire->out_first = wire->out_end = 0;
}

static void put_byte(struct wire *wire, unsigned value)
{
    wire->out[wire->out_end++] = (unsigned char)value;
}

static void put_number(struct wire *wire, unsigned value)
{
    put_byte(wire, value >> 8);
    put_byte(wire, value & 0xff);
}

static void put_text(struct wire *wire, const char *text)
{
    size_t length = strlen(text);
    put_number(wire, (unsigned)length);
    memcpy(wire->out + wire->out_end, text, length);
    wire->out_end += length;
}

/* A packet's beginning: its length in bytes of seven bits, the least first. */
static void put_head(struct wire *wire, unsigned first, size_t length)
{
    put_byte(wire, first);
    if (length > 127) {
        put_byte(wire, (unsigned)(length & 0x7f) | 0x80);
        length >>= 7;
    }
    put_byte(wire, (unsigned)length);
}

/* Without properties. */
static void put_no_properties(struct wire *wire)
{
    if (wire->settings.is_5) {
        put_byte(wire, 0);
    }
}

static bool has_room(struct wire *wire, size_t bytes)
{
    if (wire->out_first > 0) {
        memmove(wire->out, wire->out + wire->out_first, wire->out_end - wire->out_first);
        wire->out_end -= wire->out_first;
        wire->out_first = 0;
    }
    return wire->out_end + bytes + 8 <= sizeof wire->out;
}

static void put_connect(struct wire *wire)
{
    enum { CLEAN = 2, FIXED_BYTES = 10 };
    unsigned is_5 = wire->settings.is_5;
    put_head(wire, CONNECT, FIXED_BYTES + is_5 + 2 + strlen(wire->settings.client_id));
    put_text(wire, "MQTT");
    put_byte(wire, 4 + is_5);
    put_byte(wire, CLEAN);
    put_number(wire, 0); /* No keep-alive: the tests stop brokers for long. */
    put_no_properties(wire);
    put_text(wire, wire->settings.client_id);
}

static void put_subscribe(struct wire *wire)
{
    size_t length = 2U + wire->settings.is_5;
    for (const char *const *filter = wire->settings.filters; *filter != NULL; filter++) {
        length += 2 + strlen(*filter) + 1;
    }
    put_head(wire, SUBSCRIBE, length);
    put_number(wire, 1);
    put_no_properties(wire);
    for (const char *const *filter = wire->settings.filters; *filter != NULL; filter++) {
        put_text(wire, *filter);
        put_byte(wire, 1);
    }
}

bool wire_connect(struct wire *wire)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(wire->settings.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    wire_close(wire);
    wire->file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (wire->file < 0) {
        return false;
    }
    setsockopt(wire->file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(wire->file, (const struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
        wire_close(wire);
        return false;
    }
    put_connect(wire);
    put_subscribe(wire);
    return true;
}

bool wire_publish(struct wire *wire, const char *topic, const char *payload)
{
    size_t payload_length = strlen(payload);
    size_t length = 2 + strlen(topic) + 2 + wire->settings.is_5 + payload_length;
    if (!wire->is_subscribed || length >= WIRE_PACKET_MAX || !has_room(wire, length)) {
        return false;
    }
    wire->packet_id = wire->packet_id == UINT16_MAX ? 1 : (uint16_t)(wire->packet_id + 1);
    put_head(wire, PUBLISH | PUBLISH_QOS_1, length);
    put_text(wire, topic);
    put_number(wire, wire->packet_id);
    put_no_properties(wire);
    memcpy(wire->out + wire->out_end, payload, payload_length);
    wire->out_end += payload_length;
    return true;
}

static bool may_go_on(ssize_t moved)
{
    return moved > 0 || (moved < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool flush(struct wire *wire)
{
    while (wire->out_first < wire->out_end) {
        ssize_t sent = send(wire->file, wire->out + wire->out_first, wire->out_end - wire->out_first,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            return may_go_on(sent);
        }
        wire->out_first += (size_t)sent;
    }
    return true;
}

static bool fill(struct wire *wire)
{
    memmove(wire->in, wire->in + wire->in_first, wire->in_end - wire->in_first);
    wire->in_end -= wire->in_first;
    wire->in_first = 0;
    if (wire->in_end == sizeof wire->in) {
        return true;
    }
    ssize_t got = recv(wire->file, wire->in + wire->in_end, sizeof wire->in - wire->in_end, MSG_DONTWAIT);
    wire->in_end += got > 0 ? (size_t)got : 0;
    return may_go_on(got);
}

bool wire_pump(struct wire *wire, int timeout_ms)
{
    if (wire->file < 0) {
        return false;
    }
    bool has_output = wire->out_first < wire->out_end;
    struct pollfd poll_file = {.fd = wire->file, .events = (short)(POLLIN | (has_output ? POLLOUT : 0))};
    if (poll(&poll_file, 1, timeout_ms) <= 0) {
        return true;
    }
    bool is_open = (poll_file.revents & POLLOUT) == 0 || flush(wire);
    is_open = is_open && ((poll_file.revents & ~POLLOUT) == 0 || fill(wire));
    if (!is_open) {
        wire_close(wire);
    }
    return is_open;
}

/* A length in bytes of seven bits, the least first; false if it is not all there. */
static bool read_length(const unsigned char **at, const unsigned char *end, size_t *length)
{
    *length = 0;
    for (unsigned shift = 0; *at < end && shift < 28; shift += 7) {
        unsigned char byte = *(*at)++;
        *length |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static unsigned read_number(const unsigned char *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void acknowledge(struct wire *wire, unsigned packet_id)
{
    if (has_room(wire, 4)) {
        put_head(wire, PUBACK, 2);
        put_number(wire, packet_id);
    }
}

/* A refused subscription is a mistake in the test. */
static void check_granted(const struct wire *wire, const unsigned char *at, const unsigned char *end)
{
    for (at += 2 + wire->settings.is_5; at < end; at++) {
        if (*at >= REFUSED_LEAST) {
            abort();
        }
    }
}

static void read_publish(struct wire *wire, unsigned first, const unsigned char *at, const unsigned char *end,
                         struct wire_message *message)
{
    message->topic_length = read_number(at);
    message->topic = (const char *)at + 2;
    at += 2 + message->topic_length;
    if ((first & PUBLISH_QOS) != 0) {
        acknowledge(wire, read_number(at));
        at += 2;
    }
    if (wire->settings.is_5) {
        size_t properties = 0;
        read_length(&at, end, &properties);
        at += properties;
    }
    message->payload = (const char *)at;
    message->length = (size_t)(end - at);
    message->is_retained = (first & PUBLISH_RETAINED) != 0;
}

bool wire_take(struct wire *wire, struct wire_message *message)
{
    for (;;) {
        const unsigned char *first = wire->in + wire->in_first;
        const unsigned char *end = wire->in + wire->in_end;
        const unsigned char *at = first + 1;
        size_t length;
        if (first >= end || !read_length(&at, end, &length) || length > (size_t)(end - at)) {
            return false;
        }
        wire->in_first = (size_t)(at - wire->in) + length;
        if ((*first & TYPE_BITS) == PUBLISH) {
            read_publish(wire, *first, at, at + length, message);
            return true;
        }
        if (*first == SUBACK) {
            check_granted(wire, at, at + length);
            wire->is_subscribed = true;
        }
    }
}
