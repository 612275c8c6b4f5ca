/* What a simulation found wrong, the first thing only, and the trace of what led there. */
#ifndef FLYBALL_TESTS_SIMULATION_FINDINGS_H
#define FLYBALL_TESTS_SIMULATION_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { FINDING_BYTES_MAX = 1024 };

struct findings {
    bool is_violated;
    bool is_given_up; /* `is_violated`, but by the simulation's own limits. */
    uint64_t step;
    FILE *trace; /* NULL: nobody reads it. */
    char text[FINDING_BYTES_MAX];
};

/* Notes that an invariant does not hold. Only the first one counts. */
void findings_violate(struct findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The world grows beyond what the simulation can hold: it ends here, and nothing is said against the agent.
 */
void findings_give_up(struct findings *findings, const char *why);

/* One line of the trace. */
void findings_trace(struct findings *findings, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
