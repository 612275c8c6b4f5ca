#include "tests/simulation/damage_disk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/state/frame.h"

enum { MANY_LEAST = DAMAGES_MAX + 1, RUN_MOST = 6 };

static void look_at_block(struct damage_world *world, const struct virtual_node *node, uint64_t offset)
{
    uint8_t block[FRAME_BLOCK_BYTES];
    struct frame_header header;
    size_t count = virtual_contents_read(&node->contents, block, sizeof block, offset);
    bool is_frame = frame_unpack(bytes_of(block, count), &header) == STATUS_OK;
    /* Frames of the file's former life were dropped before. */
    bool is_ours =
        is_frame && header.frame > world->model.gone_frame && header.frame <= world->model.committed_frame;
    if (!is_ours || world->survey.count == DAMAGE_PLACES_MAX) {
        return;
    }
    struct damage_place *place = &world->survey.list[world->survey.count++];
    *place = (struct damage_place){.frame = header.frame,
                                   .durable_frame = header.durable_frame,
                                   .offset = offset,
                                   .bytes = FRAME_HEADER_BYTES + header.stored_length};
    snprintf(place->path, sizeof place->path, "%s/%s", world->log->settings.folder, node->name);
}

/* The segment that follows that one by name; NULL: none. */
static const struct virtual_node *next_segment(const struct damage_world *world,
                                               const struct virtual_node *after)
{
    const struct virtual_names *names = &world->log->disk.names;
    const struct virtual_node *next = NULL;
    for (int i = 0; i < names->node_count; i++) {
        const struct virtual_node *node = &names->nodes[i];
        bool is_segment = node->is_used && node->is_linked && strncmp(node->name, "segment-", 8) == 0;
        if (is_segment && (after == NULL || strcmp(node->name, after->name) > 0) &&
            (next == NULL || strcmp(node->name, next->name) < 0)) {
            next = node;
        }
    }
    return next;
}

static void look_around(struct damage_world *world)
{
    world->survey.count = 0;
    const struct virtual_node *node = next_segment(world, NULL);
    for (; node != NULL; node = next_segment(world, node)) {
        for (uint64_t offset = 0; offset < node->contents.size; offset += FRAME_BLOCK_BYTES) {
            look_at_block(world, node, offset);
        }
    }
}

static void draw_noise(struct dice *dice, uint8_t *noise, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        noise[i] = (uint8_t)(dice_bits(dice) >> 8 | 1);
    }
}

/* A bit, a header, a block or all of it. */
static void rot(struct damage_world *world, const struct damage_place *place)
{
    struct dice *dice = &world->log->dice;
    uint8_t noise[FRAME_BLOCK_BYTES] = {0};
    uint64_t offset = place->offset;
    size_t size = 1;
    switch (dice_roll(dice, 4)) {
    case 0:
    case 1:
        offset += dice_roll(dice, place->bytes);
        noise[0] = (uint8_t)(1U << dice_roll(dice, 8));
        break;
    case 2:
        size = FRAME_HEADER_BYTES;
        draw_noise(dice, noise, size);
        break;
    default:
        offset += dice_roll(dice, place->bytes) / FRAME_BLOCK_BYTES * FRAME_BLOCK_BYTES;
        size = sizeof noise;
        draw_noise(dice, noise, size);
        break;
    }
    virtual_disk_rot(&world->log->disk, place->path, offset, bytes_of(noise, size));
}

static bool has_copy_but(const struct damage_world *world, uint64_t frame, const struct damage_place *struck)
{
    for (uint32_t i = 0; i < world->survey.count; i++) {
        if (world->survey.list[i].frame == frame && &world->survey.list[i] != struck) {
            return true;
        }
    }
    return false;
}

/* All copies of the frame, or one of several. */
static void strike_frame(struct damage_world *world, uint32_t at)
{
    struct damage_place *struck = &world->survey.list[at];
    uint64_t frame = struck->frame;
    if ((world->model.frames[frame].fate & (FATE_LOST | FATE_PASSING)) != 0) {
        return; /* The same bit twice would repair it. */
    }
    bool is_whole = dice_chance(&world->log->dice, 700) || !has_copy_but(world, frame, struck);
    for (uint32_t i = 0; i < world->survey.count; i++) {
        if (world->survey.list[i].frame == frame && (is_whole || i == at)) {
            rot(world, &world->survey.list[i]);
        }
    }
    bool was_hit = (world->model.frames[frame].fate & FATE_HIT) != 0;
    damage_model_note(&world->model, frame, is_whole && !was_hit ? FATE_HIT | FATE_LOST : FATE_HIT);
    world->counts.frames++;
    findings_trace(&world->log->findings, "damage: %sframe %" PRIu64 " at %s, %" PRIu64,
                   is_whole ? "" : "one copy of ", frame, struck->path, struck->offset);
}

/* The last frame cannot be told from a torn one, which makes the rest of the world dull. */
static uint32_t draw_place(struct damage_world *world)
{
    struct dice *dice = &world->log->dice;
    uint32_t at = dice_roll(dice, world->survey.count);
    const struct damage_subject *subject =
        &world->model.subjects[dice_roll(dice, (uint32_t)world->model.subject_count)];
    if (subject->latest != DAMAGE_VERSION_NONE && dice_chance(dice, 600)) {
        uint64_t frame = record_ref_frame(world->model.versions[subject->latest].ref);
        for (uint32_t i = 0; i < world->survey.count; i++) {
            at = world->survey.list[i].frame == frame ? i : at;
        }
    }
    bool is_last = world->survey.list[at].frame == world->model.committed_frame;
    return is_last && dice_chance(dice, 850) ? dice_roll(dice, world->survey.count) : at;
}

static void strike_unreadable(struct damage_world *world)
{
    const struct damage_place *place = &world->survey.list[draw_place(world)];
    for (uint32_t i = 0; i < world->survey.count; i++) {
        const struct damage_place *copy = &world->survey.list[i];
        if (copy->frame == place->frame &&
            virtual_disk_make_unreadable(&world->log->disk, copy->path, copy->offset, copy->bytes)) {
            damage_model_note(&world->model, copy->frame, FATE_PASSING);
        }
    }
    findings_trace(&world->log->findings, "damage: frame %" PRIu64 " cannot be read", place->frame);
}

/* Of all copies the same bit behind the header: so it is found again. */
static void flip_passing(struct damage_world *world, const struct damage_bit *bit)
{
    for (uint32_t i = 0; i < world->survey.count; i++) {
        const struct damage_place *place = &world->survey.list[i];
        if (place->frame == bit->frame) {
            virtual_disk_rot(&world->log->disk, place->path, place->offset + bit->offset,
                             bytes_of(&bit->mask, 1));
        }
    }
}

/* As if the memory that holds the page were at fault. Only to frames that are sound: then those can be read
 * again as they were. */
static void strike_passing(struct damage_world *world)
{
    struct dice *dice = &world->log->dice;
    const struct damage_place *place = &world->survey.list[draw_place(world)];
    bool is_fit = place->bytes > FRAME_HEADER_BYTES && damage_model_is_sound(&world->model, place->frame) &&
                  world->passing_count < DAMAGE_PASSING_MAX;
    if (!is_fit) {
        return;
    }
    struct damage_bit bit = {.frame = place->frame, .mask = (uint8_t)(1U << dice_roll(dice, 8))};
    bit.offset = FRAME_HEADER_BYTES + dice_roll(dice, place->bytes - FRAME_HEADER_BYTES);
    world->passing[world->passing_count++] = bit;
    flip_passing(world, &bit);
    damage_model_note(&world->model, bit.frame, FATE_PASSING);
    findings_trace(&world->log->findings, "damage: frame %" PRIu64 " reads wrong for a while", bit.frame);
}

static void strike_many(struct damage_world *world)
{
    uint32_t count = MANY_LEAST + dice_roll(&world->log->dice, MANY_LEAST);
    uint32_t step = world->survey.count / count < 2 ? 2 : world->survey.count / count;
    for (uint32_t at = dice_roll(&world->log->dice, step); at + 1 < world->survey.count; at += step) {
        strike_frame(world, at);
    }
}

static void strike_run(struct damage_world *world)
{
    uint32_t at = draw_place(world);
    uint32_t end = at + dice_between(&world->log->dice, 2, RUN_MOST);
    for (; at < end && at < world->survey.count; at++) {
        strike_frame(world, at);
    }
}

/* Everything in the segment becomes noise, or it vanishes. */
static void destroy_segment(struct damage_world *world, const char *path, bool vanishes)
{
    struct virtual_disk *disk = &world->log->disk;
    for (uint32_t i = 0; i < world->survey.count; i++) {
        const struct damage_place *place = &world->survey.list[i];
        if (strcmp(place->path, path) != 0) {
            continue;
        }
        uint8_t noise[FRAME_HEADER_BYTES];
        draw_noise(&world->log->dice, noise, sizeof noise);
        virtual_disk_rot(disk, path, place->offset, bytes_of(noise, sizeof noise));
        bool is_whole = true;
        for (uint32_t j = 0; j < world->survey.count; j++) {
            is_whole &=
                world->survey.list[j].frame != place->frame || strcmp(world->survey.list[j].path, path) == 0;
        }
        damage_model_note(&world->model, place->frame, is_whole ? FATE_HIT | FATE_LOST : FATE_HIT);
        world->counts.frames++;
    }
    if (vanishes) {
        struct virtual_place place = virtual_names_find(&disk->names, path);
        virtual_names_unlink(&disk->names, place.node);
        virtual_names_sync(&disk->names, place.folder);
    }
    findings_trace(&world->log->findings, "damage: all of %s%s", path, vanishes ? ", which vanishes" : "");
}

/* One segment or some in a row. The oldest never vanishes: that is what a drop does, and without a checkpoint
 * nothing tells the difference. */
static void strike_segments(struct damage_world *world, enum damage_moment moment)
{
    struct dice *dice = &world->log->dice;
    bool vanishes = moment == DAMAGE_AT_REST && dice_chance(dice, 500);
    uint32_t left = dice_chance(dice, 600) ? 1 : dice_between(dice, 2, 20);
    uint32_t at = dice_roll(dice, left == 1 ? world->survey.count : world->survey.count / 2 + 1);
    /* With the last one there is nothing behind that tells. */
    const char *spared = dice_chance(dice, 800) ? world->survey.list[world->survey.count - 1].path : "";
    char path[DAMAGE_PATH_MAX] = "";
    for (; at < world->survey.count && left > 0; at++) {
        const char *next = world->survey.list[at].path;
        if (strcmp(next, path) != 0 && strcmp(next, spared) != 0) {
            snprintf(path, sizeof path, "%s", world->survey.list[at].path);
            destroy_segment(world, path, vanishes && strcmp(path, world->survey.list[0].path) != 0);
            left--;
        }
    }
}

void damage_disk_strike(struct damage_world *world, enum damage_moment moment)
{
    struct dice *dice = &world->log->dice;
    const struct damage_preset *preset = &world->preset;
    look_around(world);
    if (world->survey.count == 0) {
        return;
    }
    world->counts.strikes++;
    if (dice_chance(dice, preset->unreadable_per_mille)) {
        strike_unreadable(world);
    } else if (dice_chance(dice, preset->passing_per_mille)) {
        strike_passing(world);
    } else if (dice_chance(dice, preset->segments_per_mille)) {
        strike_segments(world, moment);
    } else if (dice_chance(dice, preset->many_per_mille)) {
        strike_many(world);
    } else if (dice_chance(dice, preset->several_per_mille)) {
        strike_run(world);
    } else {
        strike_frame(world, draw_place(world));
    }
}

void damage_disk_heal(struct damage_world *world)
{
    virtual_disk_make_readable(&world->log->disk);
    look_around(world);
    for (uint32_t i = 0; i < world->passing_count; i++) {
        flip_passing(world, &world->passing[i]);
    }
    world->passing_count = 0;
}

void damage_disk_forget(struct damage_world *world, uint64_t last_frame)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < world->passing_count; i++) {
        if (world->passing[i].frame <= last_frame) {
            world->passing[kept++] = world->passing[i];
        }
    }
    world->passing_count = kept;
}

/* Whether a later frame says that this one was on the disk. */
static bool is_proven(const struct damage_world *world, uint64_t frame)
{
    for (uint32_t i = 0; i < world->survey.count; i++) {
        if (world->survey.list[i].frame > frame && world->survey.list[i].durable_frame >= frame) {
            return true;
        }
    }
    return false;
}

uint64_t damage_disk_last_proven(struct damage_world *world)
{
    const struct damage_model *model = &world->model;
    look_around(world);
    for (uint64_t frame = model->gone_frame + 1; frame <= model->committed_frame; frame++) {
        if (!damage_model_is_sound(model, frame) && !is_proven(world, frame)) {
            return frame - 1;
        }
    }
    return model->committed_frame;
}

bool damage_disk_has_sound_frame(const struct damage_world *world)
{
    const struct damage_model *model = &world->model;
    for (uint64_t frame = model->gone_frame + 1; frame <= model->committed_frame; frame++) {
        if (damage_model_is_sound(model, frame)) {
            return true;
        }
    }
    return false;
}
