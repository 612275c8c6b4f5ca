#include "agent/runtime/message.h"

#include <string.h>

#include "base/utf8.h"

bool topic_is_sendable(struct bytes topic)
{
    if (topic.length == 0 || topic.length > UINT16_MAX || !utf8_is_text(topic)) {
        return false;
    }
    uint32_t levels = 1;
    for (size_t i = 0; i < topic.length; i++) {
        levels += topic.data[i] == '/' ? 1 : 0;
    }
    return levels <= TOPIC_LEVELS_MAX && memchr(topic.data, '+', topic.length) == NULL &&
           memchr(topic.data, '#', topic.length) == NULL;
}
