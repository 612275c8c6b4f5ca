#include "config/sets.h"

#include <string.h>

#include "base/utf8.h"
#include "config/document.h"
#include "config/parse.h"
#include "config/tree.h"

static cJSON *value_node(struct config_reader *reader, struct bytes value)
{
    cJSON *node = parse_is_json(value) ? parse_json(reader, value) : parse_as_string(reader, value);
    if (node != NULL && cJSON_IsNumber(node)) {
        node->type |= READER_LENIENT;
    }
    return node;
}

/* The object under `key`, made if it is missing; NULL after a complaint about the path, which already names
 * it. */
static cJSON *step_into(struct config_reader *reader, cJSON *object, struct bytes key)
{
    cJSON *member = tree_member(object, key);
    if (member == NULL) {
        member = tree_object(reader->arena);
        if (member == NULL || tree_put(object, key, member, reader->arena) != STATUS_OK) {
            reader_complain(reader, CONFIG_TOO_LONG, "is too large");
            return NULL;
        }
    }
    if (!cJSON_IsObject(member)) {
        reader_complain(reader, CONFIG_TYPE, "is no object: --set cannot reach into it");
        return NULL;
    }
    return member;
}

/* Up to the next dot. */
static struct bytes first_token(struct bytes path)
{
    const uint8_t *dot = memchr(path.data, '.', path.length);
    return bytes_of(path.data, dot == NULL ? path.length : (size_t)(dot - path.data));
}

static void put_value(struct config_reader *reader, cJSON *object, struct bytes key, struct bytes value)
{
    cJSON *node = value_node(reader, value);
    if (node != NULL && tree_put(object, key, node, reader->arena) != STATUS_OK) {
        reader_complain(reader, CONFIG_TOO_LONG, "is too large");
    }
}

static void apply_path(struct config_reader *reader, cJSON *object, struct bytes path, struct bytes value)
{
    /* As many rounds as the path has tokens, but no deeper than a file may be. */
    for (size_t depth = 1; object != NULL && depth < CONFIG_DEPTH_MAX; depth++) {
        struct bytes key = first_token(path);
        reader_enter_key(reader, key);
        if (key.length == 0) {
            reader_complain(reader, CONFIG_FORMAT, "--set takes dotted.path=value, no key of it empty");
            return;
        }
        if (key.length == path.length) {
            put_value(reader, object, key, value);
            return;
        }
        object = step_into(reader, object, key);
        path = bytes_after(path, key.length + 1);
    }
    if (object != NULL) {
        reader_complain(reader, CONFIG_TOO_MANY, "is nested too deeply: at most %d are allowed",
                        CONFIG_DEPTH_MAX);
    }
}

void sets_apply(struct config_reader *reader, cJSON *root, const char *set)
{
    struct bytes whole = bytes_of_string(set);
    const char *equals = strchr(set, '=');
    if (whole.length > SET_BYTES_MAX) {
        reader_complain(reader, CONFIG_TOO_LONG, "--set takes at most %d bytes", SET_BYTES_MAX);
        return;
    }
    if (equals == NULL || !utf8_is_valid(bytes_of(set, (size_t)(equals - set)))) {
        reader_complain(reader, CONFIG_FORMAT, "--set takes dotted.path=value");
        return;
    }
    struct text outer = reader->path;
    size_t length = (size_t)(equals - set);
    apply_path(reader, root, bytes_of(set, length), bytes_after(whole, length + 1));
    reader->path = outer;
}
