/* --set: single values put into a configuration by their dotted paths. */
#ifndef FLYBALL_CONFIG_SETS_H
#define FLYBALL_CONFIG_SETS_H

#include "config/reader.h"

/* Applies "dotted.path=value" to the tree, in the reader's arena: a value that is JSON as such, else as a
 * string. Objects on the way are made. Complains of a path that leads through anything but objects. */
void sets_apply(struct config_reader *reader, cJSON *root, const char *set);

#endif
