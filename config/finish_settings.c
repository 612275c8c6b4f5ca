#include "config/endpoint.h"
#include "config/sections.h"

enum { FLASH_BLOCK_BYTES = 4096, SEGMENTS_LEAST = 4 };

/* Complains about the member of a section. */
static void complain_of(struct config_reader *reader, const char *section, const char *key,
                        enum config_code code, const char *message)
{
    struct text outer = reader->path;
    reader_enter_key(reader, bytes_of_string(section));
    reader_complain_key(reader, key, code, "%s", message);
    reader->path = outer;
}

static void finish_agent(struct config_reader *reader, const char *host_name, struct settings *settings)
{
    bool is_given = !name_is_empty(&settings->agent_id);
    struct bytes host = bytes_of_string(host_name == NULL ? "" : host_name);
    if (!is_given && name_set(&settings->agent_id, host) != STATUS_OK) {
        complain_of(reader, "agent", "id", CONFIG_REQUIRED, "is missing, and the host name is over 64 bytes");
        return;
    }
    if (!name_is_segment(name_bytes(&settings->agent_id))) {
        complain_of(reader, "agent", "id", is_given ? CONFIG_FORMAT : CONFIG_REQUIRED,
                    is_given ? "must be a topic segment: 1-64 bytes without + # / or spaces"
                             : "is missing, and the host name is no topic segment");
    }
}

static void finish_url(struct config_reader *reader, struct broker_settings *broker)
{
    struct endpoint endpoint;
    enum status status = endpoint_of_url(bytes_of_string(broker->url), &endpoint);
    if (status != STATUS_OK) {
        complain_of(reader, "broker", "url", CONFIG_FORMAT,
                    status == STATUS_UNSUPPORTED
                        ? "must begin with mqtt://, mqtts://, ws:// or wss://"
                        : "must be scheme://host[:port], with a path only for ws and wss, without a user");
        return;
    }
    broker->scheme = endpoint.scheme;
    broker->host = reader_keep(reader, endpoint.host);
    broker->port = endpoint.port;
    broker->path = reader_keep(reader, endpoint.path);
}

static void finish_broker(struct config_reader *reader, const struct name *agent_id,
                          struct broker_settings *broker)
{
    finish_url(reader, broker);
    if (broker->client_id == NULL) {
        char client_id[CLIENT_ID_BYTES_MAX];
        struct text text = text_of(client_id, sizeof client_id);
        text_put_string(&text, "flyball-");
        text_put(&text, name_bytes(agent_id));
        broker->client_id = reader_keep(reader, text_bytes(&text));
    }
    if (broker->key_file == NULL && broker->cert_file != NULL) {
        complain_of(reader, "broker", "key_file", CONFIG_REQUIRED, "must be given with cert_file");
    }
    if (broker->cert_file == NULL && broker->key_file != NULL) {
        complain_of(reader, "broker", "cert_file", CONFIG_REQUIRED, "must be given with key_file");
    }
    if (broker->protocol == BROKER_PROTOCOL_3_1_1 && broker->password_file != NULL &&
        broker->username == NULL) {
        complain_of(reader, "broker", "username", CONFIG_REQUIRED,
                    "must be given with password_file when the protocol is 3.1.1");
    }
}

static void finish_http(struct config_reader *reader, struct http_settings *http)
{
    struct bytes listen = bytes_of_string(http->listen);
    struct endpoint endpoint;
    if (listen.length == 0) {
        return;
    }
    if (endpoint_of_listen(listen, &endpoint) != STATUS_OK) {
        complain_of(reader, "http", "listen", CONFIG_FORMAT, "must be host:port, or \"\" for none");
        return;
    }
    http->host = reader_keep(reader, endpoint.host);
    http->port = endpoint.port;
}

static void check_store(struct config_reader *reader, const struct store_settings *store)
{
    if (store->segment_bytes % FLASH_BLOCK_BYTES != 0) {
        complain_of(reader, "store", "segment_bytes", CONFIG_RANGE, "must be a multiple of 4096");
    }
    if (store->max_bytes / SEGMENTS_LEAST < store->segment_bytes) {
        complain_of(reader, "store", "max_bytes", CONFIG_RANGE, "must be at least 4 times segment_bytes");
    }
}

static void check_memory(struct config_reader *reader, const struct memory_settings *memory)
{
    if (memory->high > memory->critical) {
        complain_of(reader, "memory", "high", CONFIG_RANGE, "must be at most memory.critical");
    }
}

void finish_settings(struct config_reader *reader, const char *host_name, struct settings *settings)
{
    finish_agent(reader, host_name, settings);
    finish_broker(reader, &settings->agent_id, &settings->broker);
    finish_http(reader, &settings->http);
    check_store(reader, &settings->store);
    check_memory(reader, &settings->memory);
}
