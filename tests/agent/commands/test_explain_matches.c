/* Which records of a log belong to what is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agent/commands/explain_matches.h"

static uint8_t storage[LEDGER_ENTRY_BYTES_MAX];

static struct explain_matches *matches_of(const char *asked, uint64_t seq)
{
    static struct explain_matches matches;
    memset(&matches, 0, sizeof matches);
    matches.asked = bytes_of_string(asked);
    matches.asked_seq = seq;
    return &matches;
}

static struct decision_entry decision(const char *id, uint64_t seq)
{
    return (struct decision_entry){.decision = {.event = {.subject = name_of("acme"),
                                                          .device = name_of("d"),
                                                          .meter = name_of("m"),
                                                          .id = name_of(id),
                                                          .amount = 1},
                                                .seq = seq}};
}

/* The record as a scan gives it, at the next place of the log. */
static void add(struct explain_matches *matches, const struct decision_entry *entry, struct record record)
{
    static record_ref next = 1 << 16;
    struct packer packer = packer_of(storage, sizeof storage);
    pack_decision_entry(&packer, entry);
    record.body = packer_bytes(&packer);
    record.subject = entry->decision.event.subject;
    record.ref = next++;
    explain_matches_add(matches, &record);
}

static void decision_is_found_by_seq_and_by_id(void **context)
{
    (void)context;
    struct decision_entry entry = decision("7", 5);
    struct explain_matches *matches = matches_of("5", 5);
    add(matches, &entry, (struct record){.kind = RECORD_DECISION, .seq = 5});
    assert_int_equal(matches->by_seq.count, 1);
    assert_int_equal(matches->by_id.count, 0);
    assert_int_equal(matches->first_seq, 5);
    explain_matches_close(matches);
    matches = matches_of("7", 7);
    add(matches, &entry, (struct record){.kind = RECORD_DECISION, .seq = 5});
    assert_int_equal(matches->by_seq.count, 0);
    assert_int_equal(matches->by_id.count, 1);
    explain_matches_close(matches);
}

static void copy_counts_only_without_its_original(void **context)
{
    (void)context;
    struct decision_entry first = decision("e", 5);
    struct decision_entry second = decision("e", 9);
    struct explain_matches *matches = matches_of("e", 0);
    add(matches, &first, (struct record){.kind = RECORD_DECISION, .seq = 5});
    add(matches, &first, (struct record){.kind = RECORD_COPY, .seq = 5});
    assert_int_equal(matches->by_id.count, 1);
    add(matches, &second, (struct record){.kind = RECORD_COPY, .seq = 9});
    add(matches, &second, (struct record){.kind = RECORD_COPY, .seq = 9});
    assert_int_equal(matches->by_id.count, 2);
    assert_int_equal(matches->first_seq, 5);
    explain_matches_close(matches);
}

static void copies_do_not_tell_where_the_ledger_begins(void **context)
{
    (void)context;
    struct decision_entry old = decision("e", 5);
    struct decision_entry young = decision("f", 90);
    struct explain_matches *matches = matches_of("1", 1);
    add(matches, &old, (struct record){.kind = RECORD_COPY, .seq = 5});
    add(matches, &young, (struct record){.kind = RECORD_DECISION, .seq = 90});
    assert_int_equal(matches->first_seq, 90);
    assert_int_equal(matches->by_seq.count, 0);
    explain_matches_close(matches);
}

/* A peek shows the latest seq, which belongs to another. */
static void peek_does_not_answer_to_the_seq_it_shows(void **context)
{
    (void)context;
    struct decision_entry peek = decision("e", 5);
    peek.decision.event.amount = 0;
    struct explain_matches *matches = matches_of("5", 5);
    add(matches, &peek, (struct record){.kind = RECORD_ANSWER});
    assert_int_equal(matches->by_seq.count, 0);
    struct decision_entry again = decision("e", 5);
    again.duplicate = true;
    add(matches, &again, (struct record){.kind = RECORD_ANSWER});
    assert_int_equal(matches->by_seq.count, 1);
    explain_matches_close(matches);
}

static void matches_are_bounded_and_the_rest_counted(void **context)
{
    (void)context;
    struct explain_matches *matches = matches_of("e", 0);
    for (uint64_t seq = 1; seq <= EXPLAIN_MATCHES_MAX + 3; seq++) {
        struct decision_entry entry = decision("e", seq);
        add(matches, &entry, (struct record){.kind = RECORD_DECISION, .seq = seq});
        assert_int_equal(matches->by_id.left_out, seq > EXPLAIN_MATCHES_MAX ? seq - EXPLAIN_MATCHES_MAX : 0);
    }
    assert_int_equal(matches->by_id.count, EXPLAIN_MATCHES_MAX);
    explain_matches_close(matches);
}

static void other_format_is_counted_and_passed_over(void **context)
{
    (void)context;
    struct decision_entry entry = decision("e", 5);
    struct packer packer = packer_of(storage, sizeof storage);
    pack_decision_entry(&packer, &entry);
    storage[0] = 1;
    struct record record = {.kind = RECORD_DECISION, .seq = 5, .body = packer_bytes(&packer)};
    struct explain_matches *matches = matches_of("e", 0);
    explain_matches_add(matches, &(struct record){.kind = RECORD_DECISION, .seq = 6});
    explain_matches_add(matches, &record);
    assert_int_equal(matches->by_id.count, 0);
    assert_int_equal(matches->unreadable, 2);
    assert_int_equal(matches->unreadable_version, 1);
    assert_int_equal(matches->first_seq, 5);
    explain_matches_close(matches);
}

static void what_is_no_answer_is_passed_over(void **context)
{
    (void)context;
    struct explain_matches *matches = matches_of("e", 0);
    explain_matches_add(matches, &(struct record){.kind = RECORD_IMAGE});
    explain_matches_add(matches, &(struct record){.kind = RECORD_DEAD_LETTER});
    assert_int_equal(matches->unreadable, 0);
    explain_matches_close(matches);
}

static void missing_folder_is_said(void **context)
{
    (void)context;
    static struct explain_matches matches;
    struct state_log_report report;
    assert_int_equal(explain_matches_read(&matches, "1", "/nonexistent", &report), STATUS_NOT_FOUND);
    explain_matches_close(&matches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decision_is_found_by_seq_and_by_id),
        cmocka_unit_test(copy_counts_only_without_its_original),
        cmocka_unit_test(copies_do_not_tell_where_the_ledger_begins),
        cmocka_unit_test(peek_does_not_answer_to_the_seq_it_shows),
        cmocka_unit_test(matches_are_bounded_and_the_rest_counted),
        cmocka_unit_test(other_format_is_counted_and_passed_over),
        cmocka_unit_test(what_is_no_answer_is_passed_over),
        cmocka_unit_test(missing_folder_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
