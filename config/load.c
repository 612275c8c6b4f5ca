#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "config/block.h"
#include "config/build.h"
#include "config/document.h"

enum status config_load(const struct config_source *source, struct config_snapshot **snapshot,
                        struct config_errors *errors)
{
    struct document document;
    memset(errors, 0, sizeof *errors);
    *snapshot = NULL;
    enum status status = document_open(&document, source, errors);
    if (status != STATUS_OK) {
        return status;
    }
    status = config_build(document.root, source->host_name, snapshot, errors);
    document_close(&document);
    return status;
}

static enum status read_open_file(const struct io *io, int file, struct config_text *text)
{
    /* One byte more than allowed tells a file that is too large. */
    ssize_t length = io_read_full(io, file, text->block, text->block_bytes, 0);
    if (length < 0) {
        return STATUS_IO;
    }
    text->bytes = bytes_of(text->block, (size_t)length);
    return length > CONFIG_FILE_BYTES_MAX ? STATUS_TOO_LARGE : STATUS_OK;
}

enum status config_text_read(const struct io *io, const char *path, struct config_text *text)
{
    memset(text, 0, sizeof *text);
    int file = io->open(io->self, path, O_RDONLY, 0);
    if (file < 0) {
        return errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_IO;
    }
    text->block_bytes = CONFIG_FILE_BYTES_MAX + 1;
    text->block = block_take(text->block_bytes);
    enum status status = text->block == NULL ? STATUS_NO_MEMORY : read_open_file(io, file, text);
    io->close(io->self, file);
    if (status != STATUS_OK) {
        config_text_close(text);
    }
    return status;
}

void config_text_close(struct config_text *text)
{
    block_give(text->block, text->block_bytes);
    memset(text, 0, sizeof *text);
}
