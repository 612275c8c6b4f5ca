#include "tests/faults/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

static bool write_text(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    bool is_written = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
    if (file >= 0) {
        close(file);
    }
    return is_written;
}

/* Who is not root becomes the root of a namespace of users. */
static bool become_root(void)
{
    char map[64];
    unsigned user = getuid();
    unsigned group = getgid();
    if (user == 0) {
        return unshare(CLONE_NEWNS) == 0;
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return false;
    }
    snprintf(map, sizeof map, "0 %u 1", user);
    bool is_mapped = write_text("/proc/self/uid_map", map) && write_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", group);
    return is_mapped && write_text("/proc/self/gid_map", map);
}

bool mounts_enter(void)
{
    if (become_root() && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
        return true;
    }
    print_message("file systems cannot be mounted here: %s\n", strerror(errno));
    return false;
}

static void mount_tmpfs(const char *path, unsigned long flags, const char *options)
{
    if (mount("tmpfs", path, "tmpfs", flags, options) != 0) {
        fail_msg("%s: cannot be mounted: %s", path, strerror(errno));
    }
}

void mounts_put(const char *path, const char *options)
{
    mount_tmpfs(path, 0, options);
}

void mounts_change(const char *path, const char *options)
{
    mount_tmpfs(path, MS_REMOUNT, options);
}

void mounts_make_read_only(const char *path)
{
    mount_tmpfs(path, MS_REMOUNT | MS_RDONLY, NULL);
}

void mounts_remove(const char *path)
{
    assert_int_equal(umount2(path, MNT_DETACH), 0);
}
