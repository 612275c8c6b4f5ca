#include "config/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "config/tree.h"

enum {
    KEYS_COMPARED_MAX = 256, /* In a larger object the doubled key is not looked for. */
};

static void complain_of_position(struct config_reader *reader, struct bytes text, size_t offset)
{
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < offset && i < text.length; i++) {
        bool is_end = text.data[i] == '\n';
        line += is_end ? 1 : 0;
        column = is_end ? 1 : column + 1;
    }
    if (offset >= text.length) {
        reader_complain(reader, CONFIG_NOT_JSON, "is not JSON: it ends too early, on line %zu", line);
        return;
    }
    reader_complain(reader, CONFIG_NOT_JSON, "is not JSON: see line %zu, column %zu", line, column);
}

static const cJSON *doubled_key(const cJSON *object)
{
    if (cJSON_GetArraySize(object) > KEYS_COMPARED_MAX) {
        return NULL;
    }
    for (const cJSON *later = object->child; later != NULL; later = later->next) {
        if (json_member(object, later->string) != later) {
            return later;
        }
    }
    return NULL;
}

/* Complains of the first object with two equal keys; as deep as the document, which CONFIG_DEPTH_MAX bounds.
 */
static bool complain_of_doubled_key(struct config_reader *reader, const cJSON *item)
{
    const cJSON *doubled = cJSON_IsObject(item) ? doubled_key(item) : NULL;
    if (doubled != NULL) {
        reader_complain_key(reader, doubled->string, CONFIG_DUPLICATE, "stands twice in its object");
        return true;
    }
    struct text outer = reader->path;
    size_t index = 0;
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        if (cJSON_IsArray(item)) {
            reader_enter_index(reader, index++);
        } else {
            reader_enter_key(reader, bytes_of_string(child->string));
        }
        bool is_found = complain_of_doubled_key(reader, child);
        reader->path = outer;
        if (is_found) {
            return true;
        }
    }
    return false;
}

cJSON *parse_json(struct config_reader *reader, struct bytes text)
{
    struct json_result result = json_parse(text, CONFIG_DEPTH_MAX, reader->arena);
    switch (result.error) {
    /* The tree lives in an arena of ours: it is ours to change. */
    case JSON_OK: return (cJSON *)result.root;
    case JSON_NOT_UTF8: reader_complain(reader, CONFIG_NOT_JSON, "is not UTF-8"); return NULL;
    case JSON_NOT_JSON: complain_of_position(reader, text, result.offset); return NULL;
    case JSON_TOO_DEEP:
        reader_complain(reader, CONFIG_TOO_MANY, "is nested too deeply: at most %d are allowed",
                        CONFIG_DEPTH_MAX);
        return NULL;
    case JSON_DUPLICATE_KEY:
        if (result.root == NULL || !complain_of_doubled_key(reader, result.root)) {
            reader_complain(reader, CONFIG_DUPLICATE, "an object has two equal keys");
        }
        return NULL;
    case JSON_NO_MEMORY: reader_complain(reader, CONFIG_TOO_LONG, "is too large"); return NULL;
    }
    abort(); /* Corrupt error. */
}

bool parse_is_json(struct bytes text)
{
    enum json_error error = json_check(text, CONFIG_DEPTH_MAX).error;
    return error != JSON_NOT_JSON && error != JSON_NOT_UTF8;
}

cJSON *parse_as_string(struct config_reader *reader, struct bytes string)
{
    if (!utf8_is_valid(string)) {
        reader_complain(reader, CONFIG_FORMAT, "is not UTF-8");
        return NULL;
    }
    cJSON *node = tree_object(reader->arena);
    char *copy = tree_string(string, reader->arena);
    if (node == NULL || copy == NULL) {
        reader_complain(reader, CONFIG_TOO_LONG, "is too large");
        return NULL;
    }
    node->type = cJSON_String;
    node->valuestring = copy;
    return node;
}
