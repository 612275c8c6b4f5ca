/* flyball explain: why this decision, from the ledger alone. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/commands/explain_json.h"
#include "agent/commands/explain_words.h"
#include "agent/commands/store_images.h"

enum { HINTS_MAX = 10 }; /* Seqs named in a hint. */

struct explaining {
    struct explain_matches matches;
    struct state_log_report report;
    struct decision_entry decision;
    struct reply_entry reply;
    char buffer[EXPLAIN_TEXT_MAX];
};

/* What the matches hold was unpacked when it was found. */
static void put_item(struct explaining *explaining, const struct explained *item, bool json,
                     struct text *text)
{
    if (unpack_decision_entry(item->body, &explaining->decision) == STATUS_OK) {
        if (json) {
            explain_json_decision(text, item, &explaining->decision);
        } else {
            explain_put_decision(text, item, &explaining->decision);
        }
    } else if (unpack_reply_entry(item->body, &explaining->reply) == STATUS_OK) {
        if (json) {
            explain_json_reply(text, item, &explaining->reply);
        } else {
            explain_put_reply(text, item, &explaining->reply);
        }
    }
}

static void print_items(struct explaining *explaining, const struct explained_list *list, bool json)
{
    const char *separator = json ? "[" : "";
    for (size_t i = 0; i < list->count; i++) {
        struct text text = text_of(explaining->buffer, sizeof explaining->buffer);
        put_item(explaining, &list->items[i], json, &text);
        fputs(separator, stdout);
        fwrite(text.data, 1, text.length, stdout);
        separator = json ? ",\n" : "\n";
    }
    fputs(json ? "]\n" : "", stdout);
    if (list->left_out > 0) {
        fprintf(stderr, "flyball: and %llu more: the first %d are shown\n",
                (unsigned long long)list->left_out, EXPLAIN_MATCHES_MAX);
    }
}

/* A number may also be an id; by its seq such a decision can be reached. */
static void hint_at_ids(const struct explain_matches *matches)
{
    const struct explained_list *list = &matches->by_id;
    size_t most = list->count < HINTS_MAX ? list->count : HINTS_MAX;
    if (matches->by_seq.count == 0 || list->count == 0) {
        return;
    }
    fprintf(stderr, "flyball: %s is also the id of an event or a command: see seq", matches->asked.data);
    for (size_t i = 0; i < most; i++) {
        fprintf(stderr, "%s %llu", i > 0 ? "," : "", (unsigned long long)list->items[i].shown);
    }
    fprintf(stderr, "%s\n", list->count > most ? ", ..." : "");
}

static void say_not_found(const struct explain_matches *matches, const char *folder)
{
    fprintf(stderr, "flyball: no decision or command %s in %s; ", matches->asked.data, folder);
    if (matches->first_seq == 0) {
        fputs("the ledger is empty\n", stderr);
    } else {
        fprintf(stderr, "the ledger begins at seq %llu\n", (unsigned long long)matches->first_seq);
    }
}

static void say_what_was_not_read(const struct explain_matches *matches, enum status status,
                                  const struct state_log_report *report, const char *folder)
{
    if (status != STATUS_OK) {
        fprintf(stderr, "flyball: %s: %s: %s\n", folder, status_name(status), report->message);
    }
    if (matches->unreadable > 0) {
        fprintf(stderr,
                "flyball: %llu entries cannot be read, the last of format version %u (this flyball knows "
                "%d): run flyball verify\n",
                (unsigned long long)matches->unreadable, matches->unreadable_version, LEDGER_FORMAT_VERSION);
    }
}

static enum exit_code explain(struct explaining *explaining, const struct command_line *line)
{
    const char *folder = store_folder(line);
    struct explain_matches *matches = &explaining->matches;
    enum status status = explain_matches_read(matches, line->operands[0], folder, &explaining->report);
    const struct explained_list *list = matches->by_seq.count > 0 ? &matches->by_seq : &matches->by_id;
    if (list->count > 0) {
        print_items(explaining, list, line->json);
        hint_at_ids(matches);
    }
    say_what_was_not_read(matches, status, &explaining->report, folder);
    bool was_read = status == STATUS_OK || status == STATUS_CORRUPT;
    if (list->count == 0 && was_read) {
        say_not_found(matches, folder);
    }
    return list->count > 0 ? EXIT_CODE_OK : EXIT_CODE_WRONG;
}

enum exit_code command_explain(const struct command_line *line)
{
    if (line->operands[0][0] == '\0') {
        fputs("flyball explain: which seq, event or command?\n", stderr);
        command_line_print_usage();
        return EXIT_CODE_USAGE;
    }
    struct explaining *explaining = calloc(1, sizeof *explaining);
    if (explaining == NULL) {
        fputs("flyball: out of memory\n", stderr);
        return EXIT_CODE_WRONG;
    }
    enum exit_code code = explain(explaining, line);
    explain_matches_close(&explaining->matches);
    free(explaining);
    return code;
}
