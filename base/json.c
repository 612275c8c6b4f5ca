#include "base/json.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"

enum { NESTING_TRACKED_MAX = 65536, SMALL_OBJECT_KEYS = 16 };

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

/* Reads the grammar of RFC 8259, which cJSON bends: it takes leading zeros, bare control characters and a BOM. */
struct scanner {
    struct bytes text;
    size_t at;
    size_t depth;
    size_t deepest;
    uint8_t in_object[NESTING_TRACKED_MAX / 8]; /* One bit per open container. */
};

static int scanner_peek(const struct scanner *scanner)
{
    return scanner->at < scanner->text.length ? scanner->text.data[scanner->at] : -1;
}

static bool scanner_take(struct scanner *scanner, int byte)
{
    if (scanner_peek(scanner) != byte) {
        return false;
    }
    scanner->at++;
    return true;
}

static void skip_space(struct scanner *scanner)
{
    int byte = scanner_peek(scanner);
    while (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
        scanner->at++;
        byte = scanner_peek(scanner);
    }
}

static bool is_hex(int byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

/* The four digits after \u; 0000 is refused because a C string cannot hold it. */
static bool scan_code_unit(struct scanner *scanner)
{
    bool is_zero = true;
    for (int i = 0; i < 4; i++) {
        int byte = scanner_peek(scanner);
        if (!is_hex(byte)) {
            return false;
        }
        is_zero = is_zero && byte == '0';
        scanner->at++;
    }
    return !is_zero;
}

static bool scan_escape(struct scanner *scanner)
{
    int byte = scanner_peek(scanner);
    if (byte < 0 || strchr("\"\\/bfnrtu", byte) == NULL || byte == 0) {
        return false;
    }
    scanner->at++;
    return byte != 'u' || scan_code_unit(scanner);
}

static bool scan_string(struct scanner *scanner)
{
    if (!scanner_take(scanner, '"')) {
        return false;
    }
    while (!scanner_take(scanner, '"')) {
        int byte = scanner_peek(scanner);
        if (byte < ' ') {
            return false;
        }
        scanner->at++;
        if (byte == '\\' && !scan_escape(scanner)) {
            return false;
        }
    }
    return true;
}

static bool scan_digits(struct scanner *scanner)
{
    size_t start = scanner->at;
    while (scanner_peek(scanner) >= '0' && scanner_peek(scanner) <= '9') {
        scanner->at++;
    }
    return scanner->at > start;
}

static bool scan_number(struct scanner *scanner)
{
    scanner_take(scanner, '-');
    if (!scanner_take(scanner, '0') && !scan_digits(scanner)) {
        return false;
    }
    if (scanner_take(scanner, '.') && !scan_digits(scanner)) {
        return false;
    }
    if (scanner_take(scanner, 'e') || scanner_take(scanner, 'E')) {
        if (!scanner_take(scanner, '+')) {
            scanner_take(scanner, '-');
        }
        return scan_digits(scanner);
    }
    return true;
}

static bool scan_word(struct scanner *scanner, const char *word)
{
    struct bytes rest = bytes_after(scanner->text, scanner->at);
    if (!bytes_start_with(rest, bytes_of_string(word))) {
        return false;
    }
    scanner->at += strlen(word);
    return true;
}

static bool scan_scalar(struct scanner *scanner)
{
    switch (scanner_peek(scanner)) {
    case '"': return scan_string(scanner);
    case 't': return scan_word(scanner, "true");
    case 'f': return scan_word(scanner, "false");
    case 'n': return scan_word(scanner, "null");
    default: return scan_number(scanner);
    }
}

static bool scan_key(struct scanner *scanner)
{
    skip_space(scanner);
    if (!scan_string(scanner)) {
        return false;
    }
    skip_space(scanner);
    return scanner_take(scanner, ':');
}

static bool innermost_is_object(const struct scanner *scanner)
{
    size_t level = scanner->depth - 1;
    return (scanner->in_object[level / 8] >> (level % 8) & 1) != 0;
}

static void open_container(struct scanner *scanner, bool is_object)
{
    size_t level = scanner->depth++;
    uint8_t bit = (uint8_t)(1U << (level % 8));
    scanner->in_object[level / 8] =
        (uint8_t)(is_object ? scanner->in_object[level / 8] | bit : scanner->in_object[level / 8] & ~bit);
    if (scanner->depth > scanner->deepest) {
        scanner->deepest = scanner->depth;
    }
}

/* After a value: closes what ends here. True with *more set if another value follows. */
static bool scan_after_value(struct scanner *scanner, bool *more)
{
    for (*more = false; scanner->depth > 0;) {
        skip_space(scanner);
        bool is_object = innermost_is_object(scanner);
        if (scanner_take(scanner, ',')) {
            *more = true;
            return !is_object || scan_key(scanner);
        }
        if (!scanner_take(scanner, is_object ? '}' : ']')) {
            return false;
        }
        scanner->depth--;
    }
    return true;
}

/* An opening bracket and, unless the container is empty, the first key. *opened: a value is expected next. */
static bool scan_opening(struct scanner *scanner, bool *opened)
{
    bool is_object = scanner_peek(scanner) == '{';
    scanner->at++;
    open_container(scanner, is_object);
    skip_space(scanner);
    *opened = true;
    if (scanner_take(scanner, is_object ? '}' : ']')) {
        scanner->depth--;
        *opened = false;
        return true;
    }
    return !is_object || scan_key(scanner);
}

static bool scan_document(struct scanner *scanner)
{
    for (bool more = true; more;) {
        skip_space(scanner);
        int byte = scanner_peek(scanner);
        if (byte == '{' || byte == '[') {
            bool opened;
            if (scanner->depth == NESTING_TRACKED_MAX) {
                return true; /* Far too deep, whatever follows. */
            }
            if (!scan_opening(scanner, &opened)) {
                return false;
            }
            if (opened) {
                continue;
            }
        } else if (!scan_scalar(scanner)) {
            return false;
        }
        if (!scan_after_value(scanner, &more)) {
            return false;
        }
    }
    skip_space(scanner);
    return scanner->at == scanner->text.length;
}

struct json_result json_check(struct bytes text, size_t depth_most)
{
    if (!utf8_is_valid(text)) {
        return (struct json_result){.error = JSON_NOT_UTF8};
    }
    struct scanner scanner;
    scanner.text = text;
    scanner.at = 0;
    scanner.depth = 0;
    scanner.deepest = 0;
    enum json_error error = JSON_OK;
    if (!scan_document(&scanner)) {
        error = JSON_NOT_JSON;
    } else if (scanner.deepest > depth_most) {
        error = JSON_TOO_DEEP;
    }
    return (struct json_result){.error = error, .offset = scanner.at};
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

struct json_result json_parse(struct bytes text, size_t depth_most, struct arena *arena)
{
    static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;
    pthread_once(&hooks_once, install_hooks);

    struct json_result result = json_check(text, depth_most);
    if (result.error != JSON_OK) {
        return result;
    }
    size_t refused = arena->refused;
    parse_arena = arena;
    result.root = cJSON_ParseWithLength((const char *)text.data, text.length);
    parse_arena = NULL;
    if (result.root == NULL) {
        /* What passed the grammar and still fails is a lone surrogate, or the arena was too small. */
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
