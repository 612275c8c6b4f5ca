/* Decisions in the ledger: what is packed comes back, damage is told, and what was before costs next to
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/ledger.h"

static const instant_ms noon = 1795262400000;

/* One gold customer's 2.5 kwh: 73.5 of 100 used before and 97.9 in the account. */
static struct decision_entry usual(void)
{
    struct decision_entry entry = {.before = {.is_told = true}};
    struct decision *decision = &entry.decision;
    decision->event = (struct event){.subject = name_of("acme"),
                                     .device = name_of("meter-7"),
                                     .meter = name_of("kwh"),
                                     .id = name_of("e-1"),
                                     .amount = 2500000,
                                     .bytes_hash = 0x1122334455667788};
    decision->seq = 981;
    decision->time = noon;
    decision->config_version = 42;
    decision->dedup = DEDUP_ID;
    decision->answer.report_count = 3;
    decision->answer.reports[0] = (struct governor_report){
        .kind = GOVERNOR_ENTITLEMENT, .entitlement = {.phase = ENTITLEMENT_ACTIVE, .plan = name_of("gold")}};
    decision->answer.reports[1] = (struct governor_report){.kind = GOVERNOR_QUOTA,
                                                           .quota_phase = QUOTA_NORMAL,
                                                           .quota = {.has_limit = true,
                                                                     .name = name_of("daily"),
                                                                     .limit = 100000000,
                                                                     .used = 76000000,
                                                                     .remaining = 24000000,
                                                                     .resets_at = noon + 3600000}};
    decision->answer.reports[2] = (struct governor_report){
        .kind = GOVERNOR_BILLING,
        .billing = {.phase = BILLING_PHASE_GOOD, .charged = 500000, .balance = 97400000}};
    decision->answer.charge = (struct charge){.amount = 500000,
                                              .burn_count = 1,
                                              .burns = {{.age = 3,
                                                         .amount = 500000,
                                                         .id = name_of("c-1"),
                                                         .grant_amount = 100000000,
                                                         .expires_at = INSTANT_NEVER}}};
    entry.address.qos = 1;
    entry.before.entitlement = decision->answer.reports[0].entitlement;
    entry.before.used = 73500000;
    entry.before.billing_phase = BILLING_PHASE_GOOD;
    entry.before.balance = 97900000;
    return entry;
}

static struct bytes pack(const struct decision_entry *entry, uint8_t storage[LEDGER_ENTRY_BYTES_MAX])
{
    struct packer packer = packer_of(storage, LEDGER_ENTRY_BYTES_MAX);
    pack_decision_entry(&packer, entry);
    assert_false(packer.overflowed);
    return packer_bytes(&packer);
}

static size_t packed_size(const struct decision_entry *entry)
{
    uint8_t storage[LEDGER_ENTRY_BYTES_MAX];
    return pack(entry, storage).length;
}

/* Packs, unpacks, and packs again to the same bytes. */
static struct decision_entry round_trip(const struct decision_entry *entry)
{
    static uint8_t storage[LEDGER_ENTRY_BYTES_MAX];
    static uint8_t again[LEDGER_ENTRY_BYTES_MAX];
    struct decision_entry read;
    struct bytes bytes = pack(entry, storage);
    assert_int_equal(unpack_decision_entry(bytes, &read), STATUS_OK);
    assert_true(bytes_equal(pack(&read, again), bytes));
    return read;
}

static void assert_same_before(const struct governors_before *left, const struct governors_before *right)
{
    assert_int_equal(left->is_told, right->is_told);
    assert_int_equal(left->entitlement.phase, right->entitlement.phase);
    assert_true(name_equal(&left->entitlement.plan, &right->entitlement.plan));
    assert_int_equal(left->quota_phase, right->quota_phase);
    assert_int_equal(left->used, right->used);
    assert_int_equal(left->billing_phase, right->billing_phase);
    assert_int_equal(left->balance, right->balance);
}

static void usual_decision_comes_back(void **context)
{
    (void)context;
    struct decision_entry entry = usual();
    struct decision_entry read = round_trip(&entry);
    assert_same_before(&read.before, &entry.before);
    assert_true(name_equal(&read.decision.event.id, &entry.decision.event.id));
    assert_int_equal(read.decision.seq, 981);
    assert_int_equal(read.decision.answer.reports[1].quota.used, 76000000);
    assert_int_equal(read.decision.answer.charge.amount, 500000);
}

static void what_was_before_costs_nothing_where_the_answer_implies_it(void **context)
{
    (void)context;
    struct decision_entry told = usual();
    struct decision_entry untold = usual();
    memset(&untold.before, 0, sizeof untold.before);
    assert_int_equal(packed_size(&told), packed_size(&untold));
    assert_false(round_trip(&untold).before.is_told);
}

static void other_state_before_costs_a_byte(void **context)
{
    (void)context;
    struct decision_entry entry = usual();
    size_t usual_size = packed_size(&entry);
    entry.decision.answer.reports[1].quota_phase = QUOTA_WARNING;
    entry.decision.answer.reports[2].billing.phase = BILLING_PHASE_LOW;
    assert_int_equal(packed_size(&entry), usual_size + 2);
    struct decision_entry read = round_trip(&entry);
    assert_same_before(&read.before, &entry.before);
}

static void stranger_was_nothing_before(void **context)
{
    (void)context;
    struct decision_entry entry = usual();
    size_t usual_size = packed_size(&entry);
    entry.before.entitlement = (struct entitlement_report){.phase = ENTITLEMENT_NONE};
    assert_int_equal(packed_size(&entry), usual_size + 2);
    struct decision_entry read = round_trip(&entry);
    assert_same_before(&read.before, &entry.before);
    assert_true(name_is_empty(&read.before.entitlement.plan));
}

static void denied_event_left_things_as_they_were(void **context)
{
    (void)context;
    struct decision_entry entry = usual();
    entry.decision.answer.verdict = VERDICT_DENY;
    entry.decision.answer.reason = REASON_QUOTA_EXCEEDED;
    entry.decision.answer.reports[2].billing.charged = 0;
    memset(&entry.decision.answer.charge, 0, sizeof entry.decision.answer.charge);
    entry.before.used = 76000000;
    entry.before.balance = 97400000;
    struct decision_entry untold = entry;
    memset(&untold.before, 0, sizeof untold.before);
    assert_int_equal(packed_size(&entry), packed_size(&untold));
    struct decision_entry read = round_trip(&entry);
    assert_same_before(&read.before, &entry.before);
}

static void values_that_nothing_implies_come_back(void **context)
{
    (void)context;
    static const micro_units values[] = {0, 1, -1, 73499999, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
            struct decision_entry entry = usual();
            entry.before.used = values[i];
            entry.before.balance = values[j];
            entry.decision.answer.reports[1].quota.used = values[j];
            struct decision_entry read = round_trip(&entry);
            assert_same_before(&read.before, &entry.before);
        }
    }
}

static void without_a_limit_nothing_was_used(void **context)
{
    (void)context;
    struct decision_entry entry = usual();
    memset(&entry.decision.answer.reports[1].quota, 0, sizeof entry.decision.answer.reports[1].quota);
    entry.before.used = 0;
    struct decision_entry untold = entry;
    memset(&untold.before, 0, sizeof untold.before);
    assert_int_equal(packed_size(&entry), packed_size(&untold));
    struct decision_entry read = round_trip(&entry);
    assert_same_before(&read.before, &entry.before);
}

static void what_denied_comes_back(void **context)
{
    (void)context;
    struct decision_entry entry = usual();
    size_t usual_size = packed_size(&entry);
    entry.feature = name_of("export");
    entry.price = 200000;
    assert_int_equal(packed_size(&entry), usual_size + 7 + 3);
    struct decision_entry read = round_trip(&entry);
    assert_true(name_equal(&read.feature, &entry.feature));
    assert_int_equal(read.price, 200000);
}

static struct name longest_name(void)
{
    struct name name = {.length = NAME_BYTES_MAX};
    memset(name.text, 'x', NAME_BYTES_MAX);
    return name;
}

static void largest_decision_fits(void **context)
{
    (void)context;
    static uint8_t topic[4096];
    struct decision_entry entry = usual();
    struct event *event = &entry.decision.event;
    event->subject = event->device = event->meter = event->id = event->boot = longest_name();
    event->has_device_seq = true;
    event->device_seq = UINT64_MAX;
    struct chain_answer *answer = &entry.decision.answer;
    answer->reports[0].entitlement.plan = answer->reports[1].quota.name = longest_name();
    answer->reports[1].quota.resets_at = INSTANT_NEVER;
    entry.before.entitlement.plan = entry.feature = longest_name();
    entry.before.entitlement.plan.text[0] = 'y';
    entry.before.entitlement.phase = ENTITLEMENT_NONE;
    entry.before.quota_phase = QUOTA_THROTTLED;
    entry.before.billing_phase = BILLING_PHASE_LOW;
    entry.before.used = entry.before.balance = INT64_MIN;
    entry.price = INT64_MAX;
    answer->charge.burn_count = BURNS_MAX;
    for (uint8_t i = 0; i < BURNS_MAX; i++) {
        answer->charge.burns[i] = (struct burn){.age = UINT64_MAX,
                                                .amount = 1,
                                                .id = longest_name(),
                                                .grant_amount = INT64_MAX,
                                                .priority = INT32_MIN,
                                                .expires_at = INSTANT_MOST};
    }
    answer->charge.debt = INT64_MAX - BURNS_MAX;
    answer->charge.amount = INT64_MAX;
    entry.address = (struct answer_address){.qos = 1, .cid = bytes_of(topic, sizeof topic)};
    struct decision_entry read = round_trip(&entry);
    assert_same_before(&read.before, &entry.before);
}

static void cut_off_decision_is_corrupt(void **context)
{
    (void)context;
    uint8_t storage[LEDGER_ENTRY_BYTES_MAX];
    struct decision_entry entry = usual();
    entry.before = (struct governors_before){.is_told = true, .used = 5, .balance = -5};
    struct bytes bytes = pack(&entry, storage);
    for (size_t length = 0; length < bytes.length; length++) {
        struct decision_entry read;
        assert_int_equal(unpack_decision_entry(bytes_of(bytes.data, length), &read), STATUS_CORRUPT);
    }
    struct decision_entry read;
    assert_int_equal(unpack_decision_entry(bytes_of(bytes.data, bytes.length + 1), &read), STATUS_CORRUPT);
}

/* Whatever a flipped bit makes of an entry can be read or is refused, and what is read can be packed. */
static void flipped_bits_do_no_harm(void **context)
{
    (void)context;
    uint8_t storage[LEDGER_ENTRY_BYTES_MAX];
    uint8_t again[LEDGER_ENTRY_BYTES_MAX];
    struct decision_entry entry = usual();
    entry.before = (struct governors_before){.is_told = true, .used = 5, .balance = -5};
    struct bytes bytes = pack(&entry, storage);
    for (size_t bit = 0; bit < bytes.length * 8; bit++) {
        struct decision_entry read;
        storage[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (unpack_decision_entry(bytes, &read) == STATUS_OK) {
            pack(&read, again);
        }
        storage[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* The byte that begins the report of entitlement: before verdict, state and plan. */
static uint8_t *entitlement_head(struct bytes bytes)
{
    static const uint8_t report[] = {VERDICT_ALLOW, ENTITLEMENT_ACTIVE, 4, 'g', 'o', 'l', 'd'};
    for (size_t at = 1; at + sizeof report <= bytes.length; at++) {
        if (memcmp(bytes.data + at, report, sizeof report) == 0) {
            return (uint8_t *)(uintptr_t)(bytes.data + at - 1);
        }
    }
    fail();
    return NULL;
}

static void difference_to_nothing_is_damage(void **context)
{
    (void)context;
    uint8_t storage[LEDGER_ENTRY_BYTES_MAX];
    struct decision_entry entry = usual();
    entry.before.entitlement = (struct entitlement_report){.phase = ENTITLEMENT_NONE};
    struct bytes bytes = pack(&entry, storage);
    struct decision_entry read;
    assert_int_equal(*entitlement_head(bytes), GOVERNOR_ENTITLEMENT | 16 | 32);
    storage[2] &= (uint8_t)~8; /* Nothing is told of before. */
    assert_int_equal(unpack_decision_entry(bytes, &read), STATUS_CORRUPT);
}

static void unknown_bits_of_a_report_are_damage(void **context)
{
    (void)context;
    static const uint8_t heads[] = {64, 128, 64 | 16, 3, 15};
    uint8_t storage[LEDGER_ENTRY_BYTES_MAX];
    struct decision_entry entry = usual();
    struct bytes bytes = pack(&entry, storage);
    for (size_t i = 0; i < sizeof heads; i++) {
        struct decision_entry read;
        *entitlement_head(bytes) = heads[i];
        assert_int_equal(unpack_decision_entry(bytes, &read), STATUS_CORRUPT);
        *entitlement_head(bytes) = GOVERNOR_ENTITLEMENT;
    }
}

static void other_versions_are_not_guessed_at(void **context)
{
    (void)context;
    static const uint8_t versions[] = {0, 1, 3, 255};
    uint8_t storage[LEDGER_ENTRY_BYTES_MAX];
    struct decision_entry entry = usual();
    struct bytes bytes = pack(&entry, storage);
    for (size_t i = 0; i < sizeof versions; i++) {
        enum entry_kind kind;
        struct decision_entry read;
        struct reply_entry reply;
        struct message_entry message;
        storage[0] = versions[i];
        assert_int_equal(entry_kind_of(bytes, &kind), STATUS_UNSUPPORTED);
        assert_int_equal(unpack_decision_entry(bytes, &read), STATUS_UNSUPPORTED);
        assert_int_equal(unpack_reply_entry(bytes, &reply), STATUS_UNSUPPORTED);
        assert_int_equal(unpack_message_entry(bytes, &message), STATUS_UNSUPPORTED);
    }
}

static void entry_of_another_kind_is_corrupt(void **context)
{
    (void)context;
    uint8_t storage[LEDGER_ENTRY_BYTES_MAX];
    struct decision_entry entry = usual();
    struct bytes bytes = pack(&entry, storage);
    struct reply_entry reply;
    struct message_entry message;
    assert_int_equal(unpack_reply_entry(bytes, &reply), STATUS_CORRUPT);
    assert_int_equal(unpack_message_entry(bytes, &message), STATUS_CORRUPT);
}

/* Of 16 addresses the one that has the parts whose bits are set. */
static struct answer_address address_of(unsigned parts)
{
    struct answer_address address = {.qos = 1};
    if ((parts & 1) != 0) {
        address.response_topic = bytes_of_string("devices/meter-7/answers");
    }
    if ((parts & 2) != 0) {
        address.has_correlation = true;
        address.correlation = (parts & 1) != 0 ? bytes_of_string("17") : bytes_of("", 0);
    }
    if ((parts & 4) != 0) {
        address.cid = bytes_of_string("\"c-17\"");
    }
    if ((parts & 8) != 0) {
        address.decide_topic = bytes_of_string("door/7");
        address.decide_allow = bytes_of_string("open");
        address.decide_deny = bytes_of("", 0);
    }
    return address;
}

static void assert_same_address(const struct answer_address *left, const struct answer_address *right)
{
    assert_int_equal(left->qos, right->qos);
    assert_true(bytes_equal(left->response_topic, right->response_topic));
    assert_int_equal(left->has_correlation, right->has_correlation);
    assert_true(bytes_equal(left->correlation, right->correlation));
    assert_true(bytes_equal(left->cid, right->cid));
    assert_true(bytes_equal(left->decide_topic, right->decide_topic));
    assert_true(bytes_equal(left->decide_allow, right->decide_allow));
    assert_true(bytes_equal(left->decide_deny, right->decide_deny));
}

static void every_part_of_an_address_comes_back(void **context)
{
    (void)context;
    for (unsigned parts = 0; parts < 16; parts++) {
        struct decision_entry entry = usual();
        entry.address = address_of(parts);
        struct decision_entry read = round_trip(&entry);
        assert_same_address(&read.address, &entry.address);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_decision_comes_back),
        cmocka_unit_test(what_was_before_costs_nothing_where_the_answer_implies_it),
        cmocka_unit_test(other_state_before_costs_a_byte),
        cmocka_unit_test(stranger_was_nothing_before),
        cmocka_unit_test(denied_event_left_things_as_they_were),
        cmocka_unit_test(values_that_nothing_implies_come_back),
        cmocka_unit_test(without_a_limit_nothing_was_used),
        cmocka_unit_test(what_denied_comes_back),
        cmocka_unit_test(largest_decision_fits),
        cmocka_unit_test(cut_off_decision_is_corrupt),
        cmocka_unit_test(flipped_bits_do_no_harm),
        cmocka_unit_test(difference_to_nothing_is_damage),
        cmocka_unit_test(unknown_bits_of_a_report_are_damage),
        cmocka_unit_test(other_versions_are_not_guessed_at),
        cmocka_unit_test(entry_of_another_kind_is_corrupt),
        cmocka_unit_test(every_part_of_an_address_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
