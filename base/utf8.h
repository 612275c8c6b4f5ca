/* UTF-8 as RFC 3629 has it: shortest form only, no surrogates, nothing beyond U+10FFFF. */
#ifndef FLYBALL_BASE_UTF8_H
#define FLYBALL_BASE_UTF8_H

#include "base/bytes.h"

bool utf8_is_valid(struct bytes bytes);

#endif
