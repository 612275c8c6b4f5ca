#include "config/tree.h"

#include <string.h>

char *tree_string(struct bytes bytes, struct arena *arena)
{
    char *string = arena_take(arena, bytes.length + 1);
    if (string == NULL) {
        return NULL;
    }
    if (bytes.length > 0) {
        memcpy(string, bytes.data, bytes.length);
    }
    string[bytes.length] = '\0';
    return string;
}

cJSON *tree_object(struct arena *arena)
{
    cJSON *object = arena_take(arena, sizeof *object);
    if (object != NULL) {
        memset(object, 0, sizeof *object);
        object->type = cJSON_Object;
    }
    return object;
}

cJSON *tree_member(cJSON *object, struct bytes key)
{
    for (cJSON *child = object->child; child != NULL; child = child->next) {
        if (bytes_equal_string(key, child->string)) {
            return child;
        }
    }
    return NULL;
}

/* cJSON keeps the last child in the first one's prev. */
static void append(cJSON *object, cJSON *node)
{
    node->next = NULL;
    if (object->child == NULL) {
        object->child = node;
        node->prev = node;
        return;
    }
    cJSON *last = object->child->prev;
    last->next = node;
    node->prev = last;
    object->child->prev = node;
}

static void unlink_child(cJSON *object, cJSON *node)
{
    cJSON *first = object->child;
    if (node == first) {
        object->child = node->next;
        if (node->next != NULL) {
            node->next->prev = node->prev;
        }
        return;
    }
    node->prev->next = node->next;
    if (node->next != NULL) {
        node->next->prev = node->prev;
    } else {
        first->prev = node->prev;
    }
}

enum status tree_put(cJSON *object, struct bytes key, cJSON *node, struct arena *arena)
{
    char *string = tree_string(key, arena);
    if (string == NULL) {
        return STATUS_NO_MEMORY;
    }
    cJSON *replaced = tree_member(object, key);
    if (replaced != NULL) {
        unlink_child(object, replaced);
    }
    node->string = string;
    append(object, node);
    return STATUS_OK;
}
