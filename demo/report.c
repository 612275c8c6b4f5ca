#include "demo/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char line_format[] = "%s  %-10.*s  %-10.*s  %-6.*s  %8.*s  %s%-8s%s  %-21.*s  ";

const char *report_subject(unsigned row)
{
    return row < CUSTOMER_COUNT ? depot_customers[row].name : depot_house;
}

bool report_find_row(struct bytes subject, unsigned *row)
{
    for (unsigned at = 0; at < REPORT_ROWS; at++) {
        if (bytes_equal_string(subject, report_subject(at))) {
            *row = at;
            return true;
        }
    }
    return false;
}

static const char *time_of_day(char text[16])
{
    time_t now = time(NULL);
    struct tm parts;
    localtime_r(&now, &parts);
    strftime(text, 16, "%H:%M:%S", &parts);
    return text;
}

static const char *colour_of(const struct report *report, enum answer_kind kind)
{
    if (!report->in_colour) {
        return "";
    }
    switch (kind) {
    case ANSWER_ALLOW: return "\033[32m";
    case ANSWER_WARN: return "\033[33m";
    case ANSWER_THROTTLE: return "\033[35m";
    case ANSWER_DENY: return "\033[31m";
    }
    abort(); /* Corrupt kind. */
}

void report_print_heading(void)
{
    printf("\n%-8s  %-10s  %-10s  %-6s  %8s  %-8s  %-21s  %s\n", "time", "customer", "device", "meter",
           "amount", "decision", "reason", "left");
}

static void print_decision(const struct report *report, const struct answer *answer)
{
    char now[16];
    char amount[MICRO_UNITS_TEXT_MAX];
    size_t amount_length = micro_units_format(answer->amount, amount);
    printf(line_format, time_of_day(now), (int)answer->subject.length, (const char *)answer->subject.data,
           (int)answer->device.length, (const char *)answer->device.data, (int)answer->meter.length,
           (const char *)answer->meter.data, (int)amount_length, amount, colour_of(report, answer->kind),
           answer_kind_name(answer->kind), report->in_colour ? "\033[0m" : "", (int)answer->reason.length,
           (const char *)answer->reason.data);
    if (answer->balance.length > 0) {
        printf("balance %-10.*s ", (int)answer->balance.length, (const char *)answer->balance.data);
    }
    if (answer->remaining.length > 0) {
        printf("quota %.*s", (int)answer->remaining.length, (const char *)answer->remaining.data);
    }
    puts(answer->duplicate ? " (again)" : "");
}

static void keep_text(char kept[REPORT_TEXT_MAX], struct bytes text)
{
    if (text.length > 0 && text.length < REPORT_TEXT_MAX) {
        memcpy(kept, text.data, text.length);
        kept[text.length] = '\0';
    }
}

static void add_to(micro_units *sum, micro_units value)
{
    if (micro_units_add(*sum, value, sum) != STATUS_OK) {
        *sum = MICRO_UNITS_MOST;
    }
}

static void count_decision(struct report_row *row, const struct answer *answer)
{
    if (answer->duplicate) {
        row->duplicates++;
        return;
    }
    row->kinds[answer->kind]++;
    if (answer->kind != ANSWER_DENY && bytes_equal_string(answer->meter, "kwh")) {
        add_to(&row->energy, answer->amount);
    }
    add_to(&row->charged, answer->charged);
    keep_text(row->balance, answer->balance);
    keep_text(row->remaining, answer->remaining);
}

void report_add(struct report *report, const struct answer *answer)
{
    unsigned row = 0;
    if (report_find_row(answer->subject, &row)) {
        count_decision(&report->rows[row], answer);
        print_decision(report, answer);
    }
}

void report_add_wait(struct report *report, int64_t waited_ms)
{
    if (report->wait_count < REPORT_WAITS_MAX) {
        report->waits_ms[report->wait_count++] = waited_ms;
    }
}

void report_print_note(const char *format, ...)
{
    char now[16];
    va_list arguments;
    printf("%s  -- ", time_of_day(now));
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

void report_add_state(struct report *report, struct bytes subject, struct bytes governor, struct bytes state)
{
    unsigned row = 0;
    if (!report_find_row(subject, &row)) {
        return;
    }
    char *kept = NULL;
    if (bytes_equal_string(governor, "entitlement")) {
        kept = report->rows[row].entitlement;
    } else if (bytes_equal_string(governor, "billing")) {
        kept = report->rows[row].billing;
    }
    if (kept == NULL || bytes_equal_string(state, kept)) {
        return;
    }
    bool is_first = kept[0] == '\0';
    keep_text(kept, state);
    if (!is_first) {
        report_print_note("%s: %.*s is now %s", report_subject(row), (int)governor.length,
                          (const char *)governor.data, kept);
    }
}

static const char *amount_text(micro_units value, char text[MICRO_UNITS_TEXT_MAX + 1])
{
    text[micro_units_format(value, text)] = '\0';
    return text;
}

static void add_row(struct report_row *total, const struct report_row *row)
{
    for (unsigned kind = 0; kind < ANSWER_KINDS; kind++) {
        total->kinds[kind] += row->kinds[kind];
    }
    total->duplicates += row->duplicates;
    add_to(&total->energy, row->energy);
    add_to(&total->charged, row->charged);
}

static void print_row(const char *name, const struct report_row *row)
{
    char energy[MICRO_UNITS_TEXT_MAX + 1];
    char charged[MICRO_UNITS_TEXT_MAX + 1];
    uint64_t events = 0;
    for (unsigned kind = 0; kind < ANSWER_KINDS; kind++) {
        events += row->kinds[kind];
    }
    printf("%-10s  %7" PRIu64 "  %6" PRIu64 "  %5" PRIu64 "  %8" PRIu64 "  %5" PRIu64
           "  %9s  %10s  %10s  %10s  %-8s  %s\n",
           name, events, row->kinds[ANSWER_ALLOW], row->kinds[ANSWER_WARN], row->kinds[ANSWER_THROTTLE],
           row->kinds[ANSWER_DENY], amount_text(row->energy, energy), amount_text(row->charged, charged),
           row->balance, row->remaining, row->entitlement, row->billing);
}

static int compare_waits(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void print_waits(struct report *report)
{
    if (report->wait_count == 0) {
        return;
    }
    qsort(report->waits_ms, report->wait_count, sizeof *report->waits_ms, compare_waits);
    printf("time from event to decision: median %" PRId64 " ms, 99 of 100 within %" PRId64
           " ms, longest %" PRId64 " ms\n",
           report->waits_ms[report->wait_count / 2], report->waits_ms[report->wait_count * 99 / 100],
           report->waits_ms[report->wait_count - 1]);
}

void report_print_summary(struct report *report)
{
    struct report_row total = {0};
    printf("\n%-10s  %7s  %6s  %5s  %8s  %5s  %9s  %10s  %10s  %10s  %s\n", "customer", "events", "allow",
           "warn", "throttle", "deny", "kWh", "charged", "balance", "quota left", "entitlement, billing");
    for (unsigned row = 0; row < REPORT_ROWS; row++) {
        print_row(report_subject(row), &report->rows[row]);
        add_row(&total, &report->rows[row]);
    }
    print_row("all", &total);
    printf("\ndecisions repeated for events sent twice: %" PRIu64 "\n", total.duplicates);
    print_waits(report);
}
