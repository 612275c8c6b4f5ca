/* The depot's plans by day and in the evening, as configuration. */
#ifndef FLYBALL_DEMO_TARIFF_H
#define FLYBALL_DEMO_TARIFF_H

#include "base/text.h"
#include "demo/options.h"

enum tariff {
    TARIFF_DAY,
    TARIFF_EVENING, /* Dearer, and less of it a day for commuters. */
};

/* The value of the configuration's `plans`. */
void tariff_write_plans(struct text *text, enum tariff tariff);

/* The agent's whole configuration file for the demo, with the day's plans. */
void tariff_write_config(struct text *text, const struct options *options);

#endif
