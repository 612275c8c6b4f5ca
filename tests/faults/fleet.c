#include "tests/faults/fleet.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum {
    STALL_MS = 30000,
    CONNECT_PAUSE_MS = 10,
    AMOUNT_STEP_MICRO = 250000, /* With the price of 0.25 no charge is rounded. */
    AMOUNT_STEPS = 40,
    MICRO = 1000000,
    FIRST_CREDIT = 1000000, /* Burned last. */
    TOP_UP = 2,             /* Burned before the next one comes, so that few live at a time. */
    EVENTS_PER_ORDER = 6,
    EVENTS_WHILE_SUSPENDED = 2,
};

const char fleet_policies[] = "{\"plans\": {\"free\": {"
                              "   \"quotas\": [{\"name\": \"all\", \"meter\": \"*\", \"limit\": \"9000000\", "
                              "\"window_ms\": 315360000000}],"
                              "   \"prices\": {\"kwh\": \"0.25\"}}}}";

int64_t fleet_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void fleet_fail(const struct fleet *fleet, const char *format, ...)
{
    char message[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    agent_process_print_log(fleet->settings.agent);
    fail_msg("seed %" PRIu64 ": %s", fleet->settings.seed, message);
    abort(); /* fail_msg does not return. */
}

/* xorshift64. */
uint64_t fleet_draw(struct fleet *fleet, uint64_t below)
{
    fleet->random ^= fleet->random << 13;
    fleet->random ^= fleet->random >> 7;
    fleet->random ^= fleet->random << 17;
    return fleet->random % below;
}

/* From its number alone, so that what is sent again is the same. */
int64_t fleet_amount_micro(uint64_t account, uint64_t number)
{
    uint64_t mixed = (account * 1000003 + number) * 0x9e3779b97f4a7c15ULL;
    return (int64_t)(1 + (mixed >> 32) % AMOUNT_STEPS) * AMOUNT_STEP_MICRO;
}

/* The others have boot and device_seq. */
bool fleet_has_id(uint64_t number)
{
    return number % 2 == 1;
}

struct fleet *fleet_open(const struct fleet_settings *settings)
{
    static const char *const filters[] = {"flyball/v1/decision/#",
                                          "flyball/v1/reply/#",
                                          "flyball/v1/agent/a1/status",
                                          "flyball/v1/agent/a1/metrics",
                                          "flyball/v1/agent/a1/dead-letter/#",
                                          NULL};
    assert_in_range(settings->accounts, 1, FLEET_ACCOUNTS_MAX);
    struct fleet *fleet = calloc(1, sizeof *fleet);
    assert_non_null(fleet);
    fleet->settings = *settings;
    fleet->random = settings->seed | 1;
    for (uint32_t i = 0; i < settings->accounts; i++) {
        fleet->accounts[i].first_unanswered = fleet->accounts[i].next = 1;
    }
    wire_init(&fleet->wire,
              &(struct wire_settings){
                  .port = settings->port, .is_5 = settings->is_5, .client_id = "fleet", .filters = filters});
    fleet_forgive(fleet);
    return fleet;
}

void fleet_close(struct fleet *fleet)
{
    if (fleet != NULL) {
        wire_close(&fleet->wire);
        free(fleet);
    }
}

void fleet_forgive(struct fleet *fleet)
{
    fleet->answered_ms = fleet_now_ms();
}

/* After it was sent, or could not be. */
static void put_off(struct fleet *fleet, struct request *request, bool was_sent)
{
    uint32_t patience_ms = fleet->settings.patience_ms;
    if (was_sent) {
        fleet->counts.resent += request->due_ms != 0;
        request->due_ms = fleet_now_ms() + patience_ms + (int64_t)fleet_draw(fleet, patience_ms);
    }
}

static int put_amount(char *text, size_t size, int64_t micro)
{
    return snprintf(text, size, "\"%" PRId64 ".%06" PRId64 "\"", micro / MICRO, micro % MICRO);
}

static void send_event(struct fleet *fleet, uint32_t account, uint64_t number)
{
    char topic[96];
    char payload[128];
    char amount[32];
    put_amount(amount, sizeof amount, fleet_amount_micro(account, number));
    snprintf(topic, sizeof topic, "flyball/v1/event/s%" PRIu32 "/d%" PRIu64 "/kwh", account,
             number % FLEET_DEVICES);
    if (fleet_has_id(number)) {
        snprintf(payload, sizeof payload, "{\"id\":\"e%" PRIu64 "\",\"amount\":%s}", number, amount);
    } else {
        snprintf(payload, sizeof payload, "{\"device_seq\":%" PRIu64 ",\"boot\":\"b\",\"amount\":%s}", number,
                 amount);
    }
    struct request *request = &fleet->accounts[account].events[number % FLEET_EVENTS_KEPT];
    put_off(fleet, request, wire_publish(&fleet->wire, topic, payload));
}

static void send_due_events(struct fleet *fleet, uint32_t at, int64_t now_ms)
{
    struct account *account = &fleet->accounts[at];
    for (uint64_t i = account->first_unanswered; i < account->next; i++) {
        const struct request *request = &account->events[i % FLEET_EVENTS_KEPT];
        if (!request->is_answered && request->due_ms <= now_ms) {
            send_event(fleet, at, i);
        }
    }
    while (!fleet->is_resting && account->next < account->first_unanswered + FLEET_UNDER_WAY_MAX) {
        account->events[account->next % FLEET_EVENTS_KEPT] = (struct request){0};
        send_event(fleet, at, account->next++);
    }
}

static const char *order_governor(enum order_op op)
{
    switch (op) {
    case ORDER_CREDIT:
    case ORDER_REFUND: return "billing";
    case ORDER_SUSPEND:
    case ORDER_RESUME: return "entitlement";
    case ORDER_QUOTA_REFUND: return "quota";
    case ORDER_OPS: break;
    }
    abort();
}

static void put_order(const struct order *order, char *payload, size_t size)
{
    char amount[32];
    put_amount(amount, sizeof amount, order->amount_micro);
    int length = snprintf(payload, size, "{\"id\":\"c%" PRIu64 "\",\"op\":", order->number);
    char *rest = payload + length;
    size_t left = size - (size_t)length;
    switch (order->op) {
    case ORDER_CREDIT:
        snprintf(rest, left, "\"credit\",\"amount\":%s,\"priority\":%d}", amount, order->number == 0 ? 9 : 0);
        return;
    case ORDER_REFUND:
        snprintf(rest, left, "\"refund\",\"event\":\"e%" PRIu64 "\",\"device\":\"d%" PRIu64 "\"}",
                 order->event_number, order->event_number % FLEET_DEVICES);
        return;
    case ORDER_SUSPEND: snprintf(rest, left, "\"suspend\"}"); return;
    case ORDER_RESUME: snprintf(rest, left, "\"resume\"}"); return;
    case ORDER_QUOTA_REFUND: snprintf(rest, left, "\"refund\",\"amount\":%s}", amount); return;
    case ORDER_OPS: break;
    }
    abort();
}

static void send_order(struct fleet *fleet, uint32_t at, struct order *order)
{
    char topic[96];
    char payload[192];
    snprintf(topic, sizeof topic, "flyball/v1/command/s%" PRIu32 "/%s", at, order_governor(order->op));
    put_order(order, payload, sizeof payload);
    put_off(fleet, &order->request, wire_publish(&fleet->wire, topic, payload));
}

/* The orders of an account take turns; each but the first waits for some events. */
static void make_order(struct account *account)
{
    uint64_t number = account->order_count++;
    struct order *order = &account->orders[number % FLEET_ORDERS_KEPT];
    *order = (struct order){.number = number,
                            .op = number == 0 ? ORDER_CREDIT : (enum order_op)(number % ORDER_OPS)};
    if (order->op == ORDER_REFUND && account->refundable == 0) {
        order->op = ORDER_QUOTA_REFUND;
    }
    order->amount_micro = number == 0 ? (int64_t)FIRST_CREDIT * MICRO : (int64_t)TOP_UP * MICRO;
    if (order->op == ORDER_REFUND) {
        order->event_number = account->refundable;
        order->amount_micro = account->refundable_micro;
        account->refundable = 0;
    } else if (order->op == ORDER_QUOTA_REFUND) {
        order->amount_micro = AMOUNT_STEP_MICRO;
    }
    account->answered = 0;
}

static const struct order *last_order(const struct account *account)
{
    return &account->orders[(account->order_count - 1) % FLEET_ORDERS_KEPT];
}

/* One at a time: an operator waits for the reply. */
static void send_due_order(struct fleet *fleet, uint32_t at, int64_t now_ms)
{
    struct account *account = &fleet->accounts[at];
    if (account->order_count == 0) {
        make_order(account);
    }
    struct order *order = &account->orders[(account->order_count - 1) % FLEET_ORDERS_KEPT];
    uint64_t pace = order->op == ORDER_SUSPEND ? EVENTS_WHILE_SUSPENDED : EVENTS_PER_ORDER;
    if (order->request.is_answered && !fleet->is_resting && account->answered >= pace) {
        make_order(account);
        order = &account->orders[(account->order_count - 1) % FLEET_ORDERS_KEPT];
    }
    if (!order->request.is_answered && order->request.due_ms <= now_ms) {
        send_order(fleet, at, order);
    }
}

static void send_due(struct fleet *fleet)
{
    int64_t now_ms = fleet_now_ms();
    for (uint32_t i = 0; i < fleet->settings.accounts; i++) {
        struct account *account = &fleet->accounts[i];
        send_due_order(fleet, i, now_ms);
        if (account->order_count > 1 || last_order(account)->request.is_answered) {
            send_due_events(fleet, i, now_ms);
        }
    }
}

static void connect_if_due(struct fleet *fleet)
{
    int64_t now_ms = fleet_now_ms();
    if (fleet->wire.file >= 0 || now_ms - fleet->tried_ms < CONNECT_PAUSE_MS) {
        return;
    }
    fleet->tried_ms = now_ms;
    fleet->is_ready = false;
    fleet->counts.connections += wire_connect(&fleet->wire);
}

void fleet_turn(struct fleet *fleet, int wait_ms)
{
    struct wire_message message;
    connect_if_due(fleet);
    send_due(fleet);
    if (!wire_pump(&fleet->wire, wait_ms)) {
        nanosleep(&(struct timespec){.tv_nsec = (long)wait_ms * 1000000}, NULL);
    }
    while (wire_take(&fleet->wire, &message)) {
        fleet_take_message(fleet, &message);
    }
    if (fleet_now_ms() - fleet->answered_ms > STALL_MS) {
        fleet_fail(fleet, "nothing new was answered for %d s; %" PRIu64 " events are", STALL_MS / 1000,
                   fleet->counts.events);
    }
}

void fleet_run(struct fleet *fleet, int64_t duration_ms)
{
    int64_t end_ms = fleet_now_ms() + duration_ms;
    for (int64_t left_ms = duration_ms; left_ms > 0; left_ms = end_ms - fleet_now_ms()) {
        fleet_turn(fleet, left_ms < 2 ? (int)left_ms : 2);
    }
}

static bool is_waiting(const struct fleet *fleet)
{
    for (uint32_t i = 0; i < fleet->settings.accounts; i++) {
        const struct account *account = &fleet->accounts[i];
        if (account->first_unanswered < account->next || account->order_count == 0 ||
            !last_order(account)->request.is_answered) {
            return true;
        }
    }
    return false;
}

void fleet_rest(struct fleet *fleet)
{
    fleet->is_resting = true;
    fleet_forgive(fleet);
    while (is_waiting(fleet)) {
        fleet_turn(fleet, 2);
    }
    if (!seq_set_is_whole(&fleet->seqs)) {
        fleet_fail(fleet, "all is answered, but no answer has seq %" PRIu64, fleet->seqs.base + 1);
    }
}

void fleet_wake(struct fleet *fleet)
{
    fleet->is_resting = false;
    fleet_forgive(fleet);
}

void fleet_await_drained(struct fleet *fleet, int64_t timeout_ms)
{
    int64_t end_ms = fleet_now_ms() + timeout_ms;
    fleet->outbox = -1;
    fleet_forgive(fleet);
    while (!fleet->is_ready || fleet->outbox != 0) {
        fleet_turn(fleet, 5);
        if (fleet_now_ms() > end_ms) {
            fleet_fail(fleet, "after %" PRId64 " ms the agent is %sready and its outbox is %g", timeout_ms,
                       fleet->is_ready ? "" : "not ", fleet->outbox);
        }
    }
}
