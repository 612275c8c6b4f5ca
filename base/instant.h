/* Points in time as milliseconds since 1970-01-01T00:00:00Z, without leap seconds. */
#ifndef FLYBALL_BASE_INSTANT_H
#define FLYBALL_BASE_INSTANT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

typedef int64_t instant_ms;

#define INSTANT_NEVER INT64_MAX

/* The first and last instant RFC 3339 can write with a four-digit year: 0000-01-01 and
 * 9999-12-31T23:59:59.999Z. */
#define INSTANT_LEAST (-62167219200000LL)
#define INSTANT_MOST 253402300799999LL

enum { INSTANT_TEXT_MAX = 32 };

/* RFC 3339 in UTC with milliseconds, "2026-11-21T07:00:00.000Z". Writes no terminator; returns the length
 * (24). Instants outside INSTANT_LEAST..INSTANT_MOST are written as the nearer bound. */
size_t instant_format(instant_ms instant, char text[INSTANT_TEXT_MAX]);

/* Any RFC 3339 date-time: an offset or Z, a fraction of any length (beyond milliseconds cut off). A leap
 * second
 * (:60) counts as the second after it. STATUS_INVALID otherwise. */
MUST_USE enum status instant_parse(struct bytes text, instant_ms *instant);

/* The start of the UTC calendar month that holds `instant`, and of the one after it. */
instant_ms instant_month_start(instant_ms instant);
instant_ms instant_next_month(instant_ms instant);

/* Both, for the price of one. */
void instant_month_bounds(instant_ms instant, instant_ms *start, instant_ms *next);

/* left + right for instants and durations, held at INSTANT_NEVER or INSTANT_LEAST instead of overflowing. */
instant_ms instant_add(instant_ms instant, int64_t duration_ms);

#endif
