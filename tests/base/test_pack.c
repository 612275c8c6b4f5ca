#include "base/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t storage[512];

static void fixed_widths_are_little_endian(void **context)
{
    (void)context;
    struct packer packer = packer_of(storage, sizeof storage);
    pack_u8(&packer, 0x01);
    pack_u16(&packer, 0x0302);
    pack_u32(&packer, 0x07060504);
    pack_u64(&packer, 0x0f0e0d0c0b0a0908);
    pack_i64(&packer, -2);
    assert_int_equal(packer.length, 23);
    for (uint8_t i = 0; i < 15; i++) {
        assert_int_equal(storage[i], i + 1);
    }
    assert_memory_equal(storage + 15, "\xfe\xff\xff\xff\xff\xff\xff\xff", 8);
}

static void everything_packed_comes_back(void **context)
{
    (void)context;
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, 1ULL << 63, UINT64_MAX};
    static const int64_t numbers[] = {0, -1, 1, -64, 64, INT32_MIN, INT64_MAX, INT64_MIN};
    struct packer packer = packer_of(storage, sizeof storage);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        pack_varint(&packer, values[i]);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        pack_signed(&packer, numbers[i]);
    }
    struct name name = name_of("acme");
    pack_name(&packer, &name);
    pack_bytes(&packer, bytes_of(NULL, 0));
    pack_u8(&packer, 3);
    assert_false(packer.overflowed);

    struct unpacker unpacker = unpacker_of(packer_bytes(&packer));
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_true(unpack_varint(&unpacker) == values[i]);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_true(unpack_signed(&unpacker) == numbers[i]);
    }
    struct name back;
    unpack_name(&unpacker, &back);
    assert_memory_equal(&back, &name, sizeof name);
    assert_int_equal(unpack_bytes(&unpacker).length, 0);
    assert_false(unpacker_is_done(&unpacker));
    assert_int_equal(unpack_enum(&unpacker, 3), 3);
    assert_true(unpacker_is_done(&unpacker));
}

static void varints_are_as_short_as_their_value(void **context)
{
    (void)context;
    static const struct {
        uint64_t value;
        size_t length;
    } table[] = {{0, 1}, {127, 1}, {128, 2}, {16383, 2}, {16384, 3}, {UINT64_MAX >> 1, 9}, {UINT64_MAX, 10}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct packer packer = packer_of(storage, sizeof storage);
        pack_varint(&packer, table[i].value);
        assert_int_equal(packer.length, table[i].length);
    }
}

static void overflow_sticks_and_never_writes_past_the_end(void **context)
{
    (void)context;
    memset(storage, 0xAA, sizeof storage);
    struct packer packer = packer_of(storage, 5);
    pack_u32(&packer, 1);
    pack_u16(&packer, 2);
    assert_true(packer.overflowed);
    pack_u8(&packer, 3);
    assert_int_equal(packer.length, 4);
    assert_int_equal(storage[4], 0xAA);
    assert_int_equal(storage[5], 0xAA);
}

static void running_out_of_bytes_sticks_and_gives_zero(void **context)
{
    (void)context;
    struct unpacker unpacker = unpacker_of(bytes_of("\x01\x02\x03", 3));
    assert_int_equal(unpack_u32(&unpacker), 0);
    assert_true(unpacker.failed);
    assert_int_equal(unpack_u8(&unpacker), 0);
    assert_false(unpacker_is_done(&unpacker));
}

struct damaged {
    const char *bytes;
    size_t length;
};

static void damaged_varints_fail(void **context)
{
    (void)context;
    static const struct damaged table[] = {
        {"", 0},
        {"\x80", 1},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct unpacker unpacker = unpacker_of(bytes_of(table[i].bytes, table[i].length));
        assert_true(unpack_varint(&unpacker) == 0);
        assert_true(unpacker.failed);
    }
}

static void damaged_lengths_and_values_fail(void **context)
{
    (void)context;
    struct name name;
    struct unpacker unpacker = unpacker_of(bytes_of("\x05"
                                                    "abc",
                                                    4));
    assert_int_equal(unpack_bytes(&unpacker).length, 0);
    assert_true(unpacker.failed);
    unpacker = unpacker_of(bytes_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10));
    assert_int_equal(unpack_bytes(&unpacker).length, 0);
    assert_true(unpacker.failed);
    char too_long[66] = {65};
    unpacker = unpacker_of(bytes_of(too_long, sizeof too_long));
    unpack_name(&unpacker, &name);
    assert_true(unpacker.failed);
    assert_true(name_is_empty(&name));
    unpacker = unpacker_of(bytes_of("\x04", 1));
    assert_int_equal(unpack_enum(&unpacker, 3), 0);
    assert_true(unpacker.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_widths_are_little_endian),
        cmocka_unit_test(everything_packed_comes_back),
        cmocka_unit_test(varints_are_as_short_as_their_value),
        cmocka_unit_test(overflow_sticks_and_never_writes_past_the_end),
        cmocka_unit_test(running_out_of_bytes_sticks_and_gives_zero),
        cmocka_unit_test(damaged_varints_fail),
        cmocka_unit_test(damaged_lengths_and_values_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
