/* Recovery of a damaged state log. Input: a byte (bit 0: compressed; bits 1 and 2: what is done, see
 * log_damage.h; bit 3: looked at by a tool first), then what happens to the files. Whatever was done, the log
 * opens or says why not; what no checksum could overlook brings nothing wrong to light; and what lies behind
 * the last frame costs nothing. */
#include <string.h>

#include "agent/state/reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/log_base.h"
#include "tests/fuzz/log_damage.h"

enum {
    FLAG_KIND_LOW = 1,
    REACH_SHIFT = 1,
    FLAG_SCAN = 8,
    FLAG_WALK = 16,
    FLAG_GO_ON = 32,
    FLAG_KIND_HIGH = 64
};

/* Beyond, numbers were forged to run out. */
#define NUMBERS_MOST (1ULL << 40)

struct world {
    struct log_base *base;
    struct memory_files files;
    struct log_damage damage;
    struct state_log log;
    struct state_log_reader reader;
    struct state_log_report report;
    enum base_kind kind;
    record_ref first; /* The oldest and */
    record_ref last;  /* the latest record seen in this reading, */
    uint64_t seen;    /* and how many. */
};

static struct world *a_world(enum base_kind kind)
{
    static struct log_base bases[BASE_KINDS];
    static struct world worlds[BASE_KINDS];
    struct log_base *base = &bases[kind];
    struct world *world = &worlds[kind];
    if (base->record_count == 0) {
        base_make(base, kind);
        world->files = base->files;
        world->base = base;
        world->kind = kind;
    }
    memory_files_restore(&world->files, &base->files);
    world->damage = (struct log_damage){0};
    return world;
}

static void check_same(const struct base_record *original, const struct record *record)
{
    fuzz_require(original->kind == record->kind && original->seq == record->seq &&
                     name_equal(&original->subject, &record->subject) &&
                     original->body_hash == base_hash(record->body),
                 "a record is what was put");
}

static void see_record(void *self, const struct record *record)
{
    struct world *world = self;
    fuzz_require(world->damage.is_forged || record->ref > world->last, "records come in their order");
    world->first = world->seen == 0 ? record->ref : world->first;
    world->last = record->ref;
    world->seen++;
    if (!world->damage.is_forged) {
        const struct base_record *original = base_find(world->base, record->ref);
        fuzz_require(original != NULL, "no record comes that was never put");
        check_same(original, record);
    }
}

static struct state_log_listener seeing(struct world *world)
{
    world->last = RECORD_REF_NONE;
    world->seen = 0;
    return (struct state_log_listener){.record = see_record, .self = world};
}

/* As flyball verify reads it. */
static void scan(struct world *world)
{
    struct state_log_listener listener = seeing(world);
    enum status status = state_log_scan("/log", memory_files_io(&world->files), listener, &world->report);
    fuzz_require(status == STATUS_OK || world->report.message[0] != '\0', "a tool says what is wrong");
    if (world->damage.reach == REACH_TAIL) {
        fuzz_require(status == STATUS_OK && world->seen == world->base->left_count,
                     "a tool finds nothing wrong behind the end");
    }
}

/* Of each original frame between the first and the last seen, either its records came or it is called lost.
 */
static void check_told(const struct world *world)
{
    const struct damages *damages = &world->report.damages;
    uint64_t last_frame = record_ref_frame(world->last);
    uint64_t expected = 0;
    for (uint32_t i = 0; i < world->base->record_count; i++) {
        uint64_t frame = record_ref_frame(world->base->records[i].ref);
        bool is_lost = damages_have(damages, frame);
        expected += frame >= record_ref_frame(world->first) && frame <= last_frame && !is_lost ? 1 : 0;
    }
    fuzz_require(damages->count == DAMAGES_MAX || world->seen == expected, "every loss is told");
}

static void check_images(struct world *world)
{
    for (size_t i = 0; i < BASE_SUBJECTS; i++) {
        struct name subject = base_subject(i);
        struct record image;
        enum status status = state_log_find(&world->reader, &subject, &image);
        fuzz_require(status == STATUS_OK || status == STATUS_NOT_FOUND, "a subject is there or it is not");
        if (status != STATUS_OK) {
            continue;
        }
        const struct base_record *original = base_find(world->base, image.ref);
        fuzz_require(original != NULL, "no image comes that was never put");
        check_same(original, &image);
    }
}

static void check_untouched(struct world *world)
{
    bool is_all_seen = world->kind == BASE_CHECKPOINT || world->seen == world->base->left_count;
    fuzz_require(is_all_seen && world->report.last_seq == world->base->last_seq &&
                     world->report.damages.count == 0,
                 "what lies behind the end costs nothing");
    for (size_t i = 0; i < BASE_SUBJECTS; i++) {
        struct name subject = base_subject(i);
        struct record image;
        fuzz_require(state_log_find(&world->reader, &subject, &image) == STATUS_OK &&
                         image.ref == world->base->images[i] && !image.is_setback,
                     "every subject has its latest image");
    }
}

static enum status open_log(struct world *world, struct state_log_listener listener)
{
    struct state_log_settings settings = base_settings(&world->files);
    settings.compression = world->kind == BASE_AS_IS ? 0 : 1;
    enum status status = state_log_open(&world->log, &settings, listener, &world->report);
    fuzz_require(status == STATUS_OK || world->report.message[0] != '\0',
                 "a log that does not open says why");
    return status;
}

/* Every frame that is there can be walked through, by number and by order. */
static void walk(struct world *world)
{
    record_ref cursor = RECORD_REF_NONE;
    struct record record;
    enum status status = STATUS_OK;
    for (int i = 0; status == STATUS_OK && i < 2 * BASE_RECORDS_MAX; i++) {
        record_ref before = cursor;
        status = state_log_next(&world->reader, &cursor, &record);
        fuzz_require(status != STATUS_OK || cursor > before, "walking leads forward");
    }
    fuzz_require(world->damage.is_forged || status == STATUS_EMPTY, "walking leads to the end");
}

static void close_log(struct world *world)
{
    state_log_reader_close(&world->reader);
    state_log_close(&world->log);
}

/* What was taken after the damage is there at the next start. */
static void check_goes_on(struct world *world)
{
    struct state_log_listener nobody = {0};
    struct name subject = base_subject(1);
    struct record image;
    enum status status;
    bool may_run_out = world->damage.is_forged;
    uint64_t seq = base_work(&world->log, 1, nobody, &status);
    bool is_taken = status == STATUS_OK;
    fuzz_require(is_taken || may_run_out || status == STATUS_NO_SPACE, "an open log takes work");
    if (is_taken) {
        status = state_log_find(&world->reader, &subject, &image);
        fuzz_require(may_run_out || (status == STATUS_OK && !image.is_setback), "what was put is found");
    }
    close_log(world);
    status = open_log(world, nobody);
    fuzz_require(status == STATUS_OK || may_run_out, "what was open opens again");
    if (status != STATUS_OK) {
        return;
    }
    fuzz_require(!is_taken || may_run_out || world->report.last_seq == seq, "what was put is there again");
    state_log_close(&world->log);
}

static void recover(struct world *world, uint8_t flags)
{
    struct state_log_listener listener = seeing(world);
    enum status status = open_log(world, listener);
    fuzz_require(world->damage.reach != REACH_TAIL || status == STATUS_OK,
                 "a log opens whatever lies behind its end");
    if (status != STATUS_OK) {
        return;
    }
    fuzz_require(state_log_reader_open(&world->reader, &world->log) == STATUS_OK, "there is memory");
    if (!world->damage.is_forged) {
        check_told(world);
        check_images(world);
    }
    if (world->damage.reach == REACH_TAIL) {
        check_untouched(world);
    }
    if ((flags & FLAG_WALK) != 0) {
        walk(world);
    }
    if ((flags & FLAG_GO_ON) != 0 && world->report.last_seq < NUMBERS_MOST) {
        check_goes_on(world);
        return;
    }
    close_log(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.rest = bytes_of(data, size)};
    uint8_t flags = fuzz_u8(&input);
    unsigned kind = ((flags & FLAG_KIND_LOW) != 0 ? 1U : 0U) + ((flags & FLAG_KIND_HIGH) != 0 ? 1U : 0U);
    struct world *world = a_world((enum base_kind)kind);
    world->damage.reach = (enum damage_reach)((flags >> REACH_SHIFT & 3) % (REACH_TAIL + 1));
    log_damage_apply(&input, &world->files, &world->damage);
    if ((flags & FLAG_SCAN) != 0) {
        scan(world);
    }
    recover(world, flags);
    return 0;
}
