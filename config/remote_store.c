#include "config/remote_store.h"

#include <limits.h>
#include <stdio.h>

#include "config/block.h"
#include "config/policy_json.h"

static enum status path_in(const char *folder, const char *name, char path[PATH_MAX])
{
    int length = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return length < 0 || length >= PATH_MAX ? STATUS_TOO_LARGE : STATUS_OK;
}

static enum status replace(const struct io *io, const char *folder, const char *name, struct bytes bytes)
{
    char path[PATH_MAX];
    if (path_in(folder, name, path) != STATUS_OK) {
        return STATUS_TOO_LARGE;
    }
    return io_replace_file(io, path, bytes.data, bytes.length) == 0 ? STATUS_OK : STATUS_IO;
}

static enum status read_back(const struct io *io, const char *folder, const char *name,
                             struct config_text *text)
{
    char path[PATH_MAX];
    *text = (struct config_text){0};
    return path_in(folder, name, path) != STATUS_OK ? STATUS_TOO_LARGE : config_text_read(io, path, text);
}

enum status remote_store_save(const struct io *io, const char *folder, struct bytes payload)
{
    if (payload.length > CONFIG_FILE_BYTES_MAX) {
        return STATUS_TOO_LARGE;
    }
    return replace(io, folder, DESIRED_FILE, payload);
}

enum status remote_store_load(const struct io *io, const char *folder, struct config_text *payload)
{
    return read_back(io, folder, DESIRED_FILE, payload);
}

enum status policy_store_save(const struct io *io, const char *folder, const struct policy *policy)
{
    size_t capacity = config_policy_bytes(policy);
    char *block = block_take(capacity);
    if (block == NULL) {
        return STATUS_NO_MEMORY;
    }
    struct text json = text_of(block, capacity);
    config_policy_write(policy, &json);
    enum status status =
        json.overflowed ? STATUS_TOO_LARGE : replace(io, folder, POLICY_FILE, text_bytes(&json));
    block_give(block, capacity);
    return status;
}

enum status policy_store_load(const struct io *io, const char *folder, struct config_snapshot **snapshot)
{
    struct config_text text;
    *snapshot = NULL;
    enum status status = read_back(io, folder, POLICY_FILE, &text);
    if (status != STATUS_OK) {
        return status;
    }
    struct config_errors errors;
    struct config_source source = {.text = text.bytes, .host_name = "flyball", .is_literal = true};
    status = config_load(&source, snapshot, &errors);
    config_text_close(&text);
    return status == STATUS_INVALID ? STATUS_CORRUPT : status;
}
