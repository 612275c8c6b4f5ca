#include "demo/plug.h"

#include <stdio.h>
#include <time.h>

#include "demo/depot.h"

void plug_init(struct plug *plug, int64_t now_ms)
{
    *plug = (struct plug){.total = 1234 * MICRO_UNITS_ONE / 10, .next_ms = now_ms};
}

/* As the firmware writes it: local time to the second, no zone. */
static void write_report(const struct plug *plug, char *text, size_t size)
{
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    char when[32];
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, size, "{\"Time\":\"%s\",\"ENERGY\":{\"Total\":%lld.%03lld}}", when,
             (long long)(plug->total / MICRO_UNITS_ONE), (long long)(plug->total % MICRO_UNITS_ONE / 1000));
}

void plug_turn(struct plug *plug, struct session *session, int64_t now_ms)
{
    if (now_ms < plug->next_ms) {
        return;
    }
    plug->next_ms = now_ms + PLUG_PERIOD_MS;
    if (!plug->is_off && plug->reports > 0) {
        plug->total += PLUG_RUN_KWH * MICRO_UNITS_ONE * PLUG_PERIOD_MS / session->run_ms;
    }
    char payload[128];
    char topic[64];
    write_report(plug, payload, sizeof payload);
    snprintf(topic, sizeof topic, "tele/%s/SENSOR", depot_plug);
    client_publish(session->client, topic, bytes_of_string(payload), 0);
    plug->reports++;
}

bool plug_switch(struct plug *plug, struct bytes payload)
{
    bool turns_off = bytes_equal_string(payload, "OFF");
    if (turns_off == plug->is_off || (!turns_off && !bytes_equal_string(payload, "ON"))) {
        return false;
    }
    plug->is_off = turns_off;
    return true;
}
