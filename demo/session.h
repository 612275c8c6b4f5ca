/* What every device of one run shares. */
#ifndef FLYBALL_DEMO_SESSION_H
#define FLYBALL_DEMO_SESSION_H

#include "demo/client.h"

struct session {
    struct client *client;
    const char *root;
    int64_t run_ms;
    uint64_t random; /* Not 0. */
    char run[24];    /* Sets this run's ids apart from those of the last. */
};

#endif
