#include "config/substitute.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "config/tree.h"

enum {
    VARIABLE_BYTES_MAX = 128,
    EXPANDED_BYTES_MAX = 64 << 10, /* One string, filled in. */
};

const char *config_environment(void *self, const char *name)
{
    (void)self;
    return getenv(name);
}

static bool is_letter(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_';
}

static bool is_name_byte(char byte)
{
    return is_letter(byte) || (byte >= '0' && byte <= '9');
}

/* The length of the ${NAME} the text begins with, or 0; *name is NAME. */
static size_t reference_length(const char *text, struct bytes *name)
{
    if (text[0] != '$' || text[1] != '{' || !is_letter(text[2])) {
        return 0;
    }
    size_t end = 3;
    while (is_name_byte(text[end])) {
        end++;
    }
    if (text[end] != '}') {
        return 0;
    }
    *name = bytes_of(text + 2, end - 2);
    return end + 1;
}

/* NULL, with a complaint, if it is of no use. */
static const char *look_up(struct config_reader *reader, const struct config_source *source,
                           struct bytes name)
{
    char variable[VARIABLE_BYTES_MAX + 1];
    if (name.length > VARIABLE_BYTES_MAX) {
        reader_complain(reader, CONFIG_ENVIRONMENT, "names a variable of more than %d bytes",
                        VARIABLE_BYTES_MAX);
        return NULL;
    }
    memcpy(variable, name.data, name.length);
    variable[name.length] = '\0';
    const char *value = source->environment == NULL ? NULL : source->environment(source->self, variable);
    if (value == NULL) {
        reader_complain(reader, CONFIG_ENVIRONMENT, "the environment variable %s is not set", variable);
        return NULL;
    }
    if (!utf8_is_valid(bytes_of_string(value))) {
        reader_complain(reader, CONFIG_ENVIRONMENT, "the environment variable %s is not UTF-8", variable);
        return NULL;
    }
    return value;
}

/* Writes the text with its references replaced; false after a complaint. */
static bool expand(struct config_reader *reader, const struct config_source *source, const char *string,
                   struct text *expanded)
{
    while (*string != '\0') {
        struct bytes name;
        size_t length = reference_length(string, &name);
        if (length == 0) {
            size_t literal = 1 + strcspn(string + 1, "$");
            text_put(expanded, bytes_of(string, literal));
            string += literal;
            continue;
        }
        const char *value = look_up(reader, source, name);
        if (value == NULL) {
            return false;
        }
        text_put_string(expanded, value);
        string += length;
    }
    return true;
}

static void substitute_string(struct config_reader *reader, cJSON *item, const struct config_source *source)
{
    char storage[EXPANDED_BYTES_MAX];
    struct text expanded = text_of(storage, sizeof storage);
    if (!expand(reader, source, item->valuestring, &expanded)) {
        return;
    }
    char *kept = expanded.overflowed ? NULL : tree_string(text_bytes(&expanded), reader->arena);
    if (kept == NULL) {
        reader_complain(reader, CONFIG_TOO_LONG, "is too long with its variables filled in");
        return;
    }
    item->valuestring = kept;
}

/* The recursion is as deep as the document, which CONFIG_DEPTH_MAX bounds. */
static void substitute_tree(struct config_reader *reader, cJSON *item, const struct config_source *source)
{
    if (cJSON_IsString(item)) {
        if (strstr(item->valuestring, "${") != NULL) {
            substitute_string(reader, item, source);
        }
        return;
    }
    struct text outer = reader->path;
    size_t index = 0;
    for (cJSON *child = item->child; child != NULL; child = child->next) {
        if (cJSON_IsArray(item)) {
            reader_enter_index(reader, index++);
        } else {
            reader_enter_key(reader, bytes_of_string(child->string));
        }
        substitute_tree(reader, child, source);
        reader->path = outer;
    }
}

void substitute_environment(struct config_reader *reader, cJSON *root, const struct config_source *source)
{
    substitute_tree(reader, root, source);
}
