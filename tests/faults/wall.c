#include "tests/faults/wall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/endtoend/expect.h"

void wall_open(struct wall *wall)
{
    const char *parent = getenv("TMPDIR");
    int length =
        snprintf(wall->path, sizeof wall->path, "%s/flyball-wall-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_in_range(length, 1, sizeof wall->path - 1);
    int file = mkstemp(wall->path);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, sizeof *wall->offset), 0);
    void *mapped = mmap(NULL, sizeof *wall->offset, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    assert_true(mapped != MAP_FAILED);
    close(file);
    wall->offset = mapped;
}

void wall_close(struct wall *wall)
{
    munmap(wall->offset, sizeof *wall->offset);
    unlink(wall->path);
}

void wall_set_offset(struct wall *wall, int64_t ms)
{
    atomic_store(&wall->offset->ms, ms);
}

void wall_set(struct wall *wall, int64_t instant_ms)
{
    wall_set_offset(wall, instant_ms - wall_ms());
}

int64_t wall_now(const struct wall *wall)
{
    return wall_ms() + atomic_load(&wall->offset->ms);
}

void wall_lend(const struct wall *wall)
{
    const char *shim = getenv("FLYBALL_WALL_SHIM");
    assert_non_null(shim);
    setenv(WALL_OFFSET_VARIABLE, wall->path, 1);
    setenv("LD_PRELOAD", shim, 1);
}

void wall_take_back(void)
{
    unsetenv("LD_PRELOAD");
    unsetenv(WALL_OFFSET_VARIABLE);
}
