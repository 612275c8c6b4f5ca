#include "agent/runtime/device_rate.h"

#include <assert.h>
#include <string.h>

#include "base/pack.h"

#define NANOSECONDS_PER_SECOND 1000000000ULL

void device_rate_init(struct device_rate *rate, struct hash_key key)
{
    memset(rate, 0, sizeof *rate);
    rate->key = key;
}

static uint64_t device_hash(const struct device_rate *rate, const struct name *subject,
                            const struct name *device)
{
    uint8_t buffer[2 * sizeof(struct name) + 8];
    struct packer packer = packer_of(buffer, sizeof buffer);
    pack_name(&packer, subject);
    pack_name(&packer, device);
    assert(!packer.overflowed);
    uint64_t hash = hash_bytes(rate->key, packer_bytes(&packer));
    return hash == 0 ? 1 : hash; /* 0 marks a free place. */
}

/* The device's place, or the one among its probes that has least to remember: a device that is back at its
 * full burst is as good as unknown, so nothing is lost unless all of them are busy. */
static struct device_place *place_for(struct device_rate *rate, uint64_t device, uint64_t now_ns)
{
    struct device_place *least = NULL;
    for (uint32_t i = 0; i < DEVICE_RATE_PROBES; i++) {
        struct device_place *place = &rate->places[(device + i) & (DEVICE_RATE_PLACES - 1)];
        if (place->device == device) {
            return place;
        }
        if (least == NULL || place->arrival_ns < least->arrival_ns) {
            least = place;
        }
    }
    if (least->arrival_ns > now_ns) {
        rate->evicted++;
    }
    *least = (struct device_place){.device = device, .arrival_ns = 0};
    return least;
}

bool device_rate_allows(struct device_rate *rate, const struct name *subject, const struct name *device,
                        uint32_t per_second, uint64_t now_us)
{
    if (per_second == 0) {
        return true;
    }
    uint64_t now_ns = now_us * 1000;
    uint64_t interval_ns = NANOSECONDS_PER_SECOND / per_second;
    struct device_place *place = place_for(rate, device_hash(rate, subject, device), now_ns);
    uint64_t arrival_ns = place->arrival_ns > now_ns ? place->arrival_ns : now_ns;
    if (arrival_ns - now_ns > interval_ns * (per_second - 1)) {
        return false;
    }
    place->arrival_ns = arrival_ns + interval_ns;
    return true;
}
