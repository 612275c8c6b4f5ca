/* The cast of the demo: who charges at the depot, on which terms, and what becomes of them. */
#ifndef FLYBALL_DEMO_DEPOT_H
#define FLYBALL_DEMO_DEPOT_H

#include <stdint.h>

enum {
    CUSTOMER_COUNT = 8,
    CHARGER_COUNT = 20,
    CHARGER_PERIOD_MS = 2000, /* Between two events of one charger. */
    CHARGER_RUN_KWH = 24,     /* About what one charger asks for in a whole run, however long. */
};

struct customer {
    const char *name;
    const char *plan;
    const char *credit; /* Bought before the run. */
    unsigned chargers;
    int64_t entitled_percent; /* Of the run's time; 0: for ever. */
};

/* Their chargers add up to CHARGER_COUNT. */
extern const struct customer depot_customers[CUSTOMER_COUNT];

/* The household beside the depot, and its smart plug, which knows nothing of Flyball. */
extern const char depot_house[];
extern const char depot_plug[];

#endif
