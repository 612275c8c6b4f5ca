#include "tests/simulation/damage_preset.h"

#include "tests/simulation/log_model.h"

enum log_size {
    LOG_SMALL, /* As the ordinary simulation's. */
    LOG_LARGE, /* Room for more places than are listed. */
    LOG_FULL,  /* Of frames as short as they can be, so that hundreds are lost at once. */
};

static enum log_size draw_size(struct dice *dice)
{
    return dice_chance(dice, 600) ? LOG_SMALL : dice_chance(dice, 850) ? LOG_LARGE : LOG_FULL;
}

static void enlarge(struct log_preset *log, struct dice *dice)
{
    log->segments = dice_between(dice, 12, 40);
    log->segment_bytes = 64 << 10;
    log->batch_bytes = 8192;
    log->lives = dice_between(dice, 2, 12);
    log->operations_most = dice_between(dice, 20, 400);
    log->body_most = 400;
}

static void fill(struct log_preset *log, struct dice *dice)
{
    log->segments = dice_between(dice, 12, 24);
    log->lives = dice_between(dice, 3, 8);
    log->operations_most = 2500;
    log->commits_per_mille = 500;
    log->quiet_per_mille = 800;
    log->body_most = 40;
}

/* What else may fail is the ordinary simulation's; equal hashes, too: when the disk does not let it look, the
 * log takes them for the same subject. */
static void draw_log(struct log_preset *log, struct dice *dice, enum log_size size)
{
    if (size != LOG_SMALL) {
        enlarge(log, dice);
    }
    if (size == LOG_FULL) {
        fill(log, dice);
    }
    log->hash_mask = 0;
    log->subjects_max = LOG_SUBJECTS_MAX;
    log->space_bytes = 0;
    log->sync_faults_per_mille = log->read_faults_per_mille = 0;
    log->checkpoints_per_mille = dice_chance(dice, 600) ? dice_between(dice, 5, 100) : 0;
    log->compactions_per_mille = dice_chance(dice, 300) ? dice_between(dice, 5, 50) : 0;
}

static void draw_strikes(struct damage_preset *preset, struct dice *dice, enum log_size size)
{
    uint32_t worst_per_mille = size == LOG_SMALL ? 50 : 300;
    preset->strikes_at_rest_per_mille = dice_between(dice, 0, 500);
    preset->strikes_at_work_per_mille = dice_chance(dice, 600) ? dice_between(dice, 1, 50) : 0;
    preset->unreadable_per_mille = dice_chance(dice, 300) ? dice_between(dice, 1, 400) : 0;
    preset->passing_per_mille = dice_chance(dice, 400) ? dice_between(dice, 1, 400) : 0;
    preset->segments_per_mille = dice_chance(dice, 300) ? dice_between(dice, 1, worst_per_mille) : 0;
    preset->many_per_mille = dice_chance(dice, 300) ? dice_between(dice, 1, worst_per_mille) : 0;
    preset->several_per_mille = dice_between(dice, 0, 300);
    if (size == LOG_FULL) {
        preset->strikes_at_rest_per_mille = 500;
        preset->strikes_at_work_per_mille = 0;
        preset->unreadable_per_mille = preset->passing_per_mille = 0;
        preset->segments_per_mille = 900;
    }
}

void damage_preset_draw(struct damage_preset *preset, struct log_preset *log, struct dice *dice)
{
    enum log_size size = draw_size(dice);
    draw_log(log, dice, size);
    draw_strikes(preset, dice, size);
    preset->checks_per_mille = dice_chance(dice, 800) ? dice_between(dice, 1, 200) : 0;
    preset->finds_per_mille = dice_between(dice, 0, 300);
    preset->victims_per_mille = dice_chance(dice, 600) ? dice_between(dice, 1, 100) : 0;
    preset->notices_per_mille = dice_chance(dice, 300) ? dice_between(dice, 1, 30) : 0;
    preset->looks_per_mille = dice_between(dice, 0, 1000);
    preset->twice_per_mille = dice_between(dice, 0, 300);
    preset->tended_per_mille = dice_between(dice, 0, 500);
}
