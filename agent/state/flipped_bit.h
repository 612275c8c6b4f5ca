/* Telling a frame of which one bit has flipped from one that was never written whole. */
#ifndef FLYBALL_STATE_FLIPPED_BIT_H
#define FLYBALL_STATE_FLIPPED_BIT_H

#include "agent/state/frame.h"

/* Whether the bytes begin with a frame but for one bit, which is then put right; *at is the bit's byte and
 * *header the frame's. A write cut short passes for that once in thousands of times: a CRC of 32 bits tells
 * single bits of up to 512 MiB apart, and leaves 1 in 2^32 / bits to chance. Else the bytes stay as they are.
 */
bool flipped_bit_repair(uint8_t *bytes, size_t length, struct frame_header *header, uint64_t *at);

#endif
