/* Compaction moves a subject: what its window refers to, then its image, or it is asked to once more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"

/* One try to move the subject while the log has `room` bytes left, all told. */
static enum status relocate_with_room(struct fixture *fixture, const struct name *subject, uint64_t room)
{
    struct agent *agent = fixture->agent;
    struct decider *decider = &agent->deciders[0];
    struct run run = {.buffer = decider->run_buffer, .buffer_bytes = sizeof decider->run_buffer};
    struct segments *segments = &agent->log.segments;
    struct segment *last = segments_last(segments);
    uint64_t bytes = last->bytes;
    uint32_t spare_count = segments->spare_count;
    assert_int_equal(scheduler_poke(&agent->scheduler, subject, POKE_RELOCATE), STATUS_OK);
    assert_int_equal(scheduler_take(&agent->scheduler, 0, &run), STATUS_OK);
    segments->spare_count = 0;
    last->bytes = last->used_bytes + room;
    enum status status = decider_turn(decider, &run, (struct moment){.now = fixture->now});
    segments->spare_count = spare_count;
    last->bytes = bytes;
    return status;
}

static void assert_moved_beyond(struct fixture *fixture, const struct name *subject, uint64_t through_frame)
{
    static struct subject_state state;
    struct record image;
    assert_int_equal(state_log_find(&fixture->agent->tend_reader, subject, &image), STATUS_OK);
    assert_int_equal(subject_state_unpack(image.body, DEDUP_WINDOW_MAX, &state), STATUS_OK);
    for (uint32_t i = 0; i < state.events.count; i++) {
        assert_true(record_ref_frame(dedup_window_at(&state.events, i)->record_ref) > through_frame);
    }
}

static void subject_has_moved_only_when_its_image_has(void **context)
{
    (void)context;
    enum { EVENTS = 40, BLOCK = 4096 };
    struct fixture *fixture = fixture_new(NULL);
    struct name subject = name_of("acme");
    char payload[32];
    fixture_start(fixture);
    for (int i = 0; i < EVENTS; i++) {
        snprintf(payload, sizeof payload, "{\"id\": \"e-%d\"}", i);
        fixture_ask(fixture, payload);
        /* All but the latest answer, with which the image lies. */
        uint64_t through_frame = fixture->agent->log.committed_frame - 1;
        atomic_store(&fixture->agent->compaction.through_frame, through_frame);
        uint64_t room = BLOCK;
        while (relocate_with_room(fixture, &subject, room) == STATUS_NO_SPACE) {
            room += BLOCK;
        }
        fixture_turn(fixture);
        assert_moved_beyond(fixture, &subject, through_frame);
    }
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subject_has_moved_only_when_its_image_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
