/* flyball verify: every frame, the chain of checksums, the sequence and every account's conservation. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/commands/store_images.h"

static bool is_conserved(const struct stored_image *image, const struct subject_state *subject)
{
    micro_units imbalance = billing_imbalance(&subject->governors.billing);
    if (imbalance == 0) {
        return true;
    }
    char digits[MICRO_UNITS_TEXT_MAX];
    size_t length = micro_units_format(imbalance, digits);
    fprintf(stderr,
            "flyball: subject %.*s: credits differ from charges - refunds + expired + balance by %.*s\n",
            image->subject.length, image->subject.text, (int)length, digits);
    return false;
}

static enum exit_code verify_images(const struct store_images *images, struct subject_state *scratch)
{
    enum exit_code code = EXIT_CODE_OK;
    for (size_t i = 0; i < images->count; i++) {
        const struct stored_image *image = &images->items[i];
        if (subject_state_unpack(stored_image_bytes(images, image), DEDUP_WINDOW_MAX, scratch) != STATUS_OK) {
            fprintf(stderr, "flyball: subject %.*s: its image cannot be read\n", image->subject.length,
                    image->subject.text);
            code = EXIT_CODE_WRONG;
        } else if (!is_conserved(image, scratch)) {
            code = EXIT_CODE_WRONG;
        }
    }
    return code;
}

static void print_damages(const char *folder, const struct state_log_report *report)
{
    char text[DAMAGE_TEXT_MAX];
    if (report->damages.count == 0) {
        return;
    }
    for (uint32_t i = 0; i < report->damages.count; i++) {
        damage_describe(&report->damages.list[i], text);
        fprintf(stderr, "flyball: %s: %s\n", folder, text);
    }
    fprintf(stderr,
            "flyball: %s: %llu frames lost in all; subjects they hit are marked set_back in flyball state\n",
            folder, (unsigned long long)report->damages.frames);
}

static enum exit_code judge_index(const char *folder, const struct state_log_report *report)
{
    if (!report->index_is_damaged) {
        return EXIT_CODE_OK;
    }
    fprintf(stderr, "flyball: %s/index: its checksum is wrong; it is not used and will be written anew\n",
            folder);
    return EXIT_CODE_WRONG;
}

enum exit_code command_verify(const struct command_line *line)
{
    struct store_images images;
    struct state_log_report report;
    enum status status = store_images_read(&images, store_folder(line), &report);
    struct subject_state *scratch = calloc(1, sizeof *scratch);
    enum exit_code code = EXIT_CODE_WRONG;
    if (scratch == NULL) {
        status = STATUS_NO_MEMORY;
    }
    print_damages(store_folder(line), &report);
    if (status != STATUS_OK && report.is_cut_short) {
        fprintf(stderr, "flyball: %s: %s: %s\n", store_folder(line), status_name(status), report.message);
    } else if (status == STATUS_OK) {
        code = verify_images(&images, scratch);
        code = code == EXIT_CODE_OK ? judge_index(store_folder(line), &report) : code;
    }
    if (code == EXIT_CODE_OK && report.has_tail) {
        fprintf(stderr,
                "flyball: %s: behind segment-%010u.log at offset %llu lies what is no whole frame: a write "
                "that a crash cut short, which the next start cuts off, or damage to the very last frames\n",
                store_folder(line), report.end_segment, (unsigned long long)report.end_offset);
    }
    if (code == EXIT_CODE_OK) {
        char chain[2 * SHA256_BYTES + 1];
        sha256_hex(&report.chain, chain);
        printf("%s: ok: %llu frames, %llu records, %zu subjects, seq %llu, chain %s\n", store_folder(line),
               (unsigned long long)report.frames, (unsigned long long)report.records, images.count,
               (unsigned long long)report.last_seq, chain);
    }
    free(scratch);
    store_images_close(&images);
    return code;
}
