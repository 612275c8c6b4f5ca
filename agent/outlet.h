/* Where publications leave: the MQTT client in production, a recorder in tests and simulations. */
#ifndef FLYBALL_AGENT_OUTLET_H
#define FLYBALL_AGENT_OUTLET_H

#include "mqtt/paho_client.h"

/* `publish` answers as paho_client_publish does; the publication is borrowed for the call. */
struct outlet {
    enum status (*publish)(void *self, const struct paho_publication *publication);
    void *self;
};

#endif
