#include "agent/commands/explain_matches.h"

#include <stdlib.h>
#include <string.h>

/* A seq as flyball writes it: digits without leading zeros. 0: something else. */
static uint64_t seq_of(struct bytes text)
{
    uint64_t value = 0;
    if (text.length == 0 || text.data[0] == '0') {
        return 0;
    }
    for (size_t i = 0; i < text.length; i++) {
        uint8_t digit = (uint8_t)(text.data[i] - '0');
        if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
            return 0;
        }
        value = value * 10 + digit;
    }
    return value;
}

static bool is_copy_of(const struct explained *original, const struct record *record)
{
    return original->kind != RECORD_ANSWER && name_equal(&original->subject, &record->subject) &&
           bytes_equal(original->body, record->body);
}

/* A copy counts only if what it was made of is gone: that lies before it. */
static bool is_there_already(const struct explained_list *list, const struct record *record)
{
    for (size_t i = 0; record->kind == RECORD_COPY && i < list->count; i++) {
        if (is_copy_of(&list->items[i], record)) {
            return true;
        }
    }
    return false;
}

static void fill(struct explained *item, const struct record *record, uint64_t shown)
{
    memcpy(item->storage, record->body.data, record->body.length);
    item->body = bytes_of(item->storage, record->body.length);
    item->kind = record->kind;
    item->ref = record->ref;
    item->seq = record->seq;
    item->shown = shown;
    item->subject = record->subject;
    item->is_linked = record->hash != NULL && record->previous_hash != NULL;
    if (item->is_linked) {
        item->hash = *record->hash;
        item->previous_hash = *record->previous_hash;
    }
}

static enum status add(struct explained_list *list, const struct record *record, uint64_t shown)
{
    if (is_there_already(list, record)) {
        return STATUS_OK;
    }
    if (list->count == EXPLAIN_MATCHES_MAX) {
        list->left_out++;
        return STATUS_OK;
    }
    if (list->items == NULL) {
        list->items = calloc(EXPLAIN_MATCHES_MAX, sizeof *list->items);
    }
    if (list->items == NULL) {
        return STATUS_NO_MEMORY;
    }
    struct explained *item = &list->items[list->count];
    item->storage = malloc(record->body.length);
    if (item->storage == NULL) {
        return STATUS_NO_MEMORY;
    }
    fill(item, record, shown);
    list->count++;
    return STATUS_OK;
}

/* What an entry can be asked for by. */
struct handles {
    uint64_t shown;
    bool is_again; /* An earlier answer said again: belongs to the seq it shows. */
    const struct name *id;
};

static enum status read_handles(struct explain_matches *matches, const struct record *record,
                                struct handles *handles)
{
    enum entry_kind kind;
    enum status status = entry_kind_of(record->body, &kind);
    if (status != STATUS_OK) {
        return status;
    }
    switch (kind) {
    case ENTRY_DECISION:
        status = unpack_decision_entry(record->body, &matches->decision);
        *handles = (struct handles){.shown = matches->decision.decision.seq,
                                    .is_again = matches->decision.duplicate,
                                    .id = &matches->decision.decision.event.id};
        return status;
    case ENTRY_REPLY:
        status = unpack_reply_entry(record->body, &matches->reply);
        *handles =
            (struct handles){.shown = matches->reply.seq,
                             .is_again = record->kind == RECORD_ANSWER && matches->reply.reason == REPLY_OK,
                             .id = &matches->reply.command};
        return status;
    case ENTRY_MESSAGE: return STATUS_CORRUPT; /* No answer is one. */
    }
    abort(); /* Corrupt kind. */
}

static bool is_answer(enum record_kind kind)
{
    switch (kind) {
    case RECORD_DECISION:
    case RECORD_ANSWER:
    case RECORD_REPLY:
    case RECORD_COPY: return true;
    case RECORD_DEAD_LETTER:
    case RECORD_IMAGE: return false;
    }
    abort(); /* Corrupt kind. */
}

static void note_unreadable(struct explain_matches *matches, const struct record *record)
{
    matches->unreadable++;
    matches->unreadable_version = record->body.length > 0 ? record->body.data[0] : 0;
}

void explain_matches_add(struct explain_matches *matches, const struct record *record)
{
    if (!is_answer(record->kind)) {
        return;
    }
    if (record->kind != RECORD_COPY && record->seq != 0 &&
        (matches->first_seq == 0 || record->seq < matches->first_seq)) {
        matches->first_seq = record->seq;
    }
    struct handles handles;
    if (read_handles(matches, record, &handles) != STATUS_OK) {
        note_unreadable(matches, record);
        return;
    }
    uint64_t seq = record->seq != 0 || !handles.is_again ? record->seq : handles.shown;
    enum status status = STATUS_OK;
    if (matches->asked_seq != 0 && seq == matches->asked_seq) {
        status = add(&matches->by_seq, record, handles.shown);
    }
    if (status == STATUS_OK && bytes_equal(name_bytes(handles.id), matches->asked)) {
        status = add(&matches->by_id, record, handles.shown);
    }
    matches->is_out_of_memory = matches->is_out_of_memory || status != STATUS_OK;
}

static void note_record(void *self, const struct record *record)
{
    explain_matches_add(self, record);
}

/* By the seq shown; of the same, the one that took it first, then by age. */
static int compare(const void *left, const void *right)
{
    const struct explained *a = left;
    const struct explained *b = right;
    if (a->shown != b->shown) {
        return a->shown < b->shown ? -1 : 1;
    }
    if ((a->seq == 0) != (b->seq == 0)) {
        return a->seq != 0 ? -1 : 1;
    }
    return a->ref < b->ref ? -1 : 1;
}

static void sort(struct explained_list *list)
{
    if (list->count > 1) {
        qsort(list->items, list->count, sizeof *list->items, compare);
    }
}

enum status explain_matches_read(struct explain_matches *matches, const char *asked, const char *folder,
                                 struct state_log_report *report)
{
    memset(matches, 0, sizeof *matches);
    matches->asked = bytes_of_string(asked);
    matches->asked_seq = seq_of(matches->asked);
    struct state_log_listener listener = {.record = note_record, .self = matches};
    enum status status = state_log_scan(folder, io_posix(), listener, report);
    sort(&matches->by_seq);
    sort(&matches->by_id);
    return matches->is_out_of_memory ? STATUS_NO_MEMORY : status;
}

static void close_list(struct explained_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].storage);
    }
    free(list->items);
}

void explain_matches_close(struct explain_matches *matches)
{
    close_list(&matches->by_seq);
    close_list(&matches->by_id);
}
