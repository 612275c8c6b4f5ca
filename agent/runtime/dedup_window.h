/* The last keys of a subject's events or commands, and where the state log keeps what was answered. It keeps
 * hashes only: a hit is a candidate that the caller verifies against the log. */
#ifndef FLYBALL_RUNTIME_DEDUP_WINDOW_H
#define FLYBALL_RUNTIME_DEDUP_WINDOW_H

#include "agent/governors/verdict.h"
#include "base/pack.h"

enum {
    DEDUP_WINDOW_MIN = 16,
    DEDUP_WINDOW_MAX = 1024,
    DEDUP_COMMANDS = 64,
    DEDUP_ITEM_PACKED_MAX = 15,
};

/* Stored: never renumber. */
enum dedup_flag { DEDUP_REFUNDED = 1 };

struct dedup_item {
    uint32_t hash;       /* The low half of the key's. */
    uint8_t flags;       /* Bits of enum dedup_flag. */
    uint64_t record_ref; /* The original entry. */
};

/* Contents beyond `count` are undefined. */
struct dedup_window {
    uint16_t size; /* Keys kept at most. */
    uint16_t count;
    uint16_t newest;                           /* Where the newest lies, if any. */
    struct dedup_item items[DEDUP_WINDOW_MAX]; /* A ring of `size`. */
};

/* Empty; `size` is 1 to DEDUP_WINDOW_MAX. */
void dedup_window_init(struct dedup_window *window, uint32_t size);

/* Overwrites the oldest when full. */
void dedup_window_add(struct dedup_window *window, uint64_t key, uint64_t record_ref);

/* The first position at or after `from` whose hash fits `key`; position 0 is the newest. `window->count` if
 * there is none. All candidates: for (p = find(w, k, 0); p < w->count; p = find(w, k, p + 1)). */
uint32_t dedup_window_find(const struct dedup_window *window, uint64_t key, uint32_t from);

/* The item at a position below `count`, 0 being the newest. Valid until the next add or resize. */
struct dedup_item *dedup_window_at(struct dedup_window *window, uint32_t position);

void dedup_window_pack(struct packer *packer, const struct dedup_window *window);

/* Keeps the newest `size`; on damage the unpacker has failed and the window is empty. */
void dedup_window_unpack(struct unpacker *unpacker, struct dedup_window *window, uint32_t size);

/* SipHash-2-4 under a fixed key, since hashes are stored; kinds of key never share a domain. */
uint64_t dedup_key_of_id(const struct name *device, const struct name *id);
uint64_t dedup_key_of_device_seq(const struct name *device, const struct name *boot, uint64_t device_seq);
uint64_t dedup_key_of_command(enum governor_kind governor, const struct name *id);

#endif
