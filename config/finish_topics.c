#include <string.h>

#include "config/sections.h"

static const char *const DEFAULT_PREFIXES[] = {"{root}/decision/", "{root}/reply/"};
static const char *const OWN_TOPICS[] = {"/event", "/command", "/agent"};

/* Segments with single slashes between them. */
static bool is_root(struct bytes root)
{
    size_t start = 0;
    for (size_t i = 0; i <= root.length; i++) {
        if (i < root.length && root.data[i] != '/') {
            continue;
        }
        if (!name_is_segment(bytes_of(root.data + start, i - start))) {
            return false;
        }
        start = i + 1;
    }
    return root.data[0] != '$'; /* The broker's own, and shared subscriptions. */
}

/* The prefix with every {root} replaced. */
static void expand_root(struct bytes prefix, const char *root, struct text *expanded)
{
    struct bytes placeholder = bytes_of_string("{root}");
    while (prefix.length > 0) {
        if (bytes_start_with(prefix, placeholder)) {
            text_put_string(expanded, root);
            prefix = bytes_after(prefix, placeholder.length);
            continue;
        }
        text_put(expanded, bytes_of(prefix.data, 1));
        prefix = bytes_after(prefix, 1);
    }
}

/* Whether everything under the prefix is one of the agent's own inputs or reports. */
static bool is_own_topic(struct bytes prefix, const char *root)
{
    if (!bytes_start_with(prefix, bytes_of_string(root))) {
        return false;
    }
    struct bytes below = bytes_after(prefix, strlen(root));
    for (size_t i = 0; i < sizeof OWN_TOPICS / sizeof OWN_TOPICS[0]; i++) {
        struct bytes own = bytes_of_string(OWN_TOPICS[i]);
        if (bytes_start_with(below, own) && (below.length == own.length || below.data[own.length] == '/')) {
            return true;
        }
    }
    return false;
}

/* The reader's path stands at the prefix. */
static void add_prefix(struct config_reader *reader, struct bytes prefix, struct topic_settings *topics)
{
    char storage[RESPONSE_PREFIX_BYTES_MAX];
    struct text expanded = text_of(storage, sizeof storage);
    expand_root(prefix, topics->root, &expanded);
    struct bytes whole = text_bytes(&expanded);
    if (expanded.overflowed) {
        reader_complain(reader, CONFIG_TOO_LONG, "is over %d bytes with the root filled in",
                        RESPONSE_PREFIX_BYTES_MAX);
        return;
    }
    if (memchr(whole.data, '+', whole.length) != NULL || memchr(whole.data, '#', whole.length) != NULL) {
        reader_complain(reader, CONFIG_FORMAT, "must not have wildcards");
        return;
    }
    if (is_own_topic(whole, topics->root)) {
        reader_complain(reader, CONFIG_FORMAT,
                        "must not be under {root}/event, {root}/command or {root}/agent");
        return;
    }
    const char *kept = reader_keep(reader, whole);
    topics->response_prefixes[topics->response_prefix_count++] = bytes_of_string(kept);
}

static void read_prefixes(struct config_reader *reader, const cJSON *prefixes, struct topic_settings *topics)
{
    if (!reader_is_array(reader, prefixes, RESPONSE_PREFIXES_MAX)) {
        return;
    }
    struct text outer = reader->path;
    size_t index = 0;
    for (const cJSON *item = prefixes->child; item != NULL; item = item->next) {
        struct bytes prefix;
        reader_enter_index(reader, index++);
        if (reader_plain_string(reader, item, 1, RESPONSE_PREFIX_BYTES_MAX, &prefix)) {
            add_prefix(reader, prefix, topics);
        }
        reader->path = outer;
    }
}

void finish_topics(struct config_reader *reader, const cJSON *section, struct topic_settings *topics)
{
    const cJSON *prefixes = section == NULL ? NULL : json_member(section, "response_prefixes");
    struct text outer = reader->path;
    reader_enter_key(reader, bytes_of_string("topics"));
    if (!is_root(bytes_of_string(topics->root))) {
        reader_complain_key(reader, "root", CONFIG_FORMAT,
                            "must be topic segments with / between them, and not begin with $");
        reader->path = outer;
        return;
    }
    reader_enter_key(reader, bytes_of_string("response_prefixes"));
    if (prefixes != NULL) {
        read_prefixes(reader, prefixes, topics);
    } else {
        for (size_t i = 0; i < sizeof DEFAULT_PREFIXES / sizeof DEFAULT_PREFIXES[0]; i++) {
            add_prefix(reader, bytes_of_string(DEFAULT_PREFIXES[i]), topics);
        }
    }
    reader->path = outer;
}
