#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/runtime/index_chain.h"

enum { MEMBERS = 8 };

static void numbers_leave_in_the_order_they_came(void **context)
{
    (void)context;
    struct index_link links[MEMBERS];
    struct index_chain chain;
    index_chain_init(&chain);
    index_chain_append(&chain, links, 5);
    index_chain_append(&chain, links, 0);
    index_chain_prepend(&chain, links, 7);
    assert_int_equal(chain.count, 3);
    assert_int_equal(index_chain_take(&chain, links), 7);
    assert_int_equal(index_chain_take(&chain, links), 5);
    assert_int_equal(index_chain_take(&chain, links), 0);
    assert_int_equal(index_chain_take(&chain, links), INDEX_NONE);
    assert_int_equal(chain.count, 0);
}

static void members_leave_from_anywhere(void **context)
{
    (void)context;
    const uint32_t leaving[] = {0, 2, 4};
    for (size_t i = 0; i < 3; i++) {
        struct index_link links[MEMBERS];
        struct index_chain chain;
        index_chain_init(&chain);
        for (uint32_t member = 0; member < 5; member++) {
            index_chain_append(&chain, links, member);
        }
        index_chain_remove(&chain, links, leaving[i]);
        for (uint32_t member = 0; member < 5; member++) {
            if (member != leaving[i]) {
                assert_int_equal(index_chain_take(&chain, links), member);
            }
        }
        assert_int_equal(chain.first, INDEX_NONE);
        assert_int_equal(chain.last, INDEX_NONE);
    }
}

/* Two chains over one array of links, against plain arrays. */
struct list {
    uint32_t members[MEMBERS];
    uint32_t count;
};

static void list_insert(struct list *list, uint32_t at, uint32_t member)
{
    memmove(&list->members[at + 1], &list->members[at], (list->count - at) * sizeof list->members[0]);
    list->members[at] = member;
    list->count++;
}

static bool list_remove(struct list *list, uint32_t member)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->members[i] == member) {
            list->count--;
            memmove(&list->members[i], &list->members[i + 1], (list->count - i) * sizeof list->members[0]);
            return true;
        }
    }
    return false;
}

static void assert_same(const struct index_chain *chain, const struct index_link *links,
                        const struct list *list)
{
    assert_int_equal(chain->count, list->count);
    uint32_t member = chain->first;
    for (uint32_t i = 0; i < list->count; i++) {
        assert_int_equal(member, list->members[i]);
        member = links[member].next;
    }
    assert_int_equal(member, INDEX_NONE);
    assert_int_equal(chain->last, list->count == 0 ? INDEX_NONE : list->members[list->count - 1]);
}

static void chains_behave_as_lists(void **context)
{
    (void)context;
    struct index_link links[MEMBERS];
    struct index_chain chains[2];
    struct list lists[2] = {0};
    index_chain_init(&chains[0]);
    index_chain_init(&chains[1]);
    uint32_t random = 1;
    for (int i = 0; i < 50000; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t member = random >> 16 & 7;
        uint32_t which = random >> 20 & 1;
        if (list_remove(&lists[0], member)) {
            index_chain_remove(&chains[0], links, member);
        } else if (list_remove(&lists[1], member)) {
            index_chain_remove(&chains[1], links, member);
        } else if ((random >> 24 & 1) != 0) {
            list_insert(&lists[which], 0, member);
            index_chain_prepend(&chains[which], links, member);
        } else {
            list_insert(&lists[which], lists[which].count, member);
            index_chain_append(&chains[which], links, member);
        }
        assert_same(&chains[0], links, &lists[0]);
        assert_same(&chains[1], links, &lists[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_leave_in_the_order_they_came),
        cmocka_unit_test(members_leave_from_anywhere),
        cmocka_unit_test(chains_behave_as_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
