/* The book: what the answers say, and that they never say anything else. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/faults/fleet.h"

enum { PRICE_DIVISOR = 4 };

/* FNV-1a over the payload without the value of `duplicate`. */
static uint64_t hash_of(const char *payload)
{
    static const char flag[] = "\"duplicate\":";
    const char *duplicate = strstr(payload, flag);
    const char *skipped = duplicate != NULL ? duplicate + strlen(flag) : payload + strlen(payload);
    const char *resumed = skipped + strcspn(skipped, ",");
    uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char *at = payload; *at != '\0'; at = at + 1 == skipped ? resumed : at + 1) {
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3ULL;
    }
    return hash;
}

/* One answer while it is looked at. */
struct answer {
    struct fleet *fleet;
    const char *payload;
    const cJSON *json;
    struct account *account;
    uint32_t account_at;
};

__attribute__((noreturn)) static void reject(const struct answer *answer, const char *why)
{
    fleet_fail(answer->fleet, "%s: %s", why, answer->payload);
}

static bool says(const struct answer *answer, const char *path, const char *text)
{
    char got[EXPECT_TEXT_MAX];
    return strcmp(json_text(answer->json, path, got), text) == 0;
}

static void take_seq(const struct answer *answer, uint64_t seq)
{
    switch (seq_set_take(&answer->fleet->seqs, seq)) {
    case SEQ_SET_NEW: return;
    case SEQ_SET_TAKEN: reject(answer, "a seq that another event or command has");
    case SEQ_SET_BEYOND: reject(answer, "a seq far beyond the first one missing");
    }
    abort();
}

/* Whether it is the first; one that comes again has to say the same. */
static bool is_first(const struct answer *answer, struct request *request)
{
    uint64_t hash = hash_of(answer->payload);
    uint64_t seq = (uint64_t)json_number(answer->json, "seq");
    answer->fleet->counts.answers++;
    if (request->is_answered) {
        answer->fleet->counts.duplicates++;
        if (request->seq != seq || request->hash != hash) {
            fleet_fail(answer->fleet, "answered with seq %" PRIu64 " first, and now otherwise: %s",
                       request->seq, answer->payload);
        }
        return false;
    }
    *request = (struct request){.due_ms = request->due_ms, .hash = hash, .seq = seq, .is_answered = true};
    answer->fleet->answered_ms = fleet_now_ms();
    return true;
}

/* Counts an answer that cannot be compared any more. */
static void count_unkept(const struct answer *answer)
{
    answer->fleet->counts.answers++;
    answer->fleet->counts.duplicates++;
    answer->fleet->counts.unkept++;
}

static void book_decision(const struct answer *answer, uint64_t number)
{
    struct account *account = answer->account;
    int64_t amount = fleet_amount_micro(answer->account_at, number);
    int64_t charged = json_micro(answer->json, "governors/billing/charged");
    if (json_micro(answer->json, "amount") != amount) {
        reject(answer, "not the amount that was asked for");
    }
    if (says(answer, "decision", "allow") && says(answer, "reason", "ok")) {
        if (charged != amount / PRICE_DIVISOR) {
            reject(answer, "not the price");
        }
        account->used_micro += amount;
        account->charged_micro += charged;
        if (fleet_has_id(number)) {
            account->refundable = number;
            account->refundable_micro = charged;
        }
        return;
    }
    if (!says(answer, "decision", "deny") || !says(answer, "reason", "suspended") || charged != 0) {
        reject(answer, "neither allowed nor suspended");
    }
    answer->fleet->counts.denied++;
}

static uint64_t number_of_event(const struct answer *answer)
{
    uint64_t number = 0;
    const cJSON *event = json_at(answer->json, "event");
    if (!cJSON_IsString(event)) {
        number = (uint64_t)json_number(answer->json, "device_seq");
    } else if (sscanf(event->valuestring, "e%" SCNu64, &number) != 1) {
        reject(answer, "to an event nobody sent");
    }
    if (number == 0 || number >= answer->account->next || fleet_has_id(number) != cJSON_IsString(event)) {
        reject(answer, "to an event nobody sent");
    }
    return number;
}

static void take_decision(const struct answer *answer)
{
    struct account *account = answer->account;
    uint64_t number = number_of_event(answer);
    if (number + FLEET_EVENTS_KEPT < account->next) {
        count_unkept(answer);
        return;
    }
    struct request *request = &account->events[number % FLEET_EVENTS_KEPT];
    if (!is_first(answer, request)) {
        return;
    }
    take_seq(answer, request->seq);
    book_decision(answer, number);
    answer->fleet->counts.events++;
    account->answered++;
    while (account->first_unanswered < account->next &&
           account->events[account->first_unanswered % FLEET_EVENTS_KEPT].is_answered) {
        account->first_unanswered++;
    }
}

static void book_order(struct account *account, const struct order *order)
{
    switch (order->op) {
    case ORDER_CREDIT: account->credited_micro += order->amount_micro; return;
    case ORDER_REFUND: account->refunded_micro += order->amount_micro; return;
    case ORDER_QUOTA_REFUND: account->used_micro -= order->amount_micro; return;
    case ORDER_SUSPEND:
    case ORDER_RESUME: return;
    case ORDER_OPS: break;
    }
    abort();
}

static void take_reply(const struct answer *answer)
{
    uint64_t number;
    struct account *account = answer->account;
    if (sscanf(json_string(answer->json, "command"), "c%" SCNu64, &number) != 1 ||
        number >= account->order_count) {
        reject(answer, "to a command nobody sent");
    }
    if (number + FLEET_ORDERS_KEPT < account->order_count) {
        count_unkept(answer);
        return;
    }
    struct order *order = &account->orders[number % FLEET_ORDERS_KEPT];
    if (!is_first(answer, &order->request)) {
        return;
    }
    answer->fleet->counts.orders++;
    if (says(answer, "status", "ok")) {
        take_seq(answer, order->request.seq);
        book_order(account, order);
    } else if (order->op == ORDER_REFUND && says(answer, "reason", "unknown_event")) {
        answer->fleet->counts.unrefunded++;
    } else {
        reject(answer, "rejected");
    }
}

static bool starts_with(const struct wire_message *message, const char *start)
{
    size_t length = strlen(start);
    return message->topic_length >= length && memcmp(message->topic, start, length) == 0;
}

static void take_answer(struct answer *answer, const struct wire_message *message)
{
    char topic[128];
    char kind[16];
    snprintf(topic, sizeof topic, "%.*s", (int)message->topic_length, message->topic);
    if (sscanf(topic, "flyball/v1/%15[a-z]/s%" SCNu32 "/", kind, &answer->account_at) != 2 ||
        answer->account_at >= answer->fleet->settings.accounts) {
        fleet_fail(answer->fleet, "nobody's answer on %s: %s", topic, answer->payload);
    }
    answer->account = &answer->fleet->accounts[answer->account_at];
    if (strcmp(kind, "decision") == 0) {
        take_decision(answer);
    } else {
        take_reply(answer);
    }
}

static void take_from_agent(struct answer *answer, const struct wire_message *message)
{
    if (starts_with(message, "flyball/v1/agent/a1/status")) {
        answer->fleet->is_ready = says(answer, "state", "ready");
    } else if (starts_with(message, "flyball/v1/agent/a1/metrics")) {
        answer->fleet->outbox =
            message->is_retained ? answer->fleet->outbox : json_number(answer->json, "mqtt/outbox");
        if (json_number(answer->json, "ledger/imbalance") != 0) {
            reject(answer, "imbalance");
        }
    } else {
        reject(answer, "a dead letter");
    }
}

void fleet_take_message(struct fleet *fleet, const struct wire_message *message)
{
    char payload[WIRE_PACKET_MAX];
    struct answer answer = {.fleet = fleet, .payload = payload};
    assert_in_range(message->length, 1, sizeof payload - 1);
    memcpy(payload, message->payload, message->length);
    payload[message->length] = '\0';
    cJSON *json = cJSON_Parse(payload);
    if (json == NULL) {
        fleet_fail(fleet, "not JSON: %s", payload);
    }
    answer.json = json;
    if (starts_with(message, "flyball/v1/agent/")) {
        take_from_agent(&answer, message);
    } else {
        take_answer(&answer, message);
    }
    cJSON_Delete(json);
}
