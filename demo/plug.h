/* A smart plug with Tasmota's telegrams: it counts up, reports its total, and switches when told. */
#ifndef FLYBALL_DEMO_PLUG_H
#define FLYBALL_DEMO_PLUG_H

#include "base/bytes.h"
#include "base/micro_units.h"
#include "demo/session.h"

enum {
    PLUG_PERIOD_MS = 2000,
    PLUG_RUN_KWH = 3 /* Drawn in a whole run, however long, unless switched off. */
};

struct plug {
    micro_units total;
    int64_t next_ms;
    uint64_t reports;
    bool is_off;
};

void plug_init(struct plug *plug, int64_t now_ms);

/* Draws and reports when due. */
void plug_turn(struct plug *plug, struct session *session, int64_t now_ms);

/* ON or OFF; true when that changes something. */
bool plug_switch(struct plug *plug, struct bytes payload);

#endif
