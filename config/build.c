#include "config/build.h"

#include <assert.h>

#include "config/block.h"
#include "config/sections.h"

enum {
    /* Every string the settings keep, some of them twice: whole and taken apart. */
    STRINGS_BYTES =
        32 * (CONFIG_STRING_BYTES_MAX + 16) + RESPONSE_PREFIXES_MAX * (RESPONSE_PREFIX_BYTES_MAX + 16),
};

/* The sections whose size the document decides; NULL for one that is missing or cannot be read. */
struct policy_sections {
    const cJSON *plans;
    const cJSON *meters;
    const cJSON *routes;
};

static size_t count_of(const cJSON *section)
{
    return section == NULL ? 0 : (size_t)cJSON_GetArraySize(section);
}

static bool has_room(struct config_reader *reader, const cJSON *section, size_t most)
{
    if (count_of(section) > most) {
        reader_complain(reader, CONFIG_TOO_MANY, "has %zu entries; at most %zu are allowed",
                        count_of(section), most);
        return false;
    }
    return true;
}

static const cJSON *checked_object(struct config_reader *reader, const cJSON *root, const char *key,
                                   size_t most)
{
    const cJSON *section = json_member(root, key);
    struct text outer = reader->path;
    reader_enter_key(reader, bytes_of_string(key));
    bool is_usable = reader_is_object(reader, section) && has_room(reader, section, most);
    reader->path = outer;
    return is_usable ? section : NULL;
}

static const cJSON *checked_routes(struct config_reader *reader, const cJSON *root)
{
    const cJSON *section = json_member(root, "routes");
    if (section == NULL) {
        return NULL;
    }
    struct text outer = reader->path;
    reader_enter_key(reader, bytes_of_string("routes"));
    bool is_usable = reader_is_array(reader, section, ROUTES_MAX);
    reader->path = outer;
    return is_usable ? section : NULL;
}

/* A zeroed array in the reader's arena, which is large enough; never NULL. */
static void *array_of(struct config_reader *reader, size_t count, size_t size)
{
    void *array = arena_take(reader->arena, count * size);
    assert(array != NULL);
    return array;
}

static void build_policy(struct config_reader *reader, const cJSON *root,
                         const struct policy_sections *sections, struct policy *policy)
{
    struct text outer = reader->path;
    if (sections->plans != NULL) {
        policy->plan_count = (uint32_t)count_of(sections->plans);
        struct plan *plans = array_of(reader, policy->plan_count, sizeof *plans);
        reader_enter_key(reader, bytes_of_string("plans"));
        read_plans(reader, sections->plans, plans);
        reader->path = outer;
        policy->plans = plans;
    }
    if (sections->meters != NULL) {
        policy->meter_count = (uint32_t)count_of(sections->meters);
        struct meter *meters = array_of(reader, policy->meter_count, sizeof *meters);
        reader_enter_key(reader, bytes_of_string("meters"));
        read_meters(reader, sections->meters, meters);
        reader->path = outer;
        policy->meters = meters;
    }
    reader_enter_key(reader, bytes_of_string("subjects"));
    read_subjects(reader, json_member(root, "subjects"), policy);
    reader->path = outer;
}

static void build_routes(struct config_reader *reader, const cJSON *section, struct config_snapshot *snapshot)
{
    if (section == NULL) {
        return;
    }
    struct text outer = reader->path;
    snapshot->route_count = (uint32_t)count_of(section);
    struct route *routes = array_of(reader, snapshot->route_count, sizeof *routes);
    reader_enter_key(reader, bytes_of_string("routes"));
    read_routes(reader, section, snapshot->settings.topics.root, routes);
    reader->path = outer;
    snapshot->routes = routes;
}

static size_t snapshot_bytes(const struct policy_sections *sections)
{
    enum { ALIGNMENT_BYTES = 64 };
    return sizeof(struct config_snapshot) + count_of(sections->plans) * sizeof(struct plan) +
           count_of(sections->meters) * sizeof(struct meter) +
           count_of(sections->routes) * sizeof(struct route) + STRINGS_BYTES + ALIGNMENT_BYTES;
}

static struct config_snapshot *take_snapshot(size_t size, struct arena *arena)
{
    void *block = block_take(size);
    if (block == NULL) {
        return NULL;
    }
    arena_init(arena, block, size);
    struct config_snapshot *snapshot = arena_take(arena, sizeof *snapshot);
    snapshot->block_bytes = size;
    snapshot->settings = settings_default();
    return snapshot;
}

void config_snapshot_close(struct config_snapshot *snapshot)
{
    if (snapshot != NULL) {
        block_give(snapshot, snapshot->block_bytes);
    }
}

enum status config_build(const cJSON *root, const char *host_name, struct config_snapshot **snapshot,
                         struct config_errors *errors)
{
    struct arena arena = {0};
    struct config_reader reader;
    *snapshot = NULL;
    reader_init(&reader, errors, &arena);
    struct policy_sections sections = {.plans = checked_object(&reader, root, "plans", PLANS_MAX),
                                       .meters = checked_object(&reader, root, "meters", METERS_MAX),
                                       .routes = checked_routes(&reader, root)};
    struct config_snapshot *built = take_snapshot(snapshot_bytes(&sections), &arena);
    if (built == NULL) {
        return STATUS_NO_MEMORY;
    }
    read_settings(&reader, root, &built->settings);
    finish_topics(&reader, json_member(root, "topics"), &built->settings.topics);
    finish_settings(&reader, host_name, &built->settings);
    build_policy(&reader, root, &sections, &built->policy);
    build_routes(&reader, sections.routes, built);
    if (errors->count > 0) {
        config_snapshot_close(built);
        return STATUS_INVALID;
    }
    *snapshot = built;
    return STATUS_OK;
}
