/* Preloaded into the program under test: one fdatasync fails, when the test says so. */
#include "tests/faults/fail_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Whether an fdatasync has failed before; notes this one then. */
static int note_later_sync(const char *done)
{
    int file = open(done, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (file < 0) {
        return -1;
    }
    ssize_t written = write(file, "s", 1);
    (void)written;
    close(file);
    return 0;
}

int fdatasync(int fildes)
{
    const char *trigger = getenv(FAIL_SYNC_VARIABLE);
    char done[512];
    if (trigger != NULL) {
        snprintf(done, sizeof done, "%s.done", trigger);
        if (rename(trigger, done) == 0) {
            errno = EIO;
            return -1;
        }
        (void)note_later_sync(done);
    }
    return (int)syscall(SYS_fdatasync, fildes);
}
