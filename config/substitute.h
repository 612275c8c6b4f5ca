/* Replaces ${NAME} in every string of a tree by what the environment says. */
#ifndef FLYBALL_CONFIG_SUBSTITUTE_H
#define FLYBALL_CONFIG_SUBSTITUTE_H

#include "config/load.h"
#include "config/reader.h"

/* NAME is letters, digits and _, no digit first; any other $ stays as it is, and what was put in is not
 * looked at again. Keys are left alone. Complains of variables that are unset or no UTF-8, and of text that
 * does not fit the reader's arena. */
void substitute_environment(struct config_reader *reader, cJSON *root, const struct config_source *source);

#endif
