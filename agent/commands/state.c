/* flyball state: what is stored, as JSON, governor by governor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/commands/store_images.h"
#include "config/remote_store.h"
#include "mqtt/state_message.h"

struct printing {
    const struct config_snapshot *config;
    struct subject_state subject;
    struct text text;
    char buffer[STATE_MESSAGE_MAX * 4];
};

static void put_subject(struct printing *printing)
{
    struct subject_state *subject = &printing->subject;
    json_open_object(&printing->text);
    for (enum governor_kind kind = GOVERNOR_ENTITLEMENT; kind <= GOVERNOR_BILLING; kind++) {
        struct governor_report report =
            chain_report(&subject->governors, &printing->config->policy, kind, subject->time);
        json_key(&printing->text, governor_name(kind));
        state_message_put(&printing->text, &(struct state_message){.subject = subject->name,
                                                                   .seq = subject->seq,
                                                                   .time = subject->time,
                                                                   .is_set_back = subject->is_set_back,
                                                                   .report = &report,
                                                                   .states = &subject->governors});
    }
    json_close_object(&printing->text);
}

static void flush(struct printing *printing)
{
    fwrite(printing->text.data, 1, printing->text.length, stdout);
    printing->text.length = 0;
}

static bool load(struct printing *printing, const struct store_images *images,
                 const struct stored_image *image)
{
    struct bytes bytes = stored_image_bytes(images, image);
    if (subject_state_unpack(bytes, DEDUP_WINDOW_MAX, &printing->subject) != STATUS_OK) {
        fprintf(stderr, "flyball: the image of %.*s cannot be read: run flyball verify\n",
                image->subject.length, image->subject.text);
        return false;
    }
    return printing->subject.known;
}

static enum exit_code print_one(struct printing *printing, const struct store_images *images,
                                const char *subject)
{
    for (size_t i = 0; i < images->count; i++) {
        if (bytes_equal_string(name_bytes(&images->items[i].subject), subject) &&
            load(printing, images, &images->items[i])) {
            put_subject(printing);
            flush(printing);
            putchar('\n');
            return EXIT_CODE_OK;
        }
    }
    fprintf(stderr, "flyball: unknown subject: %s\n", subject);
    return EXIT_CODE_WRONG;
}

static enum exit_code print_all(struct printing *printing, const struct store_images *images)
{
    const char *separator = "{";
    for (size_t i = 0; i < images->count; i++) {
        if (!load(printing, images, &images->items[i])) {
            continue;
        }
        fputs(separator, stdout);
        json_key_bytes(&printing->text, name_bytes(&images->items[i].subject));
        put_subject(printing);
        flush(printing);
        separator = ",\n";
    }
    puts(strcmp(separator, "{") == 0 ? "{}" : "}");
    return EXIT_CODE_OK;
}

static enum exit_code print(const struct command_line *line, const struct store_images *images)
{
    const char *folder = store_folder(line);
    struct io io = io_posix();
    struct config_snapshot *config = NULL;
    enum status status = policy_store_load(&io, folder, &config);
    if (status != STATUS_OK) {
        fprintf(stderr, "flyball: %s/%s cannot be read (%s): is this a store?\n", folder, POLICY_FILE,
                status_name(status));
        return EXIT_CODE_WRONG;
    }
    struct printing *printing = calloc(1, sizeof *printing);
    enum exit_code code = EXIT_CODE_CANNOT_START;
    if (printing != NULL) {
        printing->config = config;
        printing->text = text_of(printing->buffer, sizeof printing->buffer);
        code = line->operand_count == 1 ? print_one(printing, images, line->operands[0])
                                        : print_all(printing, images);
    }
    free(printing);
    config_snapshot_close(config);
    return code;
}

enum exit_code command_state(const struct command_line *line)
{
    struct store_images images;
    struct state_log_report report;
    enum status status = store_images_read(&images, store_folder(line), &report);
    enum exit_code code = EXIT_CODE_WRONG;
    if (status == STATUS_CORRUPT && !report.is_cut_short) {
        fprintf(stderr, "flyball: %s: damaged, what is left is shown: run flyball verify\n",
                store_folder(line));
        status = STATUS_OK;
    }
    if (status == STATUS_OK) {
        code = print(line, &images);
    } else {
        fprintf(stderr, "flyball: %s: %s\n", store_folder(line), report.message);
    }
    store_images_close(&images);
    return code;
}
