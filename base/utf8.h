/* UTF-8 as RFC 3629 has it: shortest form only, no surrogates, nothing beyond U+10FFFF. */
#ifndef FLYBALL_BASE_UTF8_H
#define FLYBALL_BASE_UTF8_H

#include "base/bytes.h"

bool utf8_is_valid(struct bytes bytes);

/* Valid, and without the control characters (C0, DEL, C1) and noncharacters that MQTT 5, section 1.5.4, warns
 * of: brokers end the connection over them. */
bool utf8_is_text(struct bytes bytes);

#endif
