/* Runs a target over the inputs in its folders, without libFuzzer: every find stays a test with every
 * compiler. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_BYTES_MAX = 1 << 20, PATH_BYTES_MAX = 4096 };

static void fail(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    exit(EXIT_FAILURE);
}

/* In memory of just its size, so that a read beyond it is noticed. */
static void run_file(const char *path)
{
    static uint8_t buffer[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail(path, "cannot be opened");
    }
    size_t size = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    uint8_t *input = malloc(size == 0 ? 1 : size);
    if (input == NULL) {
        fail(path, "no memory");
    }
    memcpy(input, buffer, size);
    /* The last line before a crash names the input. */
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(input, size);
    free(input);
}

static size_t run_folder(const char *folder)
{
    size_t count = 0;
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        fail(folder, "cannot be listed");
    }
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] != '.') {
            char path[PATH_BYTES_MAX];
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            run_file(path);
            count++;
        }
    }
    closedir(entries);
    return count;
}

int main(int argument_count, char **arguments)
{
    for (int i = 1; i < argument_count; i++) {
        if (run_folder(arguments[i]) == 0) {
            fail(arguments[i], "has no inputs");
        }
    }
    return argument_count > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
