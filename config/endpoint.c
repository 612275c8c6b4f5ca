#include "config/endpoint.h"

#include <string.h>

struct scheme {
    const char *prefix;
    enum broker_scheme scheme;
    uint16_t port;
};

static const struct scheme SCHEMES[] = {
    {"mqtt://", BROKER_MQTT, 1883},
    {"mqtts://", BROKER_MQTTS, 8883},
    {"ws://", BROKER_WS, 80},
    {"wss://", BROKER_WSS, 443},
};

static const struct scheme *scheme_of(struct bytes url)
{
    for (size_t i = 0; i < sizeof SCHEMES / sizeof SCHEMES[0]; i++) {
        if (bytes_start_with(url, bytes_of_string(SCHEMES[i].prefix))) {
            return &SCHEMES[i];
        }
    }
    return NULL;
}

/* Letters, digits, - _ . and, between brackets, what IPv6 is written with. */
static bool is_host(struct bytes host, const char *besides)
{
    for (size_t i = 0; i < host.length; i++) {
        uint8_t byte = host.data[i];
        bool is_letter = ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') || byte >= 0x80;
        bool is_digit = byte >= '0' && byte <= '9';
        if (!is_letter && !is_digit && (byte == 0 || strchr(besides, byte) == NULL)) {
            return false;
        }
    }
    return host.length > 0;
}

static size_t length_before(struct bytes text, uint8_t byte)
{
    const uint8_t *found = text.length == 0 ? NULL : memchr(text.data, byte, text.length);
    return found == NULL ? text.length : (size_t)(found - text.data);
}

/* Takes a host off the beginning. */
static enum status take_host(struct bytes *text, struct bytes *host)
{
    bool is_bracketed = text->length > 0 && text->data[0] == '[';
    struct bytes rest = bytes_after(*text, is_bracketed ? 1 : 0);
    size_t length = length_before(rest, is_bracketed ? ']' : ':');
    *host = bytes_of(rest.data, length);
    if (!is_host(*host, is_bracketed ? ":.%" : "-_.") || (is_bracketed && length == rest.length)) {
        return STATUS_INVALID;
    }
    *text = bytes_after(rest, length + (is_bracketed ? 1 : 0));
    return STATUS_OK;
}

/* A colon and a number, up to the end. */
static enum status take_port(struct bytes text, uint16_t *port)
{
    if (text.length < 2 || text.length > 6 || text.data[0] != ':') {
        return STATUS_INVALID;
    }
    uint32_t number = 0;
    for (size_t i = 1; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return STATUS_INVALID;
        }
        number = number * 10 + (uint32_t)(text.data[i] - '0');
    }
    if (number > UINT16_MAX) {
        return STATUS_INVALID;
    }
    *port = (uint16_t)number;
    return STATUS_OK;
}

static bool is_path(struct bytes path, enum broker_scheme scheme)
{
    bool is_websocket = scheme == BROKER_WS || scheme == BROKER_WSS;
    for (size_t i = 0; i < path.length; i++) {
        if (path.data[i] <= ' ' || path.data[i] == '#' || path.data[i] >= 0x7F) {
            return false;
        }
    }
    return path.length == 0 || is_websocket;
}

enum status endpoint_of_url(struct bytes url, struct endpoint *endpoint)
{
    const struct scheme *scheme = scheme_of(url);
    if (scheme == NULL) {
        return STATUS_UNSUPPORTED;
    }
    struct bytes rest = bytes_after(url, strlen(scheme->prefix));
    size_t length = length_before(rest, '/');
    struct endpoint found = {
        .scheme = scheme->scheme, .port = scheme->port, .path = bytes_after(rest, length)};
    struct bytes authority = bytes_of(rest.data, length);
    if (take_host(&authority, &found.host) != STATUS_OK || !is_path(found.path, found.scheme)) {
        return STATUS_INVALID;
    }
    if (authority.length > 0 && (take_port(authority, &found.port) != STATUS_OK || found.port == 0)) {
        return STATUS_INVALID;
    }
    *endpoint = found;
    return STATUS_OK;
}

enum status endpoint_of_listen(struct bytes listen, struct endpoint *endpoint)
{
    struct endpoint found = {0};
    if (take_host(&listen, &found.host) != STATUS_OK || take_port(listen, &found.port) != STATUS_OK) {
        return STATUS_INVALID;
    }
    *endpoint = found;
    return STATUS_OK;
}
