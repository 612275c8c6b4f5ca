/* JSON, pointers and what is written. Input: a pointer, ended by FF, then a document. */
#include <stdalign.h>
#include <string.h>

#include "base/json.h"
#include "base/json_pointer.h"
#include "base/text.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_model.h"

enum { DOCUMENT_MOST = 4096, DEPTH_MOST = 8 };

static enum json_error expected_error(struct json_model model)
{
    if (!model.is_utf8 || !model.is_json) {
        return model.is_utf8 ? JSON_NOT_JSON : JSON_NOT_UTF8;
    }
    if (model.depth > DEPTH_MOST) {
        return JSON_TOO_DEEP;
    }
    return model.has_equal_keys ? JSON_DUPLICATE_KEY : JSON_OK;
}

/* A tree written again is the same document; `text` has room enough. */
static void write_tree(struct text *text, const cJSON *item)
{
    if (cJSON_IsString(item)) {
        json_string(text, json_text(item));
    } else if (cJSON_IsNumber(item)) {
        json_raw(text, json_number_text(item));
    } else if (cJSON_IsBool(item)) {
        json_bool(text, cJSON_IsTrue(item));
    } else if (cJSON_IsNull(item)) {
        json_null(text);
    } else if (cJSON_IsArray(item)) {
        json_open_array(text);
        for (const cJSON *child = item->child; child != NULL; child = child->next) {
            write_tree(text, child);
        }
        json_close_array(text);
    } else {
        json_open_object(text);
        for (const cJSON *child = item->child; child != NULL; child = child->next) {
            json_key(text, child->string);
            write_tree(text, child);
        }
        json_close_object(text);
    }
}

static struct json_result parse(struct bytes document, struct arena *arena)
{
    struct json_result result = json_parse(document, DEPTH_MOST, arena);
    fuzz_require(arena->refused == 0, "the arena is large enough for any document");
    return result;
}

static void check_rewritten(const cJSON *root)
{
    static alignas(16) uint8_t storage[2048 + 48 * 7 * DOCUMENT_MOST];
    static char first[7 * DOCUMENT_MOST], second[7 * DOCUMENT_MOST];
    struct arena arena;
    struct text text = text_of(first, sizeof first);
    write_tree(&text, root);
    fuzz_require(!text.overflowed, "a document grows at most by escapes");
    fuzz_require_json(text_bytes(&text));
    arena_init(&arena, storage, sizeof storage);
    struct json_result again = parse(text_bytes(&text), &arena);
    fuzz_require(again.error == JSON_OK, "what is written parses");
    struct text rewritten = text_of(second, sizeof second);
    write_tree(&rewritten, again.root);
    fuzz_require(bytes_equal(text_bytes(&text), text_bytes(&rewritten)), "what is written has one form");
}

static void check_pointer(const cJSON *root, struct bytes pointer)
{
    const cJSON *found = json_pointer_find(root, pointer);
    fuzz_require(found == NULL || json_pointer_is_valid(pointer), "what is no pointer finds nothing");
    fuzz_require(pointer.length > 0 || found == root, "the empty pointer is the document");
    if (pointer.length > 1 && pointer.data[0] == '/' && memchr(pointer.data, '~', pointer.length) == NULL &&
        memchr(pointer.data + 1, '/', pointer.length - 1) == NULL &&
        memchr(pointer.data, 0, pointer.length) == NULL && cJSON_IsObject(root)) {
        char key[DOCUMENT_MOST];
        size_t length = pointer.length - 1 < sizeof key ? pointer.length - 1 : sizeof key - 1;
        memcpy(key, pointer.data + 1, length);
        key[length] = '\0';
        fuzz_require(length != pointer.length - 1 || !utf8_is_valid(pointer) ||
                         found == json_member(root, key),
                     "one key leads to the member");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static alignas(16) uint8_t storage[2048 + 48 * DOCUMENT_MOST];
    struct fuzz_input input = {.rest = bytes_of(data, size)};
    struct bytes pointer = fuzz_part(&input);
    struct bytes document = fuzz_rest(&input);
    if (document.length > DOCUMENT_MOST) {
        return 0;
    }
    struct arena arena;
    size_t needed = json_arena_bytes(document.length);
    arena_init(&arena, storage, needed);
    struct json_model model = json_model_of(document);
    struct json_result result = parse(document, &arena);
    fuzz_require(utf8_is_valid(document) == model.is_utf8, "UTF-8 is what RFC 3629 says");
    fuzz_require(result.error == expected_error(model), "JSON is what RFC 8259 says");
    if (result.error == JSON_OK) {
        check_rewritten(result.root);
        check_pointer(result.root, pointer);
    }
    return 0;
}
