#include "base/name.h"

#include <assert.h>
#include <string.h>

#include "base/utf8.h"

enum status name_set(struct name *name, struct bytes bytes)
{
    memset(name, 0, sizeof *name);
    if (bytes.length > NAME_BYTES_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (bytes.length > 0) {
        memcpy(name->text, bytes.data, bytes.length);
    }
    name->length = (uint8_t)bytes.length;
    return STATUS_OK;
}

struct name name_of(const char *string)
{
    struct name name;
    enum status status = name_set(&name, bytes_of_string(string));
    assert(status == STATUS_OK);
    (void)status;
    return name;
}

struct bytes name_bytes(const struct name *name)
{
    return bytes_of(name->text, name->length);
}

bool name_equal(const struct name *left, const struct name *right)
{
    return left->length == right->length && memcmp(left->text, right->text, left->length) == 0;
}

bool name_is_empty(const struct name *name)
{
    return name->length == 0;
}

bool name_is_segment(struct bytes bytes)
{
    if (bytes.length == 0 || bytes.length > NAME_BYTES_MAX || !utf8_is_text(bytes)) {
        return false;
    }
    for (size_t i = 0; i < bytes.length; i++) {
        if (strchr(" +#/", bytes.data[i]) != NULL) {
            return false;
        }
    }
    return true;
}
