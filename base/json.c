#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json_scan.h"
#include "base/utf8.h"

enum {
    SMALL_OBJECT_KEYS = 16,
    CJSON_NUMBER_MAX = 63, /* cJSON cuts longer numbers off, and then fails. */
};

/* cJSON's allocator is global; the arena of the parse under way is this thread's. */
static _Thread_local struct arena *parse_arena;

static void *arena_or_heap_malloc(size_t size)
{
    return parse_arena != NULL ? arena_take(parse_arena, size) : malloc(size);
}

static void arena_or_heap_free(void *block)
{
    if (parse_arena == NULL) {
        free(block);
    }
}

static void install_hooks(void)
{
    cJSON_Hooks hooks = {.malloc_fn = arena_or_heap_malloc, .free_fn = arena_or_heap_free};
    cJSON_InitHooks(&hooks);
}

size_t json_arena_bytes(size_t length)
{
    return 2048 + 48 * length;
}

static struct json_result check(struct bytes text, size_t depth_most, struct json_scan *scan)
{
    if (!utf8_is_valid(text)) {
        return (struct json_result){.error = JSON_NOT_UTF8};
    }
    *scan = json_scan(text);
    enum json_error error = JSON_OK;
    if (!scan->is_json) {
        error = JSON_NOT_JSON;
    } else if (scan->deepest > depth_most) {
        error = JSON_TOO_DEEP;
    }
    return (struct json_result){.error = error, .offset = scan->at};
}

struct json_result json_check(struct bytes text, size_t depth_most)
{
    struct json_scan scan;
    return check(text, depth_most, &scan);
}

static bool has_equal_keys(const cJSON *object)
{
    for (const cJSON *left = object->child; left != NULL; left = left->next) {
        for (const cJSON *right = left->next; right != NULL; right = right->next) {
            if (strcmp(left->string, right->string) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Puts the key into an open-addressed set; false if an equal one is there. */
static bool set_add(const char **set, size_t capacity, const char *key)
{
    size_t at = (size_t)hash_bytes((struct hash_key){0, 0}, bytes_of_string(key)) & (capacity - 1);
    for (; set[at] != NULL; at = (at + 1) & (capacity - 1)) {
        if (strcmp(set[at], key) == 0) {
            return false;
        }
    }
    set[at] = key;
    return true;
}

static enum json_error check_many_keys(const cJSON *object, size_t count, struct arena *arena)
{
    size_t capacity = 64;
    while (capacity < 2 * count) {
        capacity *= 2;
    }
    const char **set = arena_take(arena, capacity * sizeof *set);
    if (set == NULL) {
        return JSON_NO_MEMORY;
    }
    memset(set, 0, capacity * sizeof *set);
    for (const cJSON *child = object->child; child != NULL; child = child->next) {
        if (!set_add(set, capacity, child->string)) {
            return JSON_DUPLICATE_KEY;
        }
    }
    return JSON_OK;
}

static enum json_error check_keys(const cJSON *item, struct arena *arena)
{
    size_t count = 0;
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        count++;
    }
    if (cJSON_IsObject(item) && count > SMALL_OBJECT_KEYS) {
        enum json_error error = check_many_keys(item, count, arena);
        if (error != JSON_OK) {
            return error;
        }
    } else if (cJSON_IsObject(item) && has_equal_keys(item)) {
        return JSON_DUPLICATE_KEY;
    }
    /* The recursion is as deep as the document, which depth_most bounds. */
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        enum json_error error = check_keys(child, arena);
        if (error != JSON_OK) {
            return error;
        }
    }
    return JSON_OK;
}

/* Writes a shorter number of the same double over a long one, then spaces. */
static void shorten_number(char *number, size_t length)
{
    char shorter[40];
    double value = strtod(number, NULL);
    int written = isfinite(value) ? snprintf(shorter, sizeof shorter, "%.17g", value)
                                  : snprintf(shorter, sizeof shorter, "%s", value < 0 ? "-1e999" : "1e999");
    memset(number, ' ', length);
    memcpy(number, shorter, (size_t)written);
}

/* A copy of the text in which every number is short enough for cJSON; data is NULL if the arena is too small.
 */
static struct bytes copy_with_short_numbers(struct bytes text, struct arena *arena)
{
    char *copy = arena_take(arena, text.length + 1);
    if (copy == NULL) {
        return bytes_of(NULL, 0);
    }
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    size_t at = 0;
    struct bytes number = json_scan_next_number(text, &at);
    for (; number.length > 0; number = json_scan_next_number(text, &at)) {
        if (number.length > CJSON_NUMBER_MAX) {
            shorten_number(copy + (at - number.length), number.length);
        }
    }
    return bytes_of(copy, text.length);
}

/* Walks text and tree side by side, both in the document's order. */
struct number_walk {
    struct bytes text;
    size_t at;
    char *storage; /* What is left of it. */
};

/* Keeps the number's own text where a string keeps its value: a double cannot tell all numbers apart. */
static void attach_number_texts(cJSON *item, struct number_walk *walk)
{
    if (cJSON_IsNumber(item)) {
        struct bytes number = json_scan_next_number(walk->text, &walk->at);
        memcpy(walk->storage, number.data, number.length);
        walk->storage[number.length] = '\0';
        item->valuestring = walk->storage;
        walk->storage += number.length + 1;
    }
    /* As deep as the document, which depth_most bounds. */
    for (cJSON *child = item->child; child != NULL; child = child->next) {
        attach_number_texts(child, walk);
    }
}

static cJSON *parse_in_arena(struct bytes text, const struct json_scan *scan, struct arena *arena)
{
    struct bytes source = text;
    if (scan->number_length > CJSON_NUMBER_MAX) {
        source = copy_with_short_numbers(text, arena);
    }
    char *storage = arena_take(arena, scan->number_bytes + scan->numbers);
    if (source.data == NULL || storage == NULL) {
        return NULL;
    }
    parse_arena = arena;
    cJSON *root = cJSON_ParseWithLength((const char *)source.data, source.length);
    parse_arena = NULL;
    if (root != NULL) {
        attach_number_texts(root, &(struct number_walk){.text = text, .storage = storage});
    }
    return root;
}

struct json_result json_parse(struct bytes text, size_t depth_most, struct arena *arena)
{
    static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;
    pthread_once(&hooks_once, install_hooks);

    struct json_scan scan;
    struct json_result result = check(text, depth_most, &scan);
    if (result.error != JSON_OK) {
        return result;
    }
    size_t refused = arena->refused;
    result.root = parse_in_arena(text, &scan, arena);
    if (result.root == NULL) {
        result.error = arena->refused > refused ? JSON_NO_MEMORY : JSON_NOT_JSON;
        return result;
    }
    result.error = check_keys(result.root, arena);
    return result;
}

const cJSON *json_member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

struct bytes json_text(const cJSON *item)
{
    assert(cJSON_IsString(item));
    return bytes_of_string(item->valuestring);
}

struct bytes json_number_text(const cJSON *item)
{
    assert(cJSON_IsNumber(item) && item->valuestring != NULL);
    return bytes_of_string(item->valuestring);
}
