#include "agent/commands/store_images.h"

#include <stdlib.h>
#include <string.h>

#include "config/settings.h"

enum { FIRST_ITEMS = 1024, FIRST_BYTES = 1 << 20 };

const char *store_folder(const struct command_line *line)
{
    return line->store != NULL ? line->store : settings_default().store.dir;
}

/* Doubles until `needed` fit. */
static bool make_room(void **block, size_t *capacity, size_t needed, size_t first, size_t each)
{
    size_t wanted = *capacity == 0 ? first : *capacity;
    while (wanted < needed) {
        wanted *= 2;
    }
    if (wanted == *capacity) {
        return true;
    }
    void *grown = realloc(*block, wanted * each);
    if (grown == NULL) {
        return false;
    }
    *block = grown;
    *capacity = wanted;
    return true;
}

static int compare_names(const struct name *a, const struct name *b)
{
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->text, b->text, shorter);
    return order != 0 ? order : (int)a->length - (int)b->length;
}

static int compare_offsets(const void *left, const void *right)
{
    const struct stored_image *a = left;
    const struct stored_image *b = right;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

/* By name, and the younger of one name later: it lies further on. */
static int compare_images(const void *left, const void *right)
{
    const struct stored_image *a = left;
    const struct stored_image *b = right;
    int order = compare_names(&a->subject, &b->subject);
    return order != 0 ? order : compare_offsets(left, right);
}

/* Keeps the last of each name. */
static void keep_latest(struct store_images *images)
{
    if (images->count > 1) {
        qsort(images->items, images->count, sizeof *images->items, compare_images);
    }
    size_t kept = 0;
    for (size_t i = 0; i < images->count; i++) {
        bool is_last =
            i + 1 == images->count || !name_equal(&images->items[i].subject, &images->items[i + 1].subject);
        if (is_last) {
            images->items[kept++] = images->items[i];
        }
    }
    images->count = kept;
}

/* Moves what is kept together, in its order: a log holds many images of each subject. */
static void pack(struct store_images *images)
{
    keep_latest(images);
    if (images->count > 1) {
        qsort(images->items, images->count, sizeof *images->items, compare_offsets);
    }
    images->bytes_used = 0;
    for (size_t i = 0; i < images->count; i++) {
        struct stored_image *image = &images->items[i];
        memmove(images->bytes + images->bytes_used, images->bytes + image->offset, image->length);
        image->offset = images->bytes_used;
        images->bytes_used += image->length;
    }
}

/* Packs, and grows when that left little room. */
static bool make_room_for(struct store_images *images, size_t length)
{
    pack(images);
    void *items = images->items;
    void *bytes = images->bytes;
    bool fits =
        make_room(&items, &images->capacity, 2 * images->count + 1, FIRST_ITEMS, sizeof *images->items);
    images->items = items;
    fits =
        fits && make_room(&bytes, &images->bytes_capacity, 2 * images->bytes_used + length, FIRST_BYTES, 1);
    images->bytes = bytes;
    return fits;
}

static void note_image(void *self, const struct record *record)
{
    struct store_images *images = self;
    if (record->kind != RECORD_IMAGE || images->is_out_of_memory) {
        return;
    }
    bool is_full = images->count == images->capacity ||
                   images->bytes_used + record->body.length > images->bytes_capacity;
    if (is_full && !make_room_for(images, record->body.length)) {
        images->is_out_of_memory = true;
        return;
    }
    memcpy(images->bytes + images->bytes_used, record->body.data, record->body.length);
    images->items[images->count++] = (struct stored_image){
        .subject = record->subject, .offset = images->bytes_used, .length = record->body.length};
    images->bytes_used += record->body.length;
}

enum status store_images_read(struct store_images *images, const char *folder,
                              struct state_log_report *report)
{
    memset(images, 0, sizeof *images);
    struct state_log_listener listener = {.record = note_image, .self = images};
    enum status status = state_log_scan(folder, io_posix(), listener, report);
    if (status == STATUS_OK && images->is_out_of_memory) {
        status = STATUS_NO_MEMORY;
    }
    keep_latest(images);
    return status;
}

void store_images_close(struct store_images *images)
{
    free(images->items);
    free(images->bytes);
}

struct bytes stored_image_bytes(const struct store_images *images, const struct stored_image *image)
{
    return bytes_of(images->bytes + image->offset, image->length);
}
