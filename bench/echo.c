/* What an answer costs that decides nothing and keeps nothing: answers each event on its decision topic with
 * a text of a decision's length. `echo URL` runs until it is killed. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/client.h"

/* As the agent's, but always the same. */
static const char answer_format[] =
    "{\"event\":\"%.*s\",\"decision\":\"allow\",\"reason\":\"ok\",\"subject\":\"subject-0\",\"device\":"
    "\"meter\","
    "\"meter\":\"kwh\",\"amount\":\"1\",\"seq\":1000,\"time\":\"2026-11-21T10:26:08.308Z\",\"duplicate\":"
    "false,"
    "\"dedup\":\"id\",\"config_version\":0,\"retry_after_ms\":0,\"clock\":\"synced\",\"governors\":{"
    "\"entitlement\":{\"verdict\":\"allow\",\"state\":\"active\",\"plan\":\"free\"},"
    "\"quota\":{\"verdict\":\"allow\",\"state\":\"normal\",\"name\":\"daily\",\"limit\":\"1000000\","
    "\"used\":\"1000\",\"remaining\":\"999000\",\"resets_at\":\"2026-11-22T00:00:00.000Z\"},"
    "\"billing\":{\"verdict\":\"warn\",\"state\":\"overdraft\",\"charged\":\"0.01\",\"balance\":\"-10.01\"}}"
    "}";

static void answer(void *context, const struct client_message *event)
{
    char topic[CLIENT_TOPIC_MAX];
    char payload[CLIENT_PAYLOAD_MAX];
    const char *subject = strstr(event->topic, "/event/") + strlen("/event/");
    const char *meter = strrchr(event->topic, '/');
    const char *id = strstr(event->payload, "\"id\":\"") + strlen("\"id\":\"");
    int length = snprintf(payload, sizeof payload, answer_format, (int)strcspn(id, "\""), id);
    snprintf(topic, sizeof topic, "flyball/v1/decision/%.*s", (int)(meter - subject), subject);
    client_publish(context, topic, payload, (size_t)length);
}

int main(int argc, char **argv)
{
    struct client client = {.arrived = answer, .context = &client};
    if (argc != 2) {
        fputs("usage: echo URL\n", stderr);
        return 2;
    }
    client_open(&client, argv[1]);
    client_subscribe(&client, "flyball/v1/event/#");
    for (;;) {
        pause();
    }
}
