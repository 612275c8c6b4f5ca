#include "tests/agent/state/damage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int damage_set_up(void **context)
{
    struct fixture *fixture = malloc(sizeof *fixture);
    fixture_start(fixture);
    fixture->settings.durability = DURABILITY_FSYNC;
    fixture->settings.recent_bytes = 0;
    fixture_open(fixture);
    *context = fixture;
    return 0;
}

int damage_tear_down(void **context)
{
    struct fixture *fixture = *context;
    fixture_end(fixture);
    free(fixture);
    return 0;
}

void bring(struct fixture *fixture, const char *subject, int version)
{
    char body[32];
    snprintf(body, sizeof body, "%s %d", subject, version);
    fixture_put(fixture, decision_of(subject, body), SEQ_TAKEN);
    fixture_put(fixture, image_of(subject, body, INSTANT_NEVER), SEQ_NONE);
    fixture_commit(fixture);
}

static void flip(struct fixture *fixture, uint64_t frame, uint64_t into)
{
    struct segment_path path = fixture_segment(fixture, (uint32_t)((frame - 1) / 16 + 1));
    uint64_t offset = (frame - 1) % 16 * FRAME_BLOCK_BYTES + into;
    uint8_t byte;
    read_file(path.text, offset, &byte, 1);
    byte ^= 0x10;
    overwrite_file(path.text, offset, &byte, 1);
}

void damage_frame(struct fixture *fixture, uint64_t frame)
{
    flip(fixture, frame, FRAME_HEADER_BYTES + 20);
}

void damage_header(struct fixture *fixture, uint64_t frame)
{
    flip(fixture, frame, 9);
}

void assert_image(struct fixture *fixture, const char *subject, const char *body, bool is_setback)
{
    struct name name = name_of(subject);
    struct record image;
    assert_int_equal(state_log_find(&fixture->reader, &name, &image), STATUS_OK);
    assert_int_equal(image.body.length, strlen(body));
    assert_memory_equal(image.body.data, body, strlen(body));
    assert_int_equal(image.is_setback, is_setback);
}

struct state_log_losses losses_of(struct fixture *fixture)
{
    struct state_log_losses losses;
    state_log_losses(&fixture->log, &losses);
    return losses;
}
