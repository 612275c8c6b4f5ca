#include "config/document.h"

#include <string.h>

#include "config/block.h"
#include "config/parse.h"
#include "config/reader.h"
#include "config/sets.h"
#include "config/substitute.h"
#include "config/tree.h"

/* As CONTRACT.md section 6 gives them. */
static const char DEFAULT_POLICIES[] =
    "{\"plans\": {\"free\": {"
    "  \"features\": [\"*\"],"
    "  \"quotas\": [{\"name\": \"daily\", \"meter\": \"*\", \"algorithm\": \"fixed\", \"limit\": \"10000\","
    "               \"window\": \"day\", \"warn\": 0.75, \"throttle\": 0.9, \"burst\": null}],"
    "  \"prices\": {},"
    "  \"billing\": {\"low_balance\": \"0\", \"overdraft\": \"0\"}}},"
    " \"meters\": {\"*\": {\"chain\": [\"entitlement\", \"quota\", \"billing\"], \"feature\": null,"
    "                     \"priority\": \"normal\"}},"
    " \"subjects\": {\"unknown\": \"bootstrap\", \"plan\": \"free\"}}";

static enum status document_init(struct document *document, size_t text_bytes)
{
    memset(document, 0, sizeof *document);
    document->block_bytes = 2 * json_arena_bytes(text_bytes) + DOCUMENT_EXTRA_BYTES;
    document->block = block_take(document->block_bytes);
    if (document->block == NULL) {
        return STATUS_NO_MEMORY;
    }
    arena_init(&document->arena, document->block, document->block_bytes);
    return STATUS_OK;
}

static void parse_into(struct document *document, struct config_reader *reader, struct bytes text)
{
    if (text.length > CONFIG_FILE_BYTES_MAX) {
        reader_complain(reader, CONFIG_TOO_LONG, "has %zu bytes; at most %d are allowed", text.length,
                        CONFIG_FILE_BYTES_MAX);
        return;
    }
    document->root = parse_json(reader, text);
}

/* Closes the document again if there is anything to complain of. */
static enum status finish(struct document *document, const struct config_errors *errors)
{
    if (errors->count == 0) {
        return STATUS_OK;
    }
    document_close(document);
    return STATUS_INVALID;
}

enum status document_parse(struct document *document, struct bytes text, struct config_errors *errors)
{
    size_t held = text.length > CONFIG_FILE_BYTES_MAX ? 0 : text.length;
    if (document_init(document, held) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    struct config_reader reader;
    reader_init(&reader, errors, &document->arena);
    parse_into(document, &reader, text);
    return finish(document, errors);
}

static void add_default_policies(struct document *document, struct config_reader *reader)
{
    cJSON *defaults = parse_json(reader, bytes_of_string(DEFAULT_POLICIES));
    cJSON *next = NULL;
    for (cJSON *policy = defaults == NULL ? NULL : defaults->child; policy != NULL; policy = next) {
        next = policy->next;
        if (json_member(document->root, policy->string) == NULL &&
            document_put(document, policy->string, policy) != STATUS_OK) {
            reader_complain(reader, CONFIG_TOO_LONG, "is too large");
        }
    }
}

static void complete(struct document *document, struct config_reader *reader,
                     const struct config_source *source)
{
    if (document->root == NULL || !reader_is_object(reader, document->root)) {
        return;
    }
    if (!source->is_literal) {
        substitute_environment(reader, document->root, source);
    }
    add_default_policies(document, reader);
    if (source->set_count > CONFIG_SETS_MAX) {
        reader_complain(reader, CONFIG_TOO_MANY, "--set may be given %d times", CONFIG_SETS_MAX);
        return;
    }
    for (size_t i = 0; i < source->set_count; i++) {
        sets_apply(reader, document->root, source->sets[i]);
    }
}

enum status document_open(struct document *document, const struct config_source *source,
                          struct config_errors *errors)
{
    struct bytes text = source->text.data == NULL ? bytes_of_string("{}") : source->text;
    size_t held = text.length > CONFIG_FILE_BYTES_MAX ? 0 : text.length;
    if (document_init(document, held) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    struct config_reader reader;
    reader_init(&reader, errors, &document->arena);
    parse_into(document, &reader, text);
    complete(document, &reader, source);
    return finish(document, errors);
}

void document_close(struct document *document)
{
    block_give(document->block, document->block_bytes);
    memset(document, 0, sizeof *document);
}

enum status document_put(struct document *document, const char *key, cJSON *node)
{
    return tree_put(document->root, bytes_of_string(key), node, &document->arena);
}
