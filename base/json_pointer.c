#include "base/json_pointer.h"

#include <string.h>

#include "base/utf8.h"

bool json_pointer_is_valid(struct bytes pointer)
{
    if (pointer.length > 0 && pointer.data[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < pointer.length; i++) {
        uint8_t byte = pointer.data[i];
        uint8_t next = i + 1 < pointer.length ? pointer.data[i + 1] : 0;
        if (byte == 0 || (byte == '~' && next != '0' && next != '1')) {
            return false;
        }
    }
    return utf8_is_valid(pointer);
}

/* Whether the token, its ~0 and ~1 read as ~ and /, spells the key. */
static bool token_names(struct bytes token, const char *key)
{
    for (size_t i = 0; i < token.length; i++, key++) {
        char wanted = (char)token.data[i];
        if (wanted == '~') {
            wanted = token.data[++i] == '0' ? '~' : '/';
        }
        if (*key != wanted) {
            return false;
        }
    }
    return *key == '\0';
}

static const cJSON *find_member(const cJSON *object, struct bytes token)
{
    const cJSON *child = object->child;
    while (child != NULL && !token_names(token, child->string)) {
        child = child->next;
    }
    return child;
}

static const cJSON *find_element(const cJSON *array, struct bytes token)
{
    if (token.length == 0 || (token.length > 1 && token.data[0] == '0')) {
        return NULL;
    }
    size_t index = 0;
    for (size_t i = 0; i < token.length; i++) {
        uint8_t byte = token.data[i];
        if (byte < '0' || byte > '9' || index > SIZE_MAX / 10 - 1) {
            return NULL;
        }
        index = index * 10 + (byte - '0');
    }
    const cJSON *child = array->child;
    for (; child != NULL && index > 0; index--) {
        child = child->next;
    }
    return child;
}

const cJSON *json_pointer_find(const cJSON *root, struct bytes pointer)
{
    if (!json_pointer_is_valid(pointer)) {
        return NULL;
    }
    const cJSON *item = root;
    while (item != NULL && pointer.length > 0) {
        struct bytes rest = bytes_after(pointer, 1);
        const uint8_t *slash = rest.length == 0 ? NULL : memchr(rest.data, '/', rest.length);
        size_t length = slash == NULL ? rest.length : (size_t)(slash - rest.data);
        struct bytes token = bytes_of(rest.data, length);
        if (cJSON_IsObject(item)) {
            item = find_member(item, token);
        } else {
            item = cJSON_IsArray(item) ? find_element(item, token) : NULL;
        }
        pointer = bytes_after(rest, length);
    }
    return item;
}
