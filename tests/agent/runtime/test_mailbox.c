#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/runtime/mailbox.h"

enum { SLOTS = 16, WAITING_MAX = 3 };

struct fixture {
    struct mailbox mailbox;
    struct index_link links[SLOTS];
};

static int setup(void **context)
{
    static struct fixture fixture;
    mailbox_init(&fixture.mailbox);
    *context = &fixture;
    return 0;
}

static enum status post(struct fixture *fixture, slot_index slot, uint8_t qos)
{
    return mailbox_post(&fixture->mailbox, fixture->links, slot, qos, WAITING_MAX);
}

static void events_are_taken_in_order(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(post(fixture, 9, 0), STATUS_OK);
    assert_int_equal(post(fixture, 2, 1), STATUS_OK);
    slot_index slot = 0;
    assert_int_equal(mailbox_take(&fixture->mailbox, fixture->links, &slot), STATUS_OK);
    assert_int_equal(slot, 9);
    assert_int_equal(mailbox_take(&fixture->mailbox, fixture->links, &slot), STATUS_OK);
    assert_int_equal(slot, 2);
    assert_int_equal(mailbox_take(&fixture->mailbox, fixture->links, &slot), STATUS_EMPTY);
}

static void full_mailbox_refuses_qos_0_only(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(post(fixture, 0, 0), STATUS_OK);
    assert_int_equal(post(fixture, 1, 1), STATUS_OK);
    assert_int_equal(post(fixture, 2, 0), STATUS_OK);
    assert_int_equal(post(fixture, 3, 0), STATUS_FULL);
    assert_int_equal(post(fixture, 4, 1), STATUS_OK);
    assert_int_equal(post(fixture, 5, 2), STATUS_OK);
    assert_int_equal(post(fixture, 6, 0), STATUS_FULL);
    assert_int_equal(mailbox_waiting(&fixture->mailbox), 5);
}

static void taking_makes_room_for_qos_0(void **context)
{
    struct fixture *fixture = *context;
    for (slot_index slot = 0; slot < WAITING_MAX; slot++) {
        assert_int_equal(post(fixture, slot, 0), STATUS_OK);
    }
    slot_index slot = 0;
    assert_int_equal(mailbox_take(&fixture->mailbox, fixture->links, &slot), STATUS_OK);
    assert_int_equal(post(fixture, 8, 0), STATUS_OK);
    assert_int_equal(post(fixture, 9, 0), STATUS_FULL);
}

static void waiting_event_is_taken_out_of_the_middle(void **context)
{
    struct fixture *fixture = *context;
    for (slot_index slot = 0; slot < WAITING_MAX; slot++) {
        assert_int_equal(post(fixture, slot, 0), STATUS_OK);
    }
    mailbox_remove(&fixture->mailbox, fixture->links, 1);
    slot_index slot = 0;
    assert_int_equal(mailbox_take(&fixture->mailbox, fixture->links, &slot), STATUS_OK);
    assert_int_equal(slot, 0);
    assert_int_equal(mailbox_take(&fixture->mailbox, fixture->links, &slot), STATUS_OK);
    assert_int_equal(slot, 2);
    assert_int_equal(mailbox_waiting(&fixture->mailbox), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(events_are_taken_in_order, setup),
        cmocka_unit_test_setup(full_mailbox_refuses_qos_0_only, setup),
        cmocka_unit_test_setup(taking_makes_room_for_qos_0, setup),
        cmocka_unit_test_setup(waiting_event_is_taken_out_of_the_middle, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
