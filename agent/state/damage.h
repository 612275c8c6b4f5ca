/* Frames that are damaged or missing although later ones are there: where they lay and how many. */
#ifndef FLYBALL_STATE_DAMAGE_H
#define FLYBALL_STATE_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DAMAGES_MAX = 64, DAMAGE_TEXT_MAX = 192 };

/* Consecutive lost frames. */
struct damage {
    uint64_t first_frame;
    uint64_t last_frame;
    uint32_t segment; /* Number of the file */
    uint64_t offset;  /* and where the first lay or should lie. */
};

/* The first DAMAGES_MAX of them; the rest is only counted. */
struct damages {
    struct damage list[DAMAGES_MAX]; /* By frame. */
    uint32_t count;
    uint64_t frames; /* Lost in all. */
};

/* Adds what is not known yet, joined to its neighbour. False if all of it was known. */
bool damages_add(struct damages *damages, struct damage damage);

/* Whether the frame is one of those listed. */
bool damages_have(const struct damages *damages, uint64_t frame);

/* The frames before `frame` are gone, and their damage with them. */
void damages_forget(struct damages *damages, uint64_t frame);

/* "segment-0000000002.log at offset 8192: frames 7 to 9 are damaged or missing". */
void damage_describe(const struct damage *damage, char text[DAMAGE_TEXT_MAX]);

#endif
