/* Fills a struct from a JSON object by a table of its members. */
#ifndef FLYBALL_CONFIG_FIELDS_H
#define FLYBALL_CONFIG_FIELDS_H

#include "config/reader.h"

/* How a member is read, and the type it has in the struct. */
enum field_kind {
    FIELD_UINT32,
    FIELD_UINT64,
    FIELD_SHARE,           /* micro_units */
    FIELD_AMOUNT,          /* micro_units */
    FIELD_NULLABLE_AMOUNT, /* null changes nothing, here and below. */
    FIELD_CHOICE,          /* An enum whose values are the indexes of `words`. */
    FIELD_STRING,          /* const char *, kept in the reader's arena; no control characters. */
    FIELD_NULLABLE_STRING,
    FIELD_NAME, /* struct name */
    FIELD_NULLABLE_NAME,
    FIELD_ROUTE_TEXT, /* struct route_text; any characters. */
    FIELD_ELSEWHERE,  /* Known, but read by someone else. */
};

struct field {
    const char *key; /* NULL ends the table. */
    enum field_kind kind;
    size_t offset;
    uint64_t least; /* Of a number, or of a string's bytes. */
    uint64_t most;
    const char *const *words;
};

/* Reads what the object has, keeps in *record what it has not; complains of anything but an object, of keys
 * that are not in the table and of values out of place. False after any complaint. */
bool fields_read(struct config_reader *reader, const cJSON *object, const struct field *fields, void *record);

#endif
