/* A config/desired message. Input: a byte (bit 0: there is a file; bits 1 and 2: the version in force; bit 3:
 * it is this payload's), then the payload. */
#include <string.h>

#include "config/remote.h"
#include "tests/fuzz/config_check.h"
#include "tests/fuzz/fuzz.h"

enum { FLAG_FILE = 1, VERSION_SHIFT = 1, FLAG_SAME = 8, REPORT_BYTES_MAX = 128 << 10 };

static const char file[] =
    "{\"agent\":{\"id\":\"edge-7\"},\"plans\":{\"free\":{\"features\":[\"*\"]},\"gold\":{\"prices\":{\"*\":"
    "\"0.5\"}}},"
    "\"routes\":[{\"topic\":\"tele/{device}/SENSOR\",\"subject\":\"house\",\"meter\":\"kwh\"}]}";

static struct config_source a_source(uint8_t flags)
{
    struct config_source source = {.host_name = "edge-1"};
    if ((flags & FLAG_FILE) != 0) {
        source.text = bytes_of_string(file);
    }
    return source;
}

/* What is reported fits its place and is JSON. */
static void check_report(const struct remote_outcome *outcome, uint64_t active_version)
{
    static char storage[REPORT_BYTES_MAX];
    struct text text = text_of(storage, sizeof storage);
    remote_reported_write(outcome, active_version, 1795244400000LL, &text);
    fuzz_require(!text.overflowed, "a report fits");
    fuzz_require_json(text_bytes(&text));
    bool is_rejected = outcome->status == REMOTE_REJECTED;
    fuzz_require(is_rejected == (outcome->errors.count > 0), "a rejection, and nothing else, has errors");
    bool has_snapshot = outcome->action == REMOTE_APPLY || outcome->action == REMOTE_SHADOW;
    fuzz_require(has_snapshot == (outcome->snapshot != NULL), "only what comes into force is built");
    check_errors(&outcome->errors, NULL, "");
}

static void judge(const struct remote_active *active, uint8_t flags, struct bytes payload,
                  struct remote_outcome *outcome)
{
    struct config_source source = a_source(flags);
    fuzz_require(remote_judge(active, &source, payload, outcome) == STATUS_OK, "a message is judged");
    if (outcome->action != REMOTE_NOTHING) {
        check_report(outcome, active->version);
    }
}

static void require_refused(const struct remote_active *active, struct bytes payload, enum config_code code)
{
    static struct remote_outcome outcome;
    judge(active, FLAG_FILE, payload, &outcome);
    fuzz_require(outcome.status == REMOTE_REJECTED && outcome.errors.count == 1 &&
                     outcome.errors.items[0].code == code,
                 "the rules of versions hold");
}

/* What was accepted stays so: at once, and after a restart. */
static void check_accepted(const struct remote_outcome *first, uint8_t flags, struct bytes payload)
{
    static struct remote_outcome outcome;
    struct remote_active active = {.version = first->version, .sha256 = first->sha256};
    fuzz_require(first->version > 0 && first->version <= REMOTE_VERSION_MOST &&
                     first->snapshot->policy.version == first->version,
                 "what comes into force has its version");
    judge(&active, flags, payload, &outcome);
    fuzz_require(outcome.action == REMOTE_REPORT && outcome.status == REMOTE_ACCEPTED,
                 "the version in force is reported again");
    active.sha256.bytes[0] ^= 1;
    require_refused(&active, payload, CONFIG_VERSION_CONFLICT);
    active.version++;
    require_refused(&active, payload, CONFIG_STALE_VERSION);
    active = (struct remote_active){0};
    judge(&active, flags, payload, &outcome);
    fuzz_require(outcome.action == first->action, "what was accepted is accepted after a restart");
    config_snapshot_close(outcome.snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct remote_outcome outcome;
    static const uint64_t versions[] = {0, 5, 42, REMOTE_VERSION_MOST};
    struct fuzz_input input = {.rest = bytes_of(data, size)};
    uint8_t flags = fuzz_u8(&input);
    struct remote_active active = {.version = versions[flags >> VERSION_SHIFT & 3]};
    struct bytes payload = fuzz_rest(&input);
    if ((flags & FLAG_SAME) != 0) {
        active.sha256 = sha256_of(payload);
    }
    judge(&active, flags, payload, &outcome);
    fuzz_require((outcome.action == REMOTE_NOTHING) == (payload.length == 0),
                 "only nothing asks for nothing");
    if (outcome.snapshot != NULL) {
        check_accepted(&outcome, flags, payload);
        check_snapshot(outcome.snapshot);
        config_snapshot_close(outcome.snapshot);
    }
    return 0;
}
