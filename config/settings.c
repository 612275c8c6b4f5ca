#include "config/settings.h"

struct settings settings_default(void)
{
    return (struct settings){
        .broker = {.url = "mqtt://127.0.0.1:1883",
                   .path = "",
                   .protocol = BROKER_PROTOCOL_5,
                   .keepalive_s = 30,
                   .receive_maximum = 1024},
        .topics = {.root = "flyball/v1", .state = STATE_TOPICS_ON},
        .pool = {.slots = 1024, .slot_bytes = 512, .on_full = POOL_BACKPRESSURE},
        .runtime =
            {.schedulers = 0, .mailbox = 20, .subjects_hot = 4096, .dedup_window = 64, .dir = "/run/flyball"},
        .store = {.dir = "/var/lib/flyball",
                  .durability = STORE_FSYNC,
                  .commit_interval_ms = 2,
                  .segment_bytes = 4ULL << 20,
                  .max_bytes = 256ULL << 20,
                  .subjects_max = 1U << 20,
                  .compression = 1},
        .memory = {.limit_bytes = 0,
                   .high = 750000,
                   .critical = 900000,
                   .check_interval_ms = 5000,
                   .cooldown_ms = 10000},
        .metrics_interval_ms = 5000,
        .http = {.listen = "127.0.0.1:9464", .host = ""},
        .log_level = LOG_INFO,
        .log_format = LOG_TEXT,
        .limits = {.payload_bytes = 4096, .device_rate = 0},
    };
}
