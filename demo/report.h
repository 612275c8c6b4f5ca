/* What the demo shows: a line for each decision, and at the end a row for each customer. */
#ifndef FLYBALL_DEMO_REPORT_H
#define FLYBALL_DEMO_REPORT_H

#include "demo/answer.h"
#include "demo/depot.h"

enum {
    REPORT_ROWS = CUSTOMER_COUNT + 1, /* The house is the last. */
    REPORT_WAITS_MAX = 100000,        /* Times to a decision that are remembered. */
    REPORT_TEXT_MAX = 32,
};

struct report_row {
    uint64_t kinds[ANSWER_KINDS];
    uint64_t duplicates;
    micro_units energy; /* What was not denied, of kwh. */
    micro_units charged;
    char balance[REPORT_TEXT_MAX];
    char remaining[REPORT_TEXT_MAX];
    char entitlement[REPORT_TEXT_MAX]; /* The last state published. */
    char billing[REPORT_TEXT_MAX];
};

struct report {
    bool in_colour;
    struct report_row rows[REPORT_ROWS];
    int64_t *waits_ms; /* REPORT_WAITS_MAX places, the caller's. */
    size_t wait_count;
};

/* The name of a row's subject. */
const char *report_subject(unsigned row);

/* The row of a subject; false for one that is not of the depot. */
bool report_find_row(struct bytes subject, unsigned *row);

void report_print_heading(void);

/* Prints and counts one decision of a subject the report knows; others are ignored. */
void report_add(struct report *report, const struct answer *answer);

/* A time from an event's first sending to its decision. */
void report_add_wait(struct report *report, int64_t waited_ms);

/* Prints a governor's new state once. */
void report_add_state(struct report *report, struct bytes subject, struct bytes governor, struct bytes state);

/* A line between the decisions, with the time. */
void report_print_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

void report_print_summary(struct report *report);

#endif
