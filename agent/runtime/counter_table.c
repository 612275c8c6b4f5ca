#include "agent/runtime/counter_table.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"

/* Never another one: hashes made with it are on disk. */
static const struct hash_key counter_hash_key = {.low = 0x666c7962616c6c00U, .high = 0x636f756e74657273U};

void counter_table_init(struct counter_table *table)
{
    table->count = 0;
}

uint64_t counter_key(const struct name *device, const struct name *meter)
{
    uint8_t buffer[2 * sizeof(struct name) + 8];
    struct packer packer = packer_of(buffer, sizeof buffer);
    pack_name(&packer, device);
    pack_name(&packer, meter);
    assert(!packer.overflowed);
    return hash_bytes(counter_hash_key, packer_bytes(&packer));
}

/* The place, or the count when there is none. */
static uint32_t place_of(const struct counter_table *table, uint64_t key)
{
    uint32_t place = 0;
    while (place < table->count && table->counters[place].key != key) {
        place++;
    }
    return place;
}

enum status counter_table_find(const struct counter_table *table, uint64_t key, micro_units *base_line)
{
    uint32_t place = place_of(table, key);
    if (place == table->count) {
        return STATUS_NOT_FOUND;
    }
    *base_line = table->counters[place].base_line;
    return STATUS_OK;
}

struct counter_reading counter_table_read(const struct counter_table *table, uint64_t key, micro_units value)
{
    assert(value >= 0);
    micro_units base_line = 0;
    if (counter_table_find(table, key, &base_line) != STATUS_OK) {
        return (struct counter_reading){.change = COUNTER_FIRST};
    }
    if (value < base_line) {
        return (struct counter_reading){.change = COUNTER_RESET, .increase = value};
    }
    enum counter_change change = value == base_line ? COUNTER_SAME : COUNTER_ROSE;
    return (struct counter_reading){.change = change, .increase = value - base_line};
}

void counter_table_set(struct counter_table *table, uint64_t key, micro_units base_line)
{
    assert(base_line >= 0);
    uint32_t place = place_of(table, key);
    if (place == COUNTERS_MAX) {
        place = 0; /* The least recently set makes room. */
    } else if (place == table->count) {
        table->count++;
    }
    size_t after = (size_t)table->count - place - 1;
    memmove(&table->counters[place], &table->counters[place + 1], after * sizeof table->counters[0]);
    table->counters[table->count - 1] = (struct counter){.key = key, .base_line = base_line};
}

void counter_table_pack(struct packer *packer, const struct counter_table *table)
{
    pack_u8(packer, table->count);
    for (uint32_t i = 0; i < table->count; i++) {
        pack_u64(packer, table->counters[i].key);
        pack_varint(packer, (uint64_t)table->counters[i].base_line);
    }
}

void counter_table_unpack(struct unpacker *unpacker, struct counter_table *table)
{
    counter_table_init(table);
    uint8_t count = unpack_enum(unpacker, COUNTERS_MAX);
    for (uint32_t i = 0; i < count && !unpacker->failed; i++) {
        uint64_t key = unpack_u64(unpacker);
        uint64_t base_line = unpack_varint(unpacker);
        if (base_line > (uint64_t)MICRO_UNITS_MOST || place_of(table, key) != table->count) {
            unpacker->failed = true;
        }
        table->counters[table->count++] = (struct counter){.key = key, .base_line = (micro_units)base_line};
    }
    if (unpacker->failed) {
        counter_table_init(table);
    }
}
