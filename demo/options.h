/* What the command line asks of the fleet simulator. */
#ifndef FLYBALL_DEMO_OPTIONS_H
#define FLYBALL_DEMO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { RUN_SECONDS_MAX = 86400 };

struct options {
    const char *broker;
    const char *root;
    const char *agent;
    int64_t seconds; /* How long chargers publish, 1 to RUN_SECONDS_MAX. */
    bool print_config;
};

/* The strings borrow from argv. False after saying on standard error what is wrong. */
bool options_parse(struct options *options, int argc, char **argv);

#endif
