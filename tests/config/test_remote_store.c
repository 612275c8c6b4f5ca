#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/remote_store.h"
#include "tests/config/loading.h"

static char folder[64];

static int make_folder(void **context)
{
    (void)context;
    snprintf(folder, sizeof folder, "/tmp/flyball-remote-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int remove_folder(void **context)
{
    (void)context;
    unlink(path_of(DESIRED_FILE));
    unlink(path_of(DESIRED_FILE ".new"));
    unlink(path_of(POLICY_FILE));
    return rmdir(folder);
}

static void assert_kept(const char *payload)
{
    struct io io = io_posix();
    struct config_text text;
    assert_int_equal(remote_store_load(&io, folder, &text), STATUS_OK);
    assert_true(bytes_equal_string(text.bytes, payload));
    config_text_close(&text);
}

static void the_last_desired_payload_is_kept_byte_for_byte(void **context)
{
    (void)context;
    struct io io = io_posix();
    struct config_text text;
    assert_int_equal(remote_store_load(&io, folder, &text), STATUS_NOT_FOUND);
    assert_int_equal(remote_store_save(&io, folder, bytes_of_string("{\"version\": 42}")), STATUS_OK);
    assert_kept("{\"version\": 42}");
    assert_int_equal(remote_store_save(&io, folder, bytes_of_string(" {}\n")), STATUS_OK);
    assert_kept(" {}\n");
}

static int fail_fsync(void *self, int file)
{
    (void)self;
    (void)file;
    errno = EIO;
    return -1;
}

static void a_failing_disk_keeps_the_old_one(void **context)
{
    (void)context;
    struct io io = io_posix();
    assert_int_equal(remote_store_save(&io, folder, bytes_of_string("old")), STATUS_OK);
    io.fsync = fail_fsync;
    assert_int_equal(remote_store_save(&io, folder, bytes_of_string("new")), STATUS_IO);
    assert_kept("old");
}

static void a_payload_that_could_not_be_loaded_is_not_saved(void **context)
{
    (void)context;
    static uint8_t payload[CONFIG_FILE_BYTES_MAX + 1];
    struct io io = io_posix();
    assert_int_equal(remote_store_save(&io, folder, bytes_of(payload, sizeof payload)), STATUS_TOO_LARGE);
    assert_int_equal(remote_store_save(&io, "/nowhere/at/all", bytes_of(payload, 1)), STATUS_IO);
}

static void policies_are_kept_beside_it(void **context)
{
    (void)context;
    struct io io = io_posix();
    struct config_snapshot *kept;
    assert_int_equal(policy_store_load(&io, folder, &kept), STATUS_NOT_FOUND);
    struct config_snapshot *snapshot =
        load_good("{\"plans\":{\"gold\":{\"prices\":{\"kwh\":\"0.2\"}}},\"subjects\":{\"plan\":\"gold\"}}");
    assert_int_equal(policy_store_save(&io, folder, &snapshot->policy), STATUS_OK);
    assert_int_equal(policy_store_load(&io, folder, &kept), STATUS_OK);
    assert_int_equal(kept->policy.plan_count, 1);
    assert_memory_equal(kept->policy.plans, snapshot->policy.plans, sizeof(struct plan));
    config_snapshot_close(kept);
    config_snapshot_close(snapshot);
    assert_int_equal(io_replace_file(&io, path_of(POLICY_FILE), "{\"plans\"", 8), 0);
    assert_int_equal(policy_store_load(&io, folder, &kept), STATUS_CORRUPT);
    assert_null(kept);
}

/* A desired configuration, or a variable's value, may hold ${NAME} for itself. */
static void policies_read_back_as_they_were_in_force(void **context)
{
    (void)context;
    struct io io = io_posix();
    struct config_source source =
        loading_source("{\"plans\":{\"${NAME}\":{}},\"subjects\":{\"plan\":\"${NAME}\"}}");
    source.is_literal = true;
    struct config_snapshot *snapshot, *kept;
    struct config_errors errors;
    assert_int_equal(config_load(&source, &snapshot, &errors), STATUS_OK);
    assert_int_equal(policy_store_save(&io, folder, &snapshot->policy), STATUS_OK);
    assert_int_equal(policy_store_load(&io, folder, &kept), STATUS_OK);
    assert_true(bytes_equal_string(name_bytes(&kept->policy.default_plan), "${NAME}"));
    config_snapshot_close(kept);
    config_snapshot_close(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_desired_payload_is_kept_byte_for_byte, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_failing_disk_keeps_the_old_one, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_payload_that_could_not_be_loaded_is_not_saved, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(policies_are_kept_beside_it, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(policies_read_back_as_they_were_in_force, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
