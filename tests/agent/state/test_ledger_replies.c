/* Replies and messages in the ledger: what is packed comes back, damage is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/ledger.h"
#include "agent/state/ledger_command.h"

static const instant_ms noon = 1795262400000;

static struct bytes pack_reply(const struct reply_entry *entry, uint8_t storage[LEDGER_ENTRY_BYTES_MAX])
{
    struct packer packer = packer_of(storage, LEDGER_ENTRY_BYTES_MAX);
    pack_reply_entry(&packer, entry);
    assert_false(packer.overflowed);
    return packer_bytes(&packer);
}

/* Every op with all its fields. */
static const struct command commands[] = {
    {.governor = GOVERNOR_ENTITLEMENT,
     .op = OP_GRANT,
     .plan = {4, "gold"},
     .feature_count = 2,
     .features = {{1, "a"}, {2, "bc"}},
     .starts_at = 5,
     .expires_at = INSTANT_NEVER,
     .grace_ms = 86400000},
    {.governor = GOVERNOR_ENTITLEMENT, .op = OP_EXTEND, .expires_at = 1795262400000},
    {.governor = GOVERNOR_ENTITLEMENT, .op = OP_SUSPEND},
    {.governor = GOVERNOR_ENTITLEMENT, .op = OP_RESUME},
    {.governor = GOVERNOR_ENTITLEMENT, .op = OP_REVOKE},
    {.governor = GOVERNOR_QUOTA, .op = OP_RESET},
    {.governor = GOVERNOR_QUOTA, .op = OP_REFUND, .name = {5, "daily"}, .amount = 7},
    {.governor = GOVERNOR_QUOTA, .op = OP_SET_LIMIT, .name = {5, "daily"}, .limit = 9},
    {.governor = GOVERNOR_BILLING, .op = OP_CREDIT, .amount = 8, .priority = INT32_MIN, .expires_at = 1},
    {.governor = GOVERNOR_BILLING, .op = OP_REFUND, .event = {3, "e-1"}, .device = {7, "meter-7"}},
    {.governor = GOVERNOR_BILLING, .op = OP_CLOSE},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static struct reply_entry reply_to(const struct command *command)
{
    struct reply_entry entry = {.governor = command->governor,
                                .command = name_of("c-9"),
                                .bytes_hash = 99,
                                .seq = 982,
                                .time = noon,
                                .config_version = 42,
                                .clock = CLOCK_HOLDOVER,
                                .reason = REPLY_OVERFLOW,
                                .asked = *command,
                                .has_before = true,
                                .before = {.kind = command->governor, .verdict = VERDICT_WARN},
                                .address = {.qos = 1},
                                .payload = bytes_of_string("{\"command\":\"c-9\"}")};
    entry.asked.id = entry.command;
    return entry;
}

static void every_command_comes_back(void **context)
{
    (void)context;
    uint8_t storage[LEDGER_ENTRY_BYTES_MAX];
    uint8_t again[LEDGER_ENTRY_BYTES_MAX];
    for (size_t i = 0; i < COMMANDS; i++) {
        struct reply_entry entry = reply_to(&commands[i]);
        struct reply_entry read;
        struct bytes bytes = pack_reply(&entry, storage);
        assert_int_equal(unpack_reply_entry(bytes, &read), STATUS_OK);
        assert_memory_equal(&read.asked, &entry.asked, sizeof read.asked);
        assert_int_equal(read.seq, 982);
        assert_int_equal(read.time, noon);
        assert_int_equal(read.config_version, 42);
        assert_int_equal(read.clock, CLOCK_HOLDOVER);
        assert_int_equal(read.reason, REPLY_OVERFLOW);
        assert_true(read.has_before);
        assert_int_equal(read.before.kind, commands[i].governor);
        assert_int_equal(read.before.verdict, VERDICT_WARN);
        assert_true(bytes_equal(read.payload, entry.payload));
        assert_true(bytes_equal(pack_reply(&read, again), bytes));
    }
}

static void damaged_reply_does_no_harm(void **context)
{
    (void)context;
    uint8_t storage[LEDGER_ENTRY_BYTES_MAX];
    for (size_t i = 0; i < COMMANDS; i++) {
        struct reply_entry entry = reply_to(&commands[i]);
        struct reply_entry read;
        struct bytes bytes = pack_reply(&entry, storage);
        for (size_t length = 0; length < bytes.length; length++) {
            assert_int_equal(unpack_reply_entry(bytes_of(storage, length), &read), STATUS_CORRUPT);
        }
        for (size_t bit = 0; bit < bytes.length * 8; bit++) {
            uint8_t again[LEDGER_ENTRY_BYTES_MAX];
            storage[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (unpack_reply_entry(bytes, &read) == STATUS_OK) {
                pack_reply(&read, again);
            }
            storage[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void reply_said_again_knows_nothing_of_before(void **context)
{
    (void)context;
    uint8_t storage[LEDGER_ENTRY_BYTES_MAX];
    struct reply_entry entry = reply_to(&commands[2]);
    entry.has_before = false;
    struct reply_entry read;
    assert_int_equal(unpack_reply_entry(pack_reply(&entry, storage), &read), STATUS_OK);
    assert_false(read.has_before);
}

struct priority_row {
    int64_t stored;
    bool is_damage;
};

static const struct priority_row priority_rows[] = {
    {0, false},
    {INT32_MIN, false},
    {INT32_MAX, false},
    {(int64_t)INT32_MIN - 1, true},
    {(int64_t)INT32_MAX + 1, true},
    {INT64_MIN, true},
    {INT64_MAX, true},
};

static void priority_beyond_32_bits_is_damage(void **context)
{
    (void)context;
    for (size_t i = 0; i < sizeof priority_rows / sizeof *priority_rows; i++) {
        uint8_t storage[64];
        struct packer packer = packer_of(storage, sizeof storage);
        pack_u8(&packer, OP_CREDIT);
        pack_signed(&packer, 8);
        pack_signed(&packer, priority_rows[i].stored);
        pack_signed(&packer, INSTANT_NEVER);
        struct unpacker unpacker = unpacker_of(packer_bytes(&packer));
        struct command asked = {.governor = GOVERNOR_BILLING};
        unpack_asked(&unpacker, &asked);
        assert_int_equal(unpacker.failed, priority_rows[i].is_damage);
        assert_int_equal(asked.priority, priority_rows[i].is_damage ? 0 : priority_rows[i].stored);
    }
}

static void message_comes_back_or_is_corrupt(void **context)
{
    (void)context;
    uint8_t storage[64];
    struct packer packer = packer_of(storage, sizeof storage);
    struct message_entry entry = {bytes_of_string("flyball/dead/letters"), bytes_of_string("{}")};
    struct message_entry read;
    enum entry_kind kind;
    pack_message_entry(&packer, &entry);
    size_t whole = packer_bytes(&packer).length;
    assert_int_equal(entry_kind_of(packer_bytes(&packer), &kind), STATUS_OK);
    assert_int_equal(kind, ENTRY_MESSAGE);
    assert_int_equal(unpack_message_entry(packer_bytes(&packer), &read), STATUS_OK);
    assert_true(bytes_equal(read.topic, entry.topic));
    assert_true(bytes_equal(read.payload, entry.payload));
    for (size_t length = 0; length <= whole + 1; length++) {
        enum status expected = length == whole ? STATUS_OK : STATUS_CORRUPT;
        assert_int_equal(unpack_message_entry(bytes_of(storage, length), &read), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_comes_back),
        cmocka_unit_test(damaged_reply_does_no_harm),
        cmocka_unit_test(reply_said_again_knows_nothing_of_before),
        cmocka_unit_test(priority_beyond_32_bits_is_damage),
        cmocka_unit_test(message_comes_back_or_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
