/* A configuration file, --set and the environment. Input: a byte whose lower half is how many --set there
 * are, those, each ended by FF, then the file. */
#include <string.h>

#include "config/document.h"
#include "config/load.h"
#include "tests/fuzz/config_check.h"
#include "tests/fuzz/fuzz.h"

enum { SETS_MOST = 7, SET_BYTES_MOST = 512, FLAG_NO_FILE = 1 << 4, LONG_BYTES = 70000 };

static const char *environment(void *self, const char *name)
{
    static char long_value[LONG_BYTES];
    (void)self;
    if (strcmp(name, "LONG") == 0) {
        memset(long_value, 'x', sizeof long_value - 1);
        return long_value;
    }
    static const char *const variables[][2] = {
        {"PLACE", "shed"}, {"EMPTY", ""}, {"LATIN1", "caf\xE9"}, {"REF", "${PLACE}"}, {"N", "5"}};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        if (strcmp(name, variables[i][0]) == 0) {
            return variables[i][1];
        }
    }
    return NULL;
}

static const char *take_set(struct fuzz_input *input, char *storage)
{
    struct bytes part = fuzz_part(input);
    size_t length = part.length < SET_BYTES_MOST ? part.length : SET_BYTES_MOST - 1;
    if (length > 0) {
        memcpy(storage, part.data, length);
    }
    storage[length] = '\0';
    return storage;
}

/* The errors are about the document as it is after --set and with its defaults, if it gets that far. */
static void check_complaints(const struct config_source *source, const struct config_errors *errors)
{
    static struct config_errors ignored;
    struct document document;
    memset(&ignored, 0, sizeof ignored);
    fuzz_require(errors->count > 0, "a configuration is refused for a reason");
    if (document_open(&document, source, &ignored) != STATUS_OK) {
        check_errors(errors, NULL, "");
        return;
    }
    check_errors(errors, document.root, "");
    document_close(&document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char storage[SETS_MOST][SET_BYTES_MOST];
    static struct config_errors errors;
    const char *sets[SETS_MOST];
    struct fuzz_input input = {.rest = bytes_of(data, size)};
    uint8_t flags = fuzz_u8(&input);
    struct config_source source = {.sets = sets,
                                   .set_count = (flags & 15) % (SETS_MOST + 1),
                                   .host_name = "edge-1",
                                   .environment = environment};
    for (size_t i = 0; i < source.set_count; i++) {
        sets[i] = take_set(&input, storage[i]);
    }
    source.text = (flags & FLAG_NO_FILE) != 0 ? bytes_of(NULL, 0) : fuzz_rest(&input);
    struct config_snapshot *snapshot;
    if (config_load(&source, &snapshot, &errors) != STATUS_OK) {
        fuzz_require(snapshot == NULL, "what is refused leaves nothing behind");
        check_complaints(&source, &errors);
        return 0;
    }
    fuzz_require(errors.count == 0, "what is accepted has no errors");
    check_snapshot(snapshot);
    config_snapshot_close(snapshot);
    return 0;
}
