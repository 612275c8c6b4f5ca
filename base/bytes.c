#include "base/bytes.h"

#include <assert.h>
#include <string.h>

struct bytes bytes_of(const void *data, size_t length)
{
    return (struct bytes){.data = data, .length = length};
}

struct bytes bytes_of_string(const char *string)
{
    return bytes_of(string, strlen(string));
}

bool bytes_equal(struct bytes left, struct bytes right)
{
    return left.length == right.length &&
           (left.length == 0 || memcmp(left.data, right.data, left.length) == 0);
}

bool bytes_equal_string(struct bytes bytes, const char *string)
{
    return bytes_equal(bytes, bytes_of_string(string));
}

bool bytes_start_with(struct bytes bytes, struct bytes prefix)
{
    return bytes.length >= prefix.length && bytes_equal(bytes_of(bytes.data, prefix.length), prefix);
}

struct bytes bytes_after(struct bytes bytes, size_t count)
{
    assert(count <= bytes.length);
    if (count == 0) {
        return bytes; /* Even zero may not be added to NULL. */
    }
    return bytes_of(bytes.data + count, bytes.length - count);
}
