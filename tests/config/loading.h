/* Loads configurations written in a test, and says what came of them. */
#ifndef FLYBALL_TESTS_CONFIG_LOADING_H
#define FLYBALL_TESTS_CONFIG_LOADING_H

#include "config/load.h"

/* A document and the one thing that is wrong with it. */
struct wrong {
    const char *json;
    const char *path;
    enum config_code code;
};

/* As from a file on a host named "edge-7", with the variables PLACE=shed, EMPTY= and LATIN1 (no UTF-8). */
struct config_source loading_source(const char *json);

/* The snapshot, which the test closes; fails the test if there is an error. */
struct config_snapshot *load_good(const char *json);
struct config_snapshot *load_good_with(const char *json, const char *const *sets, size_t set_count);

/* Fails the test unless the document has exactly the error. */
void assert_wrong(const struct wrong *wrong);
void assert_all_wrong(const struct wrong *wrongs, size_t count);

/* Fails the test unless `sets` over an empty document give exactly the error. */
void assert_set_wrong(const char *set, const char *path, enum config_code code);

/* Fails the test unless all of them load. */
void assert_all_good(const char *const *documents, size_t count);

#endif
