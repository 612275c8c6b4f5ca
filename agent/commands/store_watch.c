#include "agent/commands/store_watch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

void store_watch_begin(struct store_watch *watch, const char *folder)
{
    struct stat info = {0};
    snprintf(watch->path, sizeof watch->path, "%s/lock", folder);
    (void)!stat(watch->path, &info); /* One that is gone already is another one from now on. */
    watch->device = info.st_dev;
    watch->inode = info.st_ino;
}

bool store_watch_finds_it(const struct store_watch *watch)
{
    struct stat info;
    if (stat(watch->path, &info) != 0) {
        return errno != ENOENT && errno != ENOTDIR;
    }
    return info.st_dev == watch->device && info.st_ino == watch->inode;
}
