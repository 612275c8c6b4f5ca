#include <string.h>

#include "config/fields.h"
#include "config/sections.h"

enum {
    DAY_MS = 86400000,
};

#define MEBIBYTE (1ULL << 20)
#define PEBIBYTE (1ULL << 50)

/* In the order of their enums. */
static const char *const PROTOCOLS[] = {"5", "3.1.1", NULL};
static const char *const ON_OFF[] = {"on", "off", NULL};
static const char *const ON_FULL[] = {"backpressure", "overwrite", NULL};
static const char *const DURABILITIES[] = {"fsync", "os", NULL};
static const char *const LEVELS[] = {"debug", "info", "warn", "error", NULL};
static const char *const FORMATS[] = {"text", "json", NULL};

static const struct field AGENT[] = {
    {"id", FIELD_NULLABLE_NAME, offsetof(struct settings, agent_id), 0, 0, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field BROKER[] = {
    {"url", FIELD_STRING, offsetof(struct settings, broker.url), 1, BROKER_URL_BYTES_MAX, NULL},
    {"protocol", FIELD_CHOICE, offsetof(struct settings, broker.protocol), 0, 0, PROTOCOLS},
    {"client_id", FIELD_NULLABLE_STRING, offsetof(struct settings, broker.client_id), 1, CLIENT_ID_BYTES_MAX,
     NULL},
    {"keepalive_s", FIELD_UINT32, offsetof(struct settings, broker.keepalive_s), 1, UINT16_MAX, NULL},
    {"receive_maximum", FIELD_UINT32, offsetof(struct settings, broker.receive_maximum), 1, UINT16_MAX, NULL},
    {"username", FIELD_NULLABLE_STRING, offsetof(struct settings, broker.username), 1,
     CONFIG_STRING_BYTES_MAX, NULL},
    {"password_file", FIELD_NULLABLE_STRING, offsetof(struct settings, broker.password_file), 1,
     CONFIG_STRING_BYTES_MAX, NULL},
    {"ca_file", FIELD_NULLABLE_STRING, offsetof(struct settings, broker.ca_file), 1, CONFIG_STRING_BYTES_MAX,
     NULL},
    {"cert_file", FIELD_NULLABLE_STRING, offsetof(struct settings, broker.cert_file), 1,
     CONFIG_STRING_BYTES_MAX, NULL},
    {"key_file", FIELD_NULLABLE_STRING, offsetof(struct settings, broker.key_file), 1,
     CONFIG_STRING_BYTES_MAX, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field TOPICS[] = {
    {"root", FIELD_STRING, offsetof(struct settings, topics.root), 1, ROOT_BYTES_MAX, NULL},
    {"response_prefixes", FIELD_ELSEWHERE, 0, 0, 0, NULL},
    {"state", FIELD_CHOICE, offsetof(struct settings, topics.state), 0, 0, ON_OFF},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field POOL[] = {
    {"slots", FIELD_UINT32, offsetof(struct settings, pool.slots), 2, MEBIBYTE, NULL},
    {"slot_bytes", FIELD_UINT32, offsetof(struct settings, pool.slot_bytes), 128, 65536, NULL},
    {"on_full", FIELD_CHOICE, offsetof(struct settings, pool.on_full), 0, 0, ON_FULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field RUNTIME[] = {
    {"schedulers", FIELD_UINT32, offsetof(struct settings, runtime.schedulers), 0, 64, NULL},
    {"mailbox", FIELD_UINT32, offsetof(struct settings, runtime.mailbox), 1, 65535, NULL},
    {"subjects_hot", FIELD_UINT32, offsetof(struct settings, runtime.subjects_hot), 1, MEBIBYTE, NULL},
    {"dedup_window", FIELD_UINT32, offsetof(struct settings, runtime.dedup_window), 16, 1024, NULL},
    {"dir", FIELD_STRING, offsetof(struct settings, runtime.dir), 1, CONFIG_STRING_BYTES_MAX, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field STORE[] = {
    {"dir", FIELD_STRING, offsetof(struct settings, store.dir), 1, CONFIG_STRING_BYTES_MAX, NULL},
    {"durability", FIELD_CHOICE, offsetof(struct settings, store.durability), 0, 0, DURABILITIES},
    {"commit_interval_ms", FIELD_UINT32, offsetof(struct settings, store.commit_interval_ms), 0, 1000, NULL},
    {"segment_bytes", FIELD_UINT64, offsetof(struct settings, store.segment_bytes), STORE_SEGMENT_BYTES_LEAST,
     256 * MEBIBYTE, NULL},
    {"max_bytes", FIELD_UINT64, offsetof(struct settings, store.max_bytes), 262144, PEBIBYTE, NULL},
    {"subjects_max", FIELD_UINT32, offsetof(struct settings, store.subjects_max), 1, 64 * MEBIBYTE, NULL},
    {"retention_ms", FIELD_UINT64, offsetof(struct settings, store.retention_ms), 0, PEBIBYTE, NULL},
    {"retention_bytes", FIELD_UINT64, offsetof(struct settings, store.retention_bytes), 0, PEBIBYTE, NULL},
    {"compression", FIELD_UINT32, offsetof(struct settings, store.compression), 0, 9, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field MEMORY[] = {
    {"limit_bytes", FIELD_UINT64, offsetof(struct settings, memory.limit_bytes), 0, PEBIBYTE, NULL},
    {"high", FIELD_SHARE, offsetof(struct settings, memory.high), 0, 0, NULL},
    {"critical", FIELD_SHARE, offsetof(struct settings, memory.critical), 0, 0, NULL},
    {"check_interval_ms", FIELD_UINT32, offsetof(struct settings, memory.check_interval_ms), 10, DAY_MS,
     NULL},
    {"cooldown_ms", FIELD_UINT32, offsetof(struct settings, memory.cooldown_ms), 0, DAY_MS, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field METRICS[] = {
    {"interval_ms", FIELD_UINT32, offsetof(struct settings, metrics_interval_ms), 10, DAY_MS, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field HTTP[] = {
    {"listen", FIELD_STRING, offsetof(struct settings, http.listen), 0, CONFIG_STRING_BYTES_MAX, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field LOG[] = {
    {"level", FIELD_CHOICE, offsetof(struct settings, log_level), 0, 0, LEVELS},
    {"format", FIELD_CHOICE, offsetof(struct settings, log_format), 0, 0, FORMATS},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field LIMITS[] = {
    {"payload_bytes", FIELD_UINT32, offsetof(struct settings, limits.payload_bytes), 1, MEBIBYTE, NULL},
    {"device_rate", FIELD_UINT32, offsetof(struct settings, limits.device_rate), 0, 1000000, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

struct section {
    const char *key;
    const struct field *fields; /* NULL: read elsewhere. */
};

static const struct section SECTIONS[] = {
    {"agent", AGENT},     {"broker", BROKER}, {"topics", TOPICS}, {"routes", NULL}, {"pool", POOL},
    {"runtime", RUNTIME}, {"store", STORE},   {"memory", MEMORY}, {"http", HTTP},   {"metrics", METRICS},
    {"limits", LIMITS},   {"log", LOG},       {"subjects", NULL}, {"plans", NULL},  {"meters", NULL},
};

static const struct section *find_section(const char *key)
{
    for (size_t i = 0; i < sizeof SECTIONS / sizeof SECTIONS[0]; i++) {
        if (strcmp(SECTIONS[i].key, key) == 0) {
            return &SECTIONS[i];
        }
    }
    return NULL;
}

void read_settings(struct config_reader *reader, const cJSON *document, struct settings *settings)
{
    struct text outer = reader->path;
    for (const cJSON *item = document->child; item != NULL; item = item->next) {
        const struct section *section = find_section(item->string);
        reader_enter_key(reader, bytes_of_string(item->string));
        if (section == NULL) {
            reader_complain(reader, CONFIG_UNKNOWN_KEY, "is no section of the configuration");
        } else if (section->fields != NULL) {
            fields_read(reader, item, section->fields, settings);
        }
        reader->path = outer;
    }
}
