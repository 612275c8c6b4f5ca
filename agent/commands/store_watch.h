/* Whether the folder the agent writes to is still the one its path leads to: writes to files that were
 * removed succeed, and durable they are not. */
#ifndef FLYBALL_AGENT_COMMANDS_STORE_WATCH_H
#define FLYBALL_AGENT_COMMANDS_STORE_WATCH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct store_watch {
    char path[PATH_MAX]; /* Of the lock file in it. */
    dev_t device;
    ino_t inode;
};

/* The store is open. */
void store_watch_begin(struct store_watch *watch, const char *folder);

/* False once the lock file is gone or another. An error that says nothing about it does not count. */
bool store_watch_finds_it(const struct store_watch *watch);

#endif
