#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/alerts.h"

static void drain(struct alerts *alerts)
{
    enum alert_name name;
    struct alert alert;
    while (alerts_take_unpublished(alerts, &name, &alert) == STATUS_OK) {
    }
}

static void everything_is_published_as_clear_at_the_start(void **context)
{
    (void)context;
    struct alerts alerts;
    alerts_init(&alerts);
    enum alert_name name;
    struct alert alert;
    for (int i = 0; i < ALERTS; i++) {
        assert_int_equal(alerts_take_unpublished(&alerts, &name, &alert), STATUS_OK);
        assert_false(alert.active);
    }
    assert_int_equal(alerts_take_unpublished(&alerts, &name, &alert), STATUS_EMPTY);
    alerts_close(&alerts);
}

static void raising_twice_keeps_the_first_time_and_publishes_once(void **context)
{
    (void)context;
    struct alerts alerts;
    alerts_init(&alerts);
    drain(&alerts);
    alerts_raise(&alerts, ALERT_STORE_FULL, 10, "first");
    alerts_raise(&alerts, ALERT_STORE_FULL, 20, "second");
    enum alert_name name;
    struct alert alert;
    assert_int_equal(alerts_take_unpublished(&alerts, &name, &alert), STATUS_OK);
    assert_int_equal(name, ALERT_STORE_FULL);
    assert_true(alert.active);
    assert_int_equal(alert.since, 10);
    assert_string_equal(alert.message, "first");
    assert_int_equal(alerts_take_unpublished(&alerts, &name, &alert), STATUS_EMPTY);
    alerts_close(&alerts);
}

static void raising_anew_keeps_the_first_time_and_publishes_the_new_message(void **context)
{
    (void)context;
    struct alerts alerts;
    alerts_init(&alerts);
    drain(&alerts);
    alerts_raise_anew(&alerts, ALERT_STORE_FAILED, 10, "damaged");
    drain(&alerts);
    alerts_raise_anew(&alerts, ALERT_STORE_FAILED, 20, "cannot be written");
    enum alert_name name;
    struct alert alert;
    assert_int_equal(alerts_take_unpublished(&alerts, &name, &alert), STATUS_OK);
    assert_true(alert.active);
    assert_int_equal(alert.since, 10);
    assert_string_equal(alert.message, "cannot be written");
    alerts_close(&alerts);
}

static void a_quiet_alert_clears_and_one_raised_again_does_not(void **context)
{
    (void)context;
    struct alerts alerts;
    alerts_init(&alerts);
    drain(&alerts);
    alerts_raise(&alerts, ALERT_ID_REUSED, 1000, "reused");
    alerts_clear_if_quiet(&alerts, ALERT_ID_REUSED, 1000, 60000);
    alerts_raise(&alerts, ALERT_ID_REUSED, 1000, "reused"); /* The clock may stand still. */
    alerts_clear_if_quiet(&alerts, ALERT_ID_REUSED, 30000, 60000);
    alerts_clear_if_quiet(&alerts, ALERT_ID_REUSED, 89999, 60000);
    assert_true(alerts.items[ALERT_ID_REUSED].active);
    alerts_clear_if_quiet(&alerts, ALERT_ID_REUSED, 90000, 60000);
    assert_false(alerts.items[ALERT_ID_REUSED].active);
    assert_true(alerts.items[ALERT_ID_REUSED].unpublished);
    alerts_close(&alerts);
}

static void one_that_could_not_be_published_is_taken_again(void **context)
{
    (void)context;
    struct alerts alerts;
    alerts_init(&alerts);
    drain(&alerts);
    alerts_publish_again(&alerts, ALERT_POOL_FULL);
    enum alert_name name;
    struct alert alert;
    assert_int_equal(alerts_take_unpublished(&alerts, &name, &alert), STATUS_OK);
    assert_int_equal(name, ALERT_POOL_FULL);
    alerts_close(&alerts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_published_as_clear_at_the_start),
        cmocka_unit_test(raising_twice_keeps_the_first_time_and_publishes_once),
        cmocka_unit_test(raising_anew_keeps_the_first_time_and_publishes_the_new_message),
        cmocka_unit_test(a_quiet_alert_clears_and_one_raised_again_does_not),
        cmocka_unit_test(one_that_could_not_be_published_is_taken_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
