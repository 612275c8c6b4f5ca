/* Addresses taken apart: the broker's URL and where HTTP listens. */
#ifndef FLYBALL_CONFIG_ENDPOINT_H
#define FLYBALL_CONFIG_ENDPOINT_H

#include "base/bytes.h"
#include "base/status.h"
#include "config/settings.h"

/* Borrows from the text it was read from. */
struct endpoint {
    enum broker_scheme scheme; /* Of a URL. */
    struct bytes host;         /* IPv6 without brackets. */
    uint16_t port;
    struct bytes path; /* Of a websocket; may be empty. */
};

/* scheme://host[:port][/path], no user, a path with ws and wss only. STATUS_UNSUPPORTED: another scheme;
 * STATUS_INVALID: anything else that is wrong. */
MUST_USE enum status endpoint_of_url(struct bytes url, struct endpoint *endpoint);

/* host:port, port 0 too. STATUS_INVALID otherwise. */
MUST_USE enum status endpoint_of_listen(struct bytes listen, struct endpoint *endpoint);

#endif
