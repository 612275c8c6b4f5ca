#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/state/damage.h"

static struct damage lost(uint64_t first, uint64_t last)
{
    return (struct damage){.first_frame = first, .last_frame = last, .segment = 2, .offset = 8192};
}

static void neighbours_become_one(void **context)
{
    (void)context;
    struct damages damages = {0};
    assert_true(damages_add(&damages, lost(7, 7)));
    assert_true(damages_add(&damages, lost(8, 9)));
    assert_int_equal(damages.count, 1);
    assert_int_equal(damages.list[0].last_frame, 9);
    assert_int_equal(damages.frames, 3);
}

static void what_is_known_is_not_added_again(void **context)
{
    (void)context;
    struct damages damages = {0};
    assert_true(damages_add(&damages, lost(7, 9)));
    assert_false(damages_add(&damages, lost(8, 8)));
    assert_int_equal(damages.count, 1);
    assert_int_equal(damages.frames, 3);
}

static void they_are_kept_in_order_and_found(void **context)
{
    (void)context;
    struct damages damages = {0};
    assert_true(damages_add(&damages, lost(20, 21)));
    assert_true(damages_add(&damages, lost(3, 3)));
    assert_true(damages_add(&damages, lost(10, 12)));
    assert_int_equal(damages.list[0].first_frame, 3);
    assert_int_equal(damages.list[1].first_frame, 10);
    assert_int_equal(damages.list[2].first_frame, 20);
    assert_true(damages_have(&damages, 11));
    assert_false(damages_have(&damages, 13));
    damages_forget(&damages, 12);
    assert_int_equal(damages.count, 2);
    damages_forget(&damages, 13);
    assert_int_equal(damages.count, 1);
    assert_true(damages_have(&damages, 20));
}

static void more_than_the_list_holds_are_counted(void **context)
{
    (void)context;
    struct damages damages = {0};
    for (uint64_t frame = 1; frame <= 2 * (DAMAGES_MAX + 10); frame += 2) {
        assert_true(damages_add(&damages, lost(frame, frame)));
    }
    assert_int_equal(damages.count, DAMAGES_MAX);
    assert_int_equal(damages.frames, DAMAGES_MAX + 10);
}

static void it_is_described_with_its_place(void **context)
{
    (void)context;
    char text[DAMAGE_TEXT_MAX];
    struct damage one = lost(7, 7);
    struct damage several = lost(7, 9);
    damage_describe(&one, text);
    assert_string_equal(text, "segment-0000000002.log at offset 8192: frame 7 is damaged or missing");
    damage_describe(&several, text);
    assert_string_equal(text, "segment-0000000002.log at offset 8192: frames 7 to 9 are damaged or missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_become_one),
        cmocka_unit_test(what_is_known_is_not_added_again),
        cmocka_unit_test(they_are_kept_in_order_and_found),
        cmocka_unit_test(more_than_the_list_holds_are_counted),
        cmocka_unit_test(it_is_described_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
