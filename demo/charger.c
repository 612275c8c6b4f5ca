#include "demo/charger.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/text.h"

void charger_init(struct charger *charger, unsigned number, const struct customer *customer, int64_t now_ms)
{
    *charger = (struct charger){.customer = customer,
                                .next_ms = now_ms + (int64_t)number * CHARGER_PERIOD_MS / CHARGER_COUNT};
    snprintf(charger->name, sizeof charger->name, "charger-%02u", number + 1);
}

/* From 0 to 999: xorshift64 (Marsaglia, 2003), the same in every run. */
static int64_t next_random(struct session *session)
{
    session->random ^= session->random << 13;
    session->random ^= session->random >> 7;
    session->random ^= session->random << 17;
    return (int64_t)(session->random % 1000);
}

/* Between half and one and a half of what adds up to CHARGER_RUN_KWH over the run. */
static micro_units next_amount(const struct charger *charger, struct session *session)
{
    int64_t period_ms = session->run_ms < CHARGER_PERIOD_MS ? session->run_ms : CHARGER_PERIOD_MS;
    int64_t average = CHARGER_RUN_KWH * MICRO_UNITS_ONE * period_ms / session->run_ms;
    int64_t watt_hours = average * (500 + next_random(session)) / 1000 / 1000;
    return watt_hours * 1000 / (charger->throttled ? 2 : 1);
}

static instant_ms wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void fill_event(struct charger_event *event, struct charger *charger, struct session *session)
{
    bool unlocks = charger->created == 0;
    snprintf(event->id, sizeof event->id, "%s-%" PRIu64, session->run, charger->created++);
    event->meter = unlocks ? "unlock" : "kwh";
    struct text text = text_of(event->payload, sizeof event->payload);
    json_open_object(&text);
    json_put_literal(&text, "id", event->id);
    json_put_amount(&text, "amount", unlocks ? MICRO_UNITS_ONE : next_amount(charger, session));
    json_put_instant(&text, "time", wall_clock());
    json_close_object(&text);
    text_string(&text);
}

static void send_event(struct charger_event *event, const struct charger *charger, struct session *session,
                       int64_t now_ms)
{
    char topic[CLIENT_TOPIC_MAX];
    snprintf(topic, sizeof topic, "%s/event/%s/%s/%s", session->root, charger->customer->name, charger->name,
             event->meter);
    client_publish(session->client, topic, bytes_of_string(event->payload), 1);
    event->resend_ms = now_ms + CHARGER_RESEND_MS;
}

static struct charger_event *free_place(struct charger *charger)
{
    for (unsigned at = 0; at < CHARGER_EVENTS_MAX; at++) {
        if (charger->events[at].id[0] == '\0') {
            return &charger->events[at];
        }
    }
    return NULL;
}

static void send_again(struct charger *charger, struct session *session, int64_t now_ms)
{
    for (unsigned at = 0; at < CHARGER_EVENTS_MAX; at++) {
        struct charger_event *event = &charger->events[at];
        if (event->id[0] != '\0' && now_ms >= event->resend_ms) {
            send_event(event, charger, session, now_ms);
            charger->resent++;
        }
    }
}

void charger_turn(struct charger *charger, struct session *session, int64_t now_ms, bool may_create)
{
    send_again(charger, session, now_ms);
    struct charger_event *event = free_place(charger);
    if (!may_create || now_ms < charger->next_ms || event == NULL) {
        return;
    }
    fill_event(event, charger, session);
    event->first_sent_ms = now_ms;
    send_event(event, charger, session, now_ms);
    charger->next_ms = now_ms + CHARGER_PERIOD_MS;
}

static struct charger_event *find_event(struct charger *charger, struct bytes id)
{
    for (unsigned at = 0; at < CHARGER_EVENTS_MAX; at++) {
        if (id.length > 0 && bytes_equal_string(id, charger->events[at].id)) {
            return &charger->events[at];
        }
    }
    return NULL;
}

enum status charger_heed(struct charger *charger, const struct answer *answer, int64_t now_ms,
                         int64_t *waited_ms)
{
    struct charger_event *event = find_event(charger, answer->event);
    if (event == NULL) {
        return STATUS_NOT_FOUND;
    }
    *waited_ms = now_ms - event->first_sent_ms;
    event->id[0] = '\0';
    charger->throttled = charger->throttled || answer->kind == ANSWER_THROTTLE;
    /* A day's quota would say "tomorrow"; a demo asks again sooner than that. */
    if (answer->kind == ANSWER_DENY || answer->kind == ANSWER_THROTTLE) {
        charger->next_ms = now_ms + 2 * CHARGER_PERIOD_MS;
    }
    return STATUS_OK;
}

unsigned charger_waiting(const struct charger *charger)
{
    unsigned waiting = 0;
    for (unsigned at = 0; at < CHARGER_EVENTS_MAX; at++) {
        waiting += charger->events[at].id[0] != '\0';
    }
    return waiting;
}
