/* Base lines of ever-growing counters: what each device's meter last read. */
#ifndef FLYBALL_RUNTIME_COUNTER_TABLE_H
#define FLYBALL_RUNTIME_COUNTER_TABLE_H

#include "base/micro_units.h"
#include "base/pack.h"

enum {
    COUNTERS_MAX = 64, /* Per subject; the least recently set makes room. */
    COUNTER_PACKED_MAX = 18,
};

struct counter {
    uint64_t key;
    micro_units base_line; /* >= 0 */
};

/* Contents beyond `count` are undefined. */
struct counter_table {
    uint8_t count;
    struct counter counters[COUNTERS_MAX]; /* Least recently set first. */
};

enum counter_change {
    COUNTER_FIRST, /* No base line yet: a peek. */
    COUNTER_SAME,
    COUNTER_ROSE,
    COUNTER_RESET, /* It fell: the device began again at 0. */
};

struct counter_reading {
    enum counter_change change;
    micro_units increase; /* What to ask for; 0 asks nothing. */
};

void counter_table_init(struct counter_table *table);

/* SipHash-2-4 under a fixed key: keys are stored. */
uint64_t counter_key(const struct name *device, const struct name *meter);

/* What `value` >= 0 asks for. Changes nothing: the caller sets the base line when the increase was consumed,
 * and when it is 0 (a first reading too). */
struct counter_reading counter_table_read(const struct counter_table *table, uint64_t key, micro_units value);

/* STATUS_NOT_FOUND when the key has no base line. */
MUST_USE enum status counter_table_find(const struct counter_table *table, uint64_t key,
                                        micro_units *base_line);

void counter_table_set(struct counter_table *table, uint64_t key, micro_units base_line);

void counter_table_pack(struct packer *packer, const struct counter_table *table);

/* On damage the unpacker has failed and the table is empty. */
void counter_table_unpack(struct unpacker *unpacker, struct counter_table *table);

#endif
