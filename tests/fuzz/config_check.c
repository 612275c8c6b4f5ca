#include "tests/fuzz/config_check.h"

#include <string.h>

#include "base/json_pointer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_model.h"

/* The path without its last key. */
static struct bytes parent_of(struct bytes path)
{
    while (path.length > 0 && path.data[path.length - 1] != '/') {
        path.length--;
    }
    return bytes_of(path.data, path.length == 0 ? 0 : path.length - 1);
}

/* A missing key's path does not resolve, but its object's does; a whole section may be missing too. */
static bool leads_somewhere(const cJSON *document, struct bytes path)
{
    const cJSON *item = json_pointer_find(document, path);
    const cJSON *parent = json_pointer_find(document, parent_of(path));
    bool is_section = parent_of(parent_of(path)).length == 0;
    return item != NULL || cJSON_IsObject(parent) || is_section;
}

static void check_path(const struct config_error *error, const cJSON *document, struct bytes above)
{
    struct bytes path = bytes_of_string(error->path);
    fuzz_require(json_model_of(path).is_utf8, "a path is UTF-8");
    /* A path of its full length may be cut, maybe within a ~0. */
    if (path.length + 4 > CONFIG_PATH_MAX) {
        return;
    }
    fuzz_require(json_pointer_is_valid(path), "a path is a JSON pointer");
    if (document != NULL && bytes_start_with(path, above)) {
        fuzz_require(leads_somewhere(document, bytes_after(path, above.length)),
                     "a path leads to what is wrong");
    }
}

void check_errors(const struct config_errors *errors, const cJSON *document, const char *above)
{
    static char storage[CONFIG_ERRORS_MAX * 8 * (CONFIG_PATH_MAX + CONFIG_MESSAGE_MAX)];
    fuzz_require(errors->count <= CONFIG_ERRORS_MAX, "errors are counted within their bounds");
    fuzz_require(errors->dropped == 0 || errors->count == CONFIG_ERRORS_MAX, "errors are dropped when full");
    for (uint32_t i = 0; i < errors->count; i++) {
        const struct config_error *error = &errors->items[i];
        fuzz_require(strlen(error->message) > 5 && json_model_of(bytes_of_string(error->message)).is_utf8,
                     "an error says what is wrong");
        fuzz_require(strlen(config_code_name(error->code)) > 0, "an error has a code");
        check_path(error, document, bytes_of_string(above));
    }
    struct text text = text_of(storage, sizeof storage);
    config_errors_write(errors, &text);
    fuzz_require(!text.overflowed, "errors fit their report");
    fuzz_require_json(text_bytes(&text));
}
