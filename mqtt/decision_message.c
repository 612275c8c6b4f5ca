#include "mqtt/decision_message.h"

#include "mqtt/state_message.h"

static void put_key_of_event(struct text *text, const struct event *event)
{
    json_key(text, "event");
    if (!name_is_empty(&event->id)) {
        json_string(text, name_bytes(&event->id));
        return;
    }
    json_null(text);
    if (event->has_device_seq) {
        json_put_unsigned(text, "device_seq", event->device_seq);
        json_put_name(text, "boot", &event->boot);
    }
}

static void put_governors(struct text *text, const struct chain_answer *answer)
{
    json_key(text, "governors");
    json_open_object(text);
    for (uint8_t i = 0; i < answer->report_count; i++) {
        json_key(text, governor_name(answer->reports[i].kind));
        state_put_report(text, &answer->reports[i]);
    }
    json_close_object(text);
}

void decision_message_put(struct text *text, const struct decision *decision, struct decision_echo echo)
{
    const struct event *event = &decision->event;
    json_open_object(text);
    put_key_of_event(text, event);
    json_put_literal(text, "decision", verdict_name(decision->answer.verdict));
    json_put_literal(text, "reason", reason_name(decision->answer.reason));
    json_put_name(text, "subject", &event->subject);
    json_put_name(text, "device", &event->device);
    json_put_name(text, "meter", &event->meter);
    json_put_amount(text, "amount", event->amount);
    json_put_unsigned(text, "seq", decision->seq);
    json_put_instant(text, "time", decision->time);
    json_put_bool(text, "duplicate", echo.duplicate);
    json_put_literal(text, "dedup", dedup_kind_name(decision->dedup));
    json_put_unsigned(text, "config_version", decision->config_version);
    json_put_signed(text, "retry_after_ms", decision->answer.retry_after_ms);
    json_put_literal(text, "clock", clock_quality_name(decision->clock));
    put_governors(text, &decision->answer);
    if (echo.cid.length > 0) {
        json_key(text, "cid");
        json_raw(text, echo.cid);
    }
    json_close_object(text);
}
