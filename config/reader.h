/* Reads typed values out of a JSON tree and complains where they stand. */
#ifndef FLYBALL_CONFIG_READER_H
#define FLYBALL_CONFIG_READER_H

#include "base/arena.h"
#include "base/json.h"
#include "config/errors.h"

enum {
    /* Set in the type of a node that --set made: a number there may be read as a string, for
     * broker.protocol=5 is JSON, but no string. */
    READER_LENIENT = 1 << 12,
};

struct config_reader {
    struct config_errors *errors;
    struct arena *arena; /* For the strings kept. */
    struct text path;    /* Of the item being read. To leave a level, put back a copy taken before. */
    char path_storage[CONFIG_PATH_MAX];
};

/* `reader` is not moved afterwards: its path points into it. */
void reader_init(struct config_reader *reader, struct config_errors *errors, struct arena *arena);

void reader_enter_key(struct config_reader *reader, struct bytes key);
void reader_enter_index(struct config_reader *reader, size_t index);

/* About the item at the path, or the member of that item. */
void reader_complain(struct config_reader *reader, enum config_code code, const char *message, ...)
    __attribute__((format(printf, 3, 4)));
void reader_complain_key(struct config_reader *reader, const char *key, enum config_code code,
                         const char *message, ...) __attribute__((format(printf, 4, 5)));

/* Complains unless the item is an object, or an array of at most `most` elements. */
bool reader_is_object(struct config_reader *reader, const cJSON *item);
bool reader_is_array(struct config_reader *reader, const cJSON *item, size_t most);

/* Complains unless the object has the member. */
bool reader_has(struct config_reader *reader, const cJSON *object, const char *key);

/* Each reads the item at the path; false, with a complaint, if it is not what is wanted. */

/* A whole number, however written. */
bool reader_unsigned(struct config_reader *reader, const cJSON *item, uint64_t least, uint64_t most,
                     uint64_t *value);

/* An amount >= 0: a string, or a number up to 9,007,199,254. */
bool reader_amount(struct config_reader *reader, const cJSON *item, micro_units *value);

/* A number from 0 to 1 of at most 6 decimals, in millionths. */
bool reader_share(struct config_reader *reader, const cJSON *item, micro_units *value);

/* A string of `least` to `most` bytes; borrowed from the tree. */
bool reader_string(struct config_reader *reader, const cJSON *item, size_t least, size_t most,
                   struct bytes *value);

/* The same without control characters. */
bool reader_plain_string(struct config_reader *reader, const cJSON *item, size_t least, size_t most,
                         struct bytes *value);

/* 1-64 bytes without control characters. */
bool reader_name(struct config_reader *reader, const cJSON *item, struct name *value);

/* The item's own key as a name: 1-64 bytes without control characters; or a topic segment, "*" included. */
bool reader_name_key(struct config_reader *reader, const cJSON *item, struct name *value);
bool reader_segment_key(struct config_reader *reader, const cJSON *item, struct name *value);

/* One of `words`, a list that ends with NULL; its index. */
bool reader_choice(struct config_reader *reader, const cJSON *item, const char *const *words,
                   uint32_t *index);

/* A terminated copy in the reader's arena, which is large enough for all the strings it is asked to keep. */
const char *reader_keep(struct config_reader *reader, struct bytes string);

#endif
