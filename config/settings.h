/* Everything the configuration says but the policies: read once, never changed. Strings are terminated and
 * live as long as the snapshot that holds them. */
#ifndef FLYBALL_CONFIG_SETTINGS_H
#define FLYBALL_CONFIG_SETTINGS_H

#include "base/bytes.h"
#include "base/log.h"
#include "base/micro_units.h"
#include "base/name.h"

enum {
    BROKER_URL_BYTES_MAX = 480,        /* With a port and another scheme put in, 512. */
    STORE_SEGMENT_BYTES_LEAST = 94208, /* Two of the agent's largest transactions fit. */
    RESPONSE_PREFIXES_MAX = 16,
    RESPONSE_PREFIX_BYTES_MAX = 256,
    ROOT_BYTES_MAX = 128,
    CONFIG_STRING_BYTES_MAX = 1024, /* A path, URL or credential. */
    CLIENT_ID_BYTES_MAX = 128,
};

enum broker_scheme { BROKER_MQTT, BROKER_MQTTS, BROKER_WS, BROKER_WSS };
enum broker_protocol { BROKER_PROTOCOL_5, BROKER_PROTOCOL_3_1_1 };
enum pool_on_full { POOL_BACKPRESSURE, POOL_OVERWRITE };
enum store_durability { STORE_FSYNC, STORE_OS };
enum state_topics { STATE_TOPICS_ON, STATE_TOPICS_OFF };

struct broker_settings {
    const char *url; /* As configured. */
    enum broker_scheme scheme;
    const char *host; /* A name or address; IPv6 without brackets. */
    uint16_t port;    /* The scheme's own (1883, 8883, 80, 443) unless given. */
    const char *path; /* Of a websocket, with its slash; "" for none. */
    enum broker_protocol protocol;
    const char *client_id; /* "flyball-" and the agent's id unless given. */
    uint32_t keepalive_s;
    uint32_t receive_maximum;
    const char *username; /* NULL for none, as the files below. */
    const char *password_file;
    const char *ca_file;
    const char *cert_file; /* With key_file or not at all. */
    const char *key_file;
};

struct topic_settings {
    const char *root; /* Segments with slashes between them. */
    uint32_t response_prefix_count;
    struct bytes response_prefixes[RESPONSE_PREFIXES_MAX]; /* {root} filled in. */
    enum state_topics state;
};

struct pool_settings {
    uint32_t slots;
    uint32_t slot_bytes;
    enum pool_on_full on_full;
};

struct runtime_settings {
    uint32_t schedulers; /* 0: one per core. */
    uint32_t mailbox;
    uint32_t subjects_hot;
    uint32_t dedup_window;
    const char *dir;
};

struct store_settings {
    const char *dir;
    enum store_durability durability;
    uint32_t commit_interval_ms;
    uint64_t segment_bytes;   /* A multiple of 4096. */
    uint64_t max_bytes;       /* The budget of the state log, at least four segments. */
    uint32_t subjects_max;    /* The most subjects the index holds. */
    uint64_t retention_ms;    /* Ledger entries may go when they are older; 0: when space is needed. */
    uint64_t retention_bytes; /* The oldest may go when the log is larger; 0: max_bytes. */
    uint32_t compression;     /* zlib's 0-9. */
};

struct memory_settings {
    uint64_t limit_bytes; /* 0: the control group's, else the machine's. */
    micro_units high;     /* Shares of the limit in millionths; high <= critical. */
    micro_units critical;
    uint32_t check_interval_ms;
    uint32_t cooldown_ms;
};

struct http_settings {
    const char *listen; /* As configured; "" is off. */
    const char *host;   /* IPv6 without brackets; "" when off. */
    uint16_t port;      /* 0: any free one. */
};

struct limit_settings {
    uint32_t payload_bytes;
    uint32_t device_rate; /* Events a second, and at once; 0: no limit. */
};

struct settings {
    struct name agent_id;
    struct broker_settings broker;
    struct topic_settings topics;
    struct pool_settings pool;
    struct runtime_settings runtime;
    struct store_settings store;
    struct memory_settings memory;
    uint32_t metrics_interval_ms;
    struct http_settings http;
    enum log_level log_level;
    enum log_format log_format;
    struct limit_settings limits;
};

/* Of every key left out. What follows from others (agent_id, client_id, host, port, the expanded prefixes) is
 * filled in by validation. */
struct settings settings_default(void);

#endif
