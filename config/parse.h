/* Strict JSON into a tree, with complaints that say where it broke. */
#ifndef FLYBALL_CONFIG_PARSE_H
#define FLYBALL_CONFIG_PARSE_H

#include "config/load.h"
#include "config/reader.h"

/* The tree, in the reader's arena, or NULL after a complaint: not_json with line and column, too_many for one
 * nested too deeply, duplicate at the second of two equal keys, too_long when the arena cannot hold it. */
cJSON *parse_json(struct config_reader *reader, struct bytes text);

/* Whether a --set value of these bytes is JSON at all, whatever else is wrong with it. */
bool parse_is_json(struct bytes text);

/* A string node, or NULL after a complaint. */
cJSON *parse_as_string(struct config_reader *reader, struct bytes string);

#endif
