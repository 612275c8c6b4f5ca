#include "config/fields.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/runtime/route.h"

static const struct field *find_field(const struct field *fields, const char *key)
{
    for (; fields->key != NULL; fields++) {
        if (strcmp(fields->key, key) == 0) {
            return fields;
        }
    }
    return NULL;
}

static void read_number(struct config_reader *reader, const cJSON *item, const struct field *field,
                        uint8_t *target)
{
    uint64_t value;
    if (!reader_unsigned(reader, item, field->least, field->most, &value)) {
        return;
    }
    if (field->kind == FIELD_UINT64) {
        memcpy(target, &value, sizeof value);
        return;
    }
    uint32_t narrow = (uint32_t)value;
    memcpy(target, &narrow, sizeof narrow);
}

static void read_amount(struct config_reader *reader, const cJSON *item, const struct field *field,
                        uint8_t *target)
{
    micro_units value;
    bool is_read =
        field->kind == FIELD_SHARE ? reader_share(reader, item, &value) : reader_amount(reader, item, &value);
    if (is_read) {
        memcpy(target, &value, sizeof value);
    }
}

static void read_choice(struct config_reader *reader, const cJSON *item, const struct field *field,
                        uint8_t *target)
{
    uint32_t index;
    static_assert(sizeof(enum field_kind) == sizeof index, "an enum is stored as its index");
    if (reader_choice(reader, item, field->words, &index)) {
        memcpy(target, &index, sizeof index);
    }
}

static void read_string(struct config_reader *reader, const cJSON *item, const struct field *field,
                        uint8_t *target)
{
    struct bytes string;
    if (reader_plain_string(reader, item, field->least, field->most, &string)) {
        const char *kept = reader_keep(reader, string);
        memcpy(target, &kept, sizeof kept);
    }
}

static void read_name(struct config_reader *reader, const cJSON *item, uint8_t *target)
{
    struct name name;
    if (reader_name(reader, item, &name)) {
        memcpy(target, &name, sizeof name);
    }
}

static void read_route_text(struct config_reader *reader, const cJSON *item, const struct field *field,
                            uint8_t *target)
{
    struct bytes string;
    if (!reader_string(reader, item, field->least, field->most, &string)) {
        return;
    }
    struct route_text text = {0};
    text.length = (uint16_t)string.length;
    memcpy(text.text, string.data, string.length);
    memcpy(target, &text, sizeof text);
}

/* null stands for "as if left out" where the table says so. */
static bool is_left_out(const cJSON *item, enum field_kind kind)
{
    return cJSON_IsNull(item) &&
           (kind == FIELD_NULLABLE_AMOUNT || kind == FIELD_NULLABLE_STRING || kind == FIELD_NULLABLE_NAME);
}

static void read_field(struct config_reader *reader, const cJSON *item, const struct field *field,
                       uint8_t *target)
{
    if (is_left_out(item, field->kind)) {
        return;
    }
    switch (field->kind) {
    case FIELD_UINT32:
    case FIELD_UINT64: read_number(reader, item, field, target); return;
    case FIELD_SHARE:
    case FIELD_AMOUNT:
    case FIELD_NULLABLE_AMOUNT: read_amount(reader, item, field, target); return;
    case FIELD_CHOICE: read_choice(reader, item, field, target); return;
    case FIELD_STRING:
    case FIELD_NULLABLE_STRING: read_string(reader, item, field, target); return;
    case FIELD_NAME:
    case FIELD_NULLABLE_NAME: read_name(reader, item, target); return;
    case FIELD_ROUTE_TEXT: read_route_text(reader, item, field, target); return;
    case FIELD_ELSEWHERE: return;
    }
    abort(); /* Corrupt table. */
}

bool fields_read(struct config_reader *reader, const cJSON *object, const struct field *fields, void *record)
{
    uint32_t errors_before = reader->errors->count + reader->errors->dropped;
    if (!reader_is_object(reader, object)) {
        return false;
    }
    struct text outer = reader->path;
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        const struct field *field = find_field(fields, item->string);
        reader_enter_key(reader, bytes_of_string(item->string));
        if (field == NULL) {
            reader_complain(reader, CONFIG_UNKNOWN_KEY, "is not a key of this object");
        } else {
            read_field(reader, item, field, (uint8_t *)record + field->offset);
        }
        reader->path = outer;
    }
    return reader->errors->count + reader->errors->dropped == errors_before;
}
