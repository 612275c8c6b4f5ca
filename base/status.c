#include "base/status.h"

#include <stdlib.h>

const char *status_name(enum status status)
{
    switch (status) {
    case STATUS_OK: return "ok";
    case STATUS_FULL: return "full";
    case STATUS_EMPTY: return "empty";
    case STATUS_NOT_FOUND: return "not_found";
    case STATUS_INVALID: return "invalid";
    case STATUS_TOO_LARGE: return "too_large";
    case STATUS_OVERFLOW: return "overflow";
    case STATUS_CORRUPT: return "corrupt";
    case STATUS_UNSUPPORTED: return "unsupported";
    case STATUS_NO_SPACE: return "no_space";
    case STATUS_IO: return "io";
    case STATUS_LOCKED: return "locked";
    case STATUS_CLOSED: return "closed";
    case STATUS_TIMED_OUT: return "timed_out";
    case STATUS_NO_MEMORY: return "no_memory";
    case STATUS_DISCONNECTED: return "disconnected";
    }
    abort(); /* Corrupt status. */
}
