#include "tests/simulation/log_preset.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/simulation/log_model.h"

static uint32_t one_of(struct dice *dice, const uint32_t *values, uint32_t count)
{
    return values[dice_roll(dice, count)];
}

static void draw_store(struct log_preset *preset, struct dice *dice)
{
    static const uint32_t segments[] = {4, 4, 5, 6, 8};
    static const uint32_t segment_bytes[] = {64 << 10, 64 << 10, 64 << 10, 68 << 10, 128 << 10};
    static const uint32_t recent[] = {0, 4096, 16 << 10, 64 << 10};
    preset->sector_bytes = dice_chance(dice, 500) ? 512 : 4096;
    preset->segment_bytes = one_of(dice, segment_bytes, 5);
    preset->segments = one_of(dice, segments, 5);
    uint32_t most = state_log_batch_most(preset->segment_bytes);
    preset->batch_bytes = dice_chance(dice, 200) ? most : dice_between(dice, 4096, 8192);
    preset->recent_bytes = one_of(dice, recent, 4);
    preset->compression = dice_chance(dice, 700) ? 0 : (int)dice_between(dice, 1, 6);
    preset->durability = dice_chance(dice, 250) ? DURABILITY_OS : DURABILITY_FSYNC;
}

/* By dice of its own. */
static void draw_retention(struct log_preset *preset, struct dice dice)
{
    preset->retention_segments = dice_chance(&dice, 100) ? dice_between(&dice, 1, 3) : 0;
    preset->retention_ms = dice_chance(&dice, 100) ? dice_between(&dice, 100, 3000) : 0;
}

static void draw_subjects(struct log_preset *preset, struct dice *dice)
{
    static const uint32_t counts[] = {1, 3, 8, 20, LOG_SUBJECTS_MAX};
    static const uint64_t masks[] = {0, 0, 0, 0xff, 0x3};
    preset->subjects = (int32_t)one_of(dice, counts, 5);
    preset->subjects_max = dice_chance(dice, 100) ? 4 : LOG_SUBJECTS_MAX;
    preset->hash_mask = masks[dice_roll(dice, 5)];
}

static void draw_faults(struct log_preset *preset, struct dice *dice)
{
    uint64_t budget = (uint64_t)preset->segments * preset->segment_bytes;
    preset->space_bytes = dice_chance(dice, 150) ? budget - dice_roll(dice, 3 * preset->segment_bytes) : 0;
    preset->interrupted_per_mille = dice_chance(dice, 100) ? dice_between(dice, 1, 200) : 0;
    preset->sync_faults_per_mille = dice_chance(dice, 300) ? dice_between(dice, 1, 500) : 0;
    /* The log takes equal hashes for the same subject when the disk does not let it look: with 64 bits that
     * never matters. */
    bool may_fail = preset->hash_mask == 0 && dice_chance(dice, 150);
    preset->read_faults_per_mille = may_fail ? dice_between(dice, 1, 500) : 0;
}

static void draw_lives(struct log_preset *preset, struct dice *dice)
{
    static const uint32_t operations[] = {3, 6, 6, 12, 12, 40};
    static const uint32_t bodies[] = {40, 200, 200, 1000, 4000};
    preset->lives = dice_between(dice, 1, 60);
    preset->operations_most = one_of(dice, operations, 6);
    preset->records_most = dice_between(dice, 1, 5);
    preset->body_most = one_of(dice, bodies, 5);
    preset->commits_per_mille = dice_between(dice, 200, 600);
    preset->reads_per_mille = dice_between(dice, 0, 200);
    preset->compactions_per_mille = dice_chance(dice, 400) ? dice_between(dice, 10, 200) : 0;
    preset->checkpoints_per_mille = dice_chance(dice, 400) ? dice_between(dice, 10, 200) : 0;
    preset->cuts_per_mille = dice_between(dice, 300, 1000);
    preset->quiet_per_mille = dice_between(dice, 50, 400);
    preset->closes_per_mille = dice_between(dice, 0, 300);
}

void log_preset_draw(struct log_preset *preset, struct dice *dice)
{
    draw_store(preset, dice);
    draw_subjects(preset, dice);
    draw_faults(preset, dice);
    draw_lives(preset, dice);
    draw_retention(preset, *dice);
}

struct state_log_settings log_preset_settings(const struct log_preset *preset, struct io io,
                                              const char *folder)
{
    return (struct state_log_settings){.folder = folder,
                                       .io = io,
                                       .durability = preset->durability,
                                       .segment_bytes = preset->segment_bytes,
                                       .max_bytes = (uint64_t)preset->segments * preset->segment_bytes,
                                       .compression = preset->compression,
                                       .batch_bytes = preset->batch_bytes,
                                       .subjects_max = preset->subjects_max,
                                       .recent_bytes = preset->recent_bytes,
                                       .retention_ms = preset->retention_ms,
                                       .retention_bytes =
                                           (uint64_t)preset->retention_segments * preset->segment_bytes,
                                       .hash_key = {.low = 1, .high = 2},
                                       .subject_hash_mask = preset->hash_mask};
}

void log_preset_describe(const struct log_preset *preset, char *text, size_t size)
{
    snprintf(text, size,
             "sectors of %u, %u segments of %u, batches of %u, compression %d, %s, %d subjects (index %u, "
             "mask %" PRIx64 "), recent %u, retention %u segments and %u ms, space %" PRIu64
             ", interrupted %u, bodies to %u, %u lives of up to "
             "%u operations",
             preset->sector_bytes, preset->segments, preset->segment_bytes, preset->batch_bytes,
             preset->compression, preset->durability == DURABILITY_FSYNC ? "fsync" : "os", preset->subjects,
             preset->subjects_max, preset->hash_mask, preset->recent_bytes, preset->retention_segments,
             preset->retention_ms, preset->space_bytes, preset->interrupted_per_mille, preset->body_most,
             preset->lives, preset->operations_most);
}
