#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "agent/runtime/dedup_window.h"

enum { PACKED_MAX = DEDUP_WINDOW_MAX * DEDUP_ITEM_PACKED_MAX + 8 };

static bool knows(const struct dedup_window *window, uint64_t key)
{
    return dedup_window_find(window, key, 0) < window->count;
}

static void window_keeps_the_last_keys(void **context)
{
    (void)context;
    static struct dedup_window window;
    dedup_window_init(&window, 64);
    assert_false(knows(&window, 1));
    for (uint64_t key = 1; key <= 64; key++) {
        dedup_window_add(&window, key, key * 10);
    }
    assert_true(knows(&window, 1) && knows(&window, 64));
    dedup_window_add(&window, 65, 650);
    assert_false(knows(&window, 1));
    assert_true(knows(&window, 2) && knows(&window, 65));
    assert_int_equal(window.count, 64);
    assert_int_equal(dedup_window_at(&window, 0)->record_ref, 650);
    assert_int_equal(dedup_window_at(&window, 63)->record_ref, 20);
}

static void all_candidates_of_a_hash_are_found_newest_first(void **context)
{
    (void)context;
    static struct dedup_window window;
    dedup_window_init(&window, 16);
    const uint64_t key = 0x1111222233334444U;
    dedup_window_add(&window, key, 1);
    dedup_window_add(&window, 5, 2);
    dedup_window_add(&window, key ^ ((uint64_t)1 << 60), 3); /* Another key of the same stored hash. */
    uint32_t position = dedup_window_find(&window, key, 0);
    assert_int_equal(dedup_window_at(&window, position)->record_ref, 3);
    position = dedup_window_find(&window, key, position + 1);
    assert_int_equal(dedup_window_at(&window, position)->record_ref, 1);
    assert_int_equal(dedup_window_find(&window, key, position + 1), window.count);
}

/* The window against a plain list, newest first. */
struct list {
    struct dedup_item items[DEDUP_WINDOW_MAX];
    uint32_t count;
    uint32_t size;
};

static void list_add(struct list *list, struct dedup_item item)
{
    memmove(&list->items[1], &list->items[0], (DEDUP_WINDOW_MAX - 1) * sizeof item);
    list->items[0] = item;
    list->count += list->count < list->size ? 1 : 0;
}

static void list_resize(struct list *list, uint32_t size)
{
    list->size = size;
    list->count = list->count < size ? list->count : size;
}

static void assert_same(struct dedup_window *window, const struct list *list)
{
    assert_int_equal(window->count, list->count);
    assert_int_equal(window->size, list->size);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct dedup_item *item = dedup_window_at(window, i);
        assert_int_equal(item->hash, list->items[i].hash);
        assert_int_equal(item->flags, list->items[i].flags);
        assert_int_equal(item->record_ref, list->items[i].record_ref);
    }
}

static void pack_and_unpack(struct dedup_window *window, uint32_t size)
{
    static uint8_t bytes[PACKED_MAX];
    struct packer packer = packer_of(bytes, sizeof bytes);
    dedup_window_pack(&packer, window);
    assert_false(packer.overflowed);
    struct unpacker unpacker = unpacker_of(packer_bytes(&packer));
    memset(window, 0xA5, sizeof *window);
    dedup_window_unpack(&unpacker, window, size);
    assert_true(unpacker_is_done(&unpacker));
}

static void window_behaves_as_a_list(void **context)
{
    (void)context;
    static struct dedup_window window;
    static struct list list;
    dedup_window_init(&window, 16);
    list.size = 16;
    uint64_t random = 11;
    for (int i = 0; i < 3000; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        struct dedup_item item = {.hash = (uint32_t)(random >> 32), .record_ref = random};
        dedup_window_add(&window, item.hash, item.record_ref);
        list_add(&list, item);
        if (i % 3 == 0) {
            uint32_t position = (uint32_t)(random >> 40) % window.count;
            dedup_window_at(&window, position)->flags = DEDUP_REFUNDED;
            list.items[position].flags = DEDUP_REFUNDED;
        }
        if (i % 50 == 0) {
            uint32_t size =
                DEDUP_WINDOW_MIN + (uint32_t)(random >> 20) % (DEDUP_WINDOW_MAX - DEDUP_WINDOW_MIN + 1);
            size = i % 100 == 0 ? DEDUP_WINDOW_MIN + size % 20 : size;
            pack_and_unpack(&window, size);
            list_resize(&list, size);
        }
        if (i % 7 == 0) {
            pack_and_unpack(&window, window.size);
        }
        assert_same(&window, &list);
    }
}

static void unpacking_into_a_smaller_window_keeps_the_newest(void **context)
{
    (void)context;
    static struct dedup_window window;
    uint8_t bytes[2048];
    dedup_window_init(&window, 64);
    for (uint64_t key = 1; key <= 64; key++) {
        dedup_window_add(&window, key, key);
    }
    struct packer packer = packer_of(bytes, sizeof bytes);
    dedup_window_pack(&packer, &window);
    struct unpacker unpacker = unpacker_of(packer_bytes(&packer));
    dedup_window_unpack(&unpacker, &window, 16);
    assert_true(unpacker_is_done(&unpacker));
    assert_int_equal(window.count, 16);
    assert_true(knows(&window, 64) && knows(&window, 49));
    assert_false(knows(&window, 48));
}

static void neighbouring_entries_pack_small(void **context)
{
    (void)context;
    static struct dedup_window window;
    uint8_t bytes[2048];
    dedup_window_init(&window, 64);
    for (uint64_t i = 0; i < 64; i++) {
        dedup_window_add(&window, i * 0x9E3779B97F4A7C15U, ((uint64_t)1000000 + i) << 16 | i % 100);
    }
    struct packer packer = packer_of(bytes, sizeof bytes);
    dedup_window_pack(&packer, &window);
    assert_true(packer.length < 64 * 8);
}

static void worst_window_fits_its_limit(void **context)
{
    (void)context;
    static struct dedup_window window;
    dedup_window_init(&window, DEDUP_WINDOW_MAX);
    for (uint64_t i = 0; i < DEDUP_WINDOW_MAX; i++) {
        dedup_window_add(&window, UINT64_MAX, i % 2 == 0 ? (uint64_t)1 << 63 : 0);
        dedup_window_at(&window, 0)->flags = 0xFF;
    }
    pack_and_unpack(&window, window.size);
    assert_int_equal(window.count, DEDUP_WINDOW_MAX);
}

static void damaged_window_is_empty(void **context)
{
    (void)context;
    static struct dedup_window window;
    uint8_t bytes[256];
    dedup_window_init(&window, 16);
    dedup_window_add(&window, 1, 100);
    dedup_window_add(&window, 2, 200);
    struct packer packer = packer_of(bytes, sizeof bytes);
    dedup_window_pack(&packer, &window);
    for (size_t length = 0; length < packer.length; length++) {
        struct unpacker unpacker = unpacker_of(bytes_of(bytes, length));
        dedup_window_unpack(&unpacker, &window, 16);
        assert_true(unpacker.failed);
        assert_int_equal(window.count, 0);
        assert_int_equal(window.size, 16);
    }
    packer = packer_of(bytes, sizeof bytes);
    pack_varint(&packer, DEDUP_WINDOW_MAX + 1);
    pack_u8(&packer, 0);
    struct unpacker unpacker = unpacker_of(bytes_of(bytes, sizeof bytes));
    dedup_window_unpack(&unpacker, &window, 16);
    assert_true(unpacker.failed);
}

static void keys_differ_in_every_part_and_kind(void **context)
{
    (void)context;
    struct name a = name_of("a");
    struct name b = name_of("b");
    struct name ab = name_of("ab");
    struct name none = name_of("");
    const uint64_t keys[] = {
        dedup_key_of_id(&a, &b),
        dedup_key_of_id(&b, &a),
        dedup_key_of_id(&ab, &none),
        dedup_key_of_id(&none, &ab),
        dedup_key_of_device_seq(&a, &b, 0),
        dedup_key_of_device_seq(&a, &b, 1),
        dedup_key_of_device_seq(&a, &none, 1),
        dedup_key_of_command(GOVERNOR_BILLING, &a),
        dedup_key_of_command(GOVERNOR_QUOTA, &a),
        dedup_key_of_command(GOVERNOR_BILLING, &b),
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal((uint32_t)keys[i], (uint32_t)keys[j]);
        }
    }
}

/* They are on disk: another value here would forget every key. */
static void keys_never_change(void **context)
{
    (void)context;
    struct name device = name_of("meter-7");
    struct name id = name_of("e-1");
    assert_int_equal(dedup_key_of_id(&device, &id), 0xea801198bc38d7c1U);
    assert_int_equal(dedup_key_of_device_seq(&device, &id, 17), 0xdc26d7dfb4468efdU);
    assert_int_equal(dedup_key_of_command(GOVERNOR_BILLING, &id), 0x6775b8d976749d34U);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_keeps_the_last_keys),
        cmocka_unit_test(all_candidates_of_a_hash_are_found_newest_first),
        cmocka_unit_test(window_behaves_as_a_list),
        cmocka_unit_test(unpacking_into_a_smaller_window_keeps_the_newest),
        cmocka_unit_test(neighbouring_entries_pack_small),
        cmocka_unit_test(worst_window_fits_its_limit),
        cmocka_unit_test(damaged_window_is_empty),
        cmocka_unit_test(keys_differ_in_every_part_and_kind),
        cmocka_unit_test(keys_never_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
