#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "agent/runtime/subject_state.h"

struct fixture {
    struct subject_state state;
    struct subject_state found;
    uint8_t bytes[SUBJECT_IMAGE_BYTES_MAX];
};

static int setup(void **context)
{
    static struct fixture fixture;
    struct name name = name_of("acme");
    subject_state_init(&fixture.state, &name, 64);
    memset(&fixture.found, 0xA5, sizeof fixture.found);
    *context = &fixture;
    return 0;
}

static struct bytes pack(struct fixture *fixture)
{
    struct packer packer = packer_of(fixture->bytes, sizeof fixture->bytes);
    subject_state_pack(&packer, &fixture->state);
    assert_false(packer.overflowed);
    return packer_bytes(&packer);
}

static void assert_windows_equal(struct dedup_window *left, struct dedup_window *right)
{
    assert_int_equal(left->count, right->count);
    for (uint32_t i = 0; i < left->count; i++) {
        assert_int_equal(dedup_window_at(left, i)->hash, dedup_window_at(right, i)->hash);
        assert_int_equal(dedup_window_at(left, i)->record_ref, dedup_window_at(right, i)->record_ref);
        assert_int_equal(dedup_window_at(left, i)->flags, dedup_window_at(right, i)->flags);
    }
}

static void fill(struct subject_state *state)
{
    state->known = true;
    state->seq = 981;
    state->time = 1795590000000;
    state->governors.entitlement = entitlement_bootstrap(name_of("gold"));
    state->governors.billing.credits = 5000000;
    state->governors.billing.charges = 6000000;
    state->governors.billing.debt = 1000000;
    counter_table_set(&state->counters, 1, 55);
    for (uint64_t i = 0; i < 70; i++) {
        dedup_window_add(&state->events, i, i << 16);
        dedup_window_add(&state->commands, i * 3, i << 17);
    }
    dedup_window_at(&state->events, 3)->flags = DEDUP_REFUNDED;
}

static void stranger_comes_back_as_a_stranger(void **context)
{
    struct fixture *fixture = *context;
    struct bytes image = pack(fixture);
    assert_true(image.length < 64);
    assert_int_equal(subject_state_unpack(image, 64, &fixture->found), STATUS_OK);
    assert_true(name_equal(&fixture->found.name, &fixture->state.name));
    assert_false(fixture->found.known);
    assert_memory_equal(&fixture->found.governors, &fixture->state.governors,
                        sizeof fixture->state.governors);
    assert_int_equal(fixture->found.events.count, 0);
    assert_int_equal(fixture->found.events.size, 64);
    assert_int_equal(fixture->found.commands.size, DEDUP_COMMANDS);
}

static void everything_comes_back(void **context)
{
    struct fixture *fixture = *context;
    struct subject_state *state = &fixture->state;
    struct subject_state *found = &fixture->found;
    fill(state);
    assert_int_equal(subject_state_unpack(pack(fixture), 64, found), STATUS_OK);
    assert_true(found->known);
    assert_int_equal(found->seq, 981);
    assert_int_equal(found->time, 1795590000000);
    assert_memory_equal(&found->governors, &state->governors, sizeof state->governors);
    assert_windows_equal(&found->events, &state->events);
    assert_windows_equal(&found->commands, &state->commands);
    micro_units base_line = 0;
    assert_int_equal(counter_table_find(&found->counters, 1, &base_line), STATUS_OK);
    assert_int_equal(base_line, 55);
}

static void equal_states_are_equal_bytes(void **context)
{
    struct fixture *fixture = *context;
    fill(&fixture->state);
    struct bytes image = pack(fixture);
    static uint8_t again[SUBJECT_IMAGE_BYTES_MAX];
    assert_int_equal(subject_state_unpack(image, 64, &fixture->found), STATUS_OK);
    struct packer packer = packer_of(again, sizeof again);
    subject_state_pack(&packer, &fixture->found);
    assert_true(bytes_equal(packer_bytes(&packer), image));
}

static void other_version_is_unsupported(void **context)
{
    struct fixture *fixture = *context;
    struct bytes image = pack(fixture);
    fixture->bytes[0] = SUBJECT_IMAGE_VERSION + 1;
    assert_int_equal(subject_state_unpack(image, 64, &fixture->found), STATUS_UNSUPPORTED);
}

static void image_cut_short_or_too_long_is_corrupt(void **context)
{
    struct fixture *fixture = *context;
    fill(&fixture->state);
    struct bytes image = pack(fixture);
    for (size_t length = 0; length < image.length; length++) {
        struct bytes part = bytes_of(image.data, length);
        assert_int_equal(subject_state_unpack(part, 64, &fixture->found), STATUS_CORRUPT);
    }
    struct bytes longer = bytes_of(image.data, image.length + 1);
    assert_int_equal(subject_state_unpack(longer, 64, &fixture->found), STATUS_CORRUPT);
}

static void largest_windows_fit_the_limit(void **context)
{
    struct fixture *fixture = *context;
    struct subject_state *state = &fixture->state;
    dedup_window_init(&state->events, DEDUP_WINDOW_MAX);
    for (uint64_t i = 0; i < DEDUP_WINDOW_MAX; i++) {
        uint64_t far = i % 2 == 0 ? (uint64_t)1 << 63 : 0;
        dedup_window_add(&state->events, i, far);
        dedup_window_add(&state->commands, i, far);
        dedup_window_at(&state->events, 0)->flags = 1;
        dedup_window_at(&state->commands, 0)->flags = 1;
        counter_table_set(&state->counters, i, MICRO_UNITS_MOST);
    }
    state->seq = UINT64_MAX;
    state->time = INSTANT_NEVER;
    struct bytes image = pack(fixture);
    assert_true(image.length + STATES_PACKED_MAX <= SUBJECT_IMAGE_BYTES_MAX);
    assert_int_equal(subject_state_unpack(image, DEDUP_WINDOW_MAX, &fixture->found), STATUS_OK);
    assert_windows_equal(&fixture->found.events, &state->events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(stranger_comes_back_as_a_stranger, setup),
        cmocka_unit_test_setup(everything_comes_back, setup),
        cmocka_unit_test_setup(equal_states_are_equal_bytes, setup),
        cmocka_unit_test_setup(other_version_is_unsupported, setup),
        cmocka_unit_test_setup(image_cut_short_or_too_long_is_corrupt, setup),
        cmocka_unit_test_setup(largest_windows_fit_the_limit, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
