/* What a tool keeps of a log: each subject's latest image, in memory for the subjects, not for the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/commands/store_images.h"
#include "tests/agent/state/fixture.h"

enum { SUBJECTS = 7, ROUNDS = 150 };

static void put_rounds(struct fixture *fixture)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SUBJECTS; i++) {
            char name[16];
            char body[32];
            snprintf(name, sizeof name, "s-%d", i);
            snprintf(body, sizeof body, "%d of round %d", i, round);
            fixture_put(fixture, image_of(name, body, INSTANT_NEVER), SEQ_NONE);
        }
        fixture_commit(fixture);
    }
}

static void only_the_latest_images_are_kept(void **context)
{
    (void)context;
    struct fixture fixture;
    struct store_images images;
    struct state_log_report report;
    fixture_start(&fixture);
    fixture_open(&fixture);
    put_rounds(&fixture);
    fixture_close(&fixture);
    assert_int_equal(store_images_read(&images, fixture.folder, &report), STATUS_OK);
    assert_int_equal(report.records, ROUNDS * SUBJECTS);
    assert_true(images.capacity < ROUNDS * SUBJECTS);
    assert_int_equal(images.count, SUBJECTS);
    for (int i = 0; i < SUBJECTS; i++) {
        char body[32];
        snprintf(body, sizeof body, "%d of round %d", i, ROUNDS - 1);
        struct bytes bytes = stored_image_bytes(&images, &images.items[i]);
        assert_int_equal(bytes.length, strlen(body));
        assert_memory_equal(bytes.data, body, bytes.length);
    }
    store_images_close(&images);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_latest_images_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
