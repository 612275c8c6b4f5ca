#include "mqtt/paho_state.h"

/* A poison message ends every connection over which it is sent (3.1.1 gives a broker no other way to refuse
 * one), or is never acknowledged; whatever waits behind it waits for ever. A network that fails often looks
 * alike, so the sentence is late: any acknowledgement at all begins the count anew. */

enum {
    ENDS_OF_SUSPICION = 3, /* Connections in a row that ended without one: from now on one at a time. */
    ENDS_OF_GUILT = 8,     /* And the one that was still alone and unanswered then is given up. */
};

bool paho_poison_is_suspected(const struct paho_client *client)
{
    return client->barren_ends >= ENDS_OF_SUSPICION;
}

static struct paho_flight *only_flight(struct paho_client *client)
{
    struct paho_flight *flight = client->flights;
    while (flight->since_ms == 0) {
        flight++;
    }
    return flight;
}

void paho_poison_judge(struct paho_client *client)
{
    pthread_mutex_lock(&client->mutex);
    client->barren_ends += client->in_flight > 0;
    bool begins_suspicion = client->barren_ends == ENDS_OF_SUSPICION;
    bool is_guilty = client->barren_ends >= ENDS_OF_GUILT && client->in_flight == 1;
    if (is_guilty) {
        only_flight(client)->is_poison = true;
        client->barren_ends = ENDS_OF_SUSPICION; /* The next may be like it. */
    }
    pthread_mutex_unlock(&client->mutex);
    if (begins_suspicion || is_guilty) {
        paho_link_renew(client); /* Or Paho would send them all again at once. */
    }
}
