#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/config/loading.h"

static const char *environment(void *self, const char *name)
{
    (void)self;
    if (strcmp(name, "PLACE") == 0) {
        return "shed";
    }
    if (strcmp(name, "EMPTY") == 0) {
        return "";
    }
    return strcmp(name, "LATIN1") == 0 ? "caf\xE9" : NULL;
}

struct config_source loading_source(const char *json)
{
    return (struct config_source){
        .text = bytes_of_string(json), .host_name = "edge-7", .environment = environment};
}

struct config_snapshot *load_good_with(const char *json, const char *const *sets, size_t set_count)
{
    struct config_source source = loading_source(json);
    struct config_snapshot *snapshot;
    struct config_errors errors;
    source.sets = sets;
    source.set_count = set_count;
    if (config_load(&source, &snapshot, &errors) != STATUS_OK) {
        fail_msg("%s: %s: %s", json, errors.items[0].path, errors.items[0].message);
    }
    assert_non_null(snapshot);
    return snapshot;
}

struct config_snapshot *load_good(const char *json)
{
    return load_good_with(json, NULL, 0);
}

static void assert_one_error(const struct config_source *source, const struct wrong *wrong)
{
    struct config_snapshot *snapshot;
    struct config_errors errors;
    if (config_load(source, &snapshot, &errors) != STATUS_INVALID || errors.count != 1) {
        fail_msg("%s: %u errors, the second %s: %s", wrong->json, errors.count, errors.items[1].path,
                 errors.items[1].message);
    }
    assert_null(snapshot);
    const struct config_error *error = &errors.items[0];
    if (strcmp(error->path, wrong->path) != 0 || error->code != wrong->code) {
        fail_msg("%s: \"%s\" %s: %s", wrong->json, error->path, config_code_name(error->code),
                 error->message);
    }
    assert_true(strlen(error->message) > 5);
}

void assert_wrong(const struct wrong *wrong)
{
    struct config_source source = loading_source(wrong->json);
    assert_one_error(&source, wrong);
}

void assert_all_wrong(const struct wrong *wrongs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_wrong(&wrongs[i]);
    }
}

void assert_set_wrong(const char *set, const char *path, enum config_code code)
{
    struct config_source source = loading_source("{}");
    source.sets = &set;
    source.set_count = 1;
    assert_one_error(&source, &(struct wrong){set, path, code});
}

void assert_all_good(const char *const *documents, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        config_snapshot_close(load_good(documents[i]));
    }
}
