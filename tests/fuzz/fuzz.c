#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/json_model.h"

uint8_t fuzz_u8(struct fuzz_input *input)
{
    if (input->rest.length == 0) {
        return 0;
    }
    uint8_t byte = input->rest.data[0];
    input->rest = bytes_after(input->rest, 1);
    return byte;
}

uint16_t fuzz_u16(struct fuzz_input *input)
{
    unsigned low = fuzz_u8(input);
    unsigned high = fuzz_u8(input);
    return (uint16_t)(low | high << 8);
}

struct bytes fuzz_part(struct fuzz_input *input)
{
    size_t length = 0;
    while (length < input->rest.length && input->rest.data[length] != FUZZ_PART_END) {
        length++;
    }
    struct bytes part = bytes_of(input->rest.data, length);
    input->rest = bytes_after(input->rest, length < input->rest.length ? length + 1 : length);
    return part;
}

struct bytes fuzz_rest(struct fuzz_input *input)
{
    struct bytes rest = input->rest;
    input->rest = bytes_after(rest, rest.length);
    return rest;
}

void fuzz_require(bool holds, const char *property)
{
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", property);
        abort();
    }
}

void fuzz_require_json(struct bytes json)
{
    struct json_model model = json_model_of(json);
    if (!model.is_utf8 || !model.is_json || model.has_equal_keys) {
        fprintf(stderr, "%.*s\n", (int)json.length, (const char *)json.data);
        fuzz_require(false, "what is written is JSON");
    }
}

void fuzz_require_text(struct bytes object, const char *key, struct bytes text)
{
    fuzz_require(json_model_text_is(json_model_member(object, key), text), key);
}

void fuzz_require_literal(struct bytes object, const char *key, const char *text)
{
    fuzz_require_text(object, key, bytes_of_string(text));
}
