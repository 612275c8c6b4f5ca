#include "demo/orders.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "demo/answer.h"

enum { DEPTH_MOST = 8 };

static struct text open_order(struct order *order, const struct customer *customer, const char *governor,
                              const char *op)
{
    order->customer = customer;
    order->governor = governor;
    struct text text = text_of(order->payload, sizeof order->payload);
    json_open_object(&text);
    json_put_literal(&text, "id", order->id);
    json_put_literal(&text, "op", op);
    return text;
}

static void close_order(struct text *text)
{
    json_close_object(text);
    text_string(text);
}

static void fill_grant(struct order *order, const struct customer *customer, const struct session *session,
                       instant_ms wall)
{
    snprintf(order->id, sizeof order->id, "grant-%s", session->run);
    struct text text = open_order(order, customer, "entitlement", "grant");
    json_put_literal(&text, "plan", customer->plan);
    if (customer->entitled_percent > 0) {
        json_put_instant(&text, "expires_at", wall + session->run_ms * customer->entitled_percent / 100);
        json_put_signed(&text, "grace_ms", session->run_ms / 10);
    }
    close_order(&text);
}

static void fill_credit(struct order *order, const struct customer *customer, const struct session *session)
{
    snprintf(order->id, sizeof order->id, "credit-%s", session->run);
    struct text text = open_order(order, customer, "billing", "credit");
    json_put_literal(&text, "amount", customer->credit);
    close_order(&text);
}

void orders_init(struct orders *orders, const struct session *session, instant_ms wall)
{
    memset(orders, 0, sizeof *orders);
    for (unsigned at = 0; at < CUSTOMER_COUNT; at++) {
        fill_grant(&orders->items[2 * at], &depot_customers[at], session, wall);
        fill_credit(&orders->items[2 * at + 1], &depot_customers[at], session);
    }
}

void orders_turn(struct orders *orders, struct session *session, int64_t now_ms)
{
    for (unsigned at = 0; at < ORDER_COUNT; at++) {
        struct order *order = &orders->items[at];
        if (order->answered || now_ms < order->resend_ms) {
            continue;
        }
        char topic[CLIENT_TOPIC_MAX];
        snprintf(topic, sizeof topic, "%s/command/%s/%s", session->root, order->customer->name,
                 order->governor);
        client_publish(session->client, topic, bytes_of_string(order->payload), 1);
        order->resend_ms = now_ms + ORDER_RESEND_MS;
    }
}

static struct order *find_order(struct orders *orders, const char *place, struct bytes id)
{
    for (unsigned at = 0; at < ORDER_COUNT; at++) {
        struct order *order = &orders->items[at];
        char own_place[CLIENT_TOPIC_MAX];
        snprintf(own_place, sizeof own_place, "%s/%s", order->customer->name, order->governor);
        if (bytes_equal_string(id, order->id) && strcmp(place, own_place) == 0) {
            return order;
        }
    }
    return NULL;
}

void orders_heed(struct orders *orders, const char *place, struct bytes payload, struct arena *arena)
{
    arena_reset(arena);
    struct json_result parsed = json_parse(payload, DEPTH_MOST, arena);
    if (parsed.error != JSON_OK) {
        return;
    }
    struct order *order = find_order(orders, place, answer_text(parsed.root, "command"));
    if (order == NULL || order->answered) {
        return;
    }
    order->answered = true;
    struct bytes reason = answer_text(parsed.root, "reason");
    printf("   %-11s %-12s %-8.*s %s\n", order->customer->name, order->governor, (int)reason.length,
           (const char *)reason.data, order->payload);
}

unsigned orders_waiting(const struct orders *orders)
{
    unsigned waiting = 0;
    for (unsigned at = 0; at < ORDER_COUNT; at++) {
        waiting += !orders->items[at].answered;
    }
    return waiting;
}
