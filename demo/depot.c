#include "demo/depot.h"

const struct customer depot_customers[CUSTOMER_COUNT] = {
    {.name = "acme-fleet", .plan = "fleet", .credit = "100", .chargers = 5},
    {.name = "city-taxi", .plan = "fleet", .credit = "60", .chargers = 4},
    {.name = "north-post", .plan = "fleet", .credit = "60", .chargers = 3},
    {.name = "carla", .plan = "prepaid", .credit = "50", .chargers = 2},
    /* Prepaid too little: runs dry. */
    {.name = "ada", .plan = "prepaid", .credit = "8", .chargers = 2},
    /* Charges more than a day's worth. */
    {.name = "bob", .plan = "commuter", .credit = "40", .chargers = 2},
    /* Stays longer than the pass is good for. */
    {.name = "visitor-17", .plan = "day-pass", .credit = "20", .chargers = 1, .entitled_percent = 60},
    /* Spends more than it has, as its plan allows. */
    {.name = "depot-van", .plan = "fleet", .credit = "3", .chargers = 1},
};

const char depot_house[] = "house";
const char depot_plug[] = "plug-1";
