/* The body of a record that answers someone. Whatever is taken for an entry is written again the same, and
 * says the same. */
#include <string.h>

#include "agent/state/ledger.h"
#include "mqtt/decision_message.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_model.h"

enum { PACKED_BYTES_MAX = 1 << 17, CID_MOST = 256 };

struct packed {
    uint8_t data[PACKED_BYTES_MAX];
    struct bytes bytes;
};

static void require_room(const struct packer *packer)
{
    fuzz_require(!packer->overflowed, "an entry packs into a little more than it was unpacked from");
}

static void pack_decision(struct packed *packed, const struct decision_entry *entry)
{
    struct packer packer = packer_of(packed->data, sizeof packed->data);
    pack_decision_entry(&packer, entry);
    require_room(&packer);
    packed->bytes = packer_bytes(&packer);
}

static bool is_readable(const struct name *name)
{
    struct bytes bytes = name_bytes(name);
    return json_model_of(bytes).is_utf8 && (bytes.length == 0 || memchr(bytes.data, 0, bytes.length) == NULL);
}

/* Names are UTF-8 when they are put; bytes that only look like an entry may hold others. */
static bool is_speakable(const struct decision_entry *entry)
{
    const struct event *event = &entry->decision.event;
    bool is_utf8 = is_readable(&event->subject) && is_readable(&event->device) &&
                   is_readable(&event->meter) && is_readable(&event->id) && is_readable(&event->boot);
    for (uint8_t i = 0; i < entry->decision.answer.report_count; i++) {
        const struct governor_report *report = &entry->decision.answer.reports[i];
        bool has_plan = report->kind == GOVERNOR_ENTITLEMENT;
        bool has_limit = report->kind == GOVERNOR_QUOTA && report->quota.has_limit;
        is_utf8 = is_utf8 && (!has_plan || is_readable(&report->entitlement.plan));
        is_utf8 = is_utf8 && (!has_limit || is_readable(&report->quota.name));
        for (uint8_t j = 0; j < i; j++) {
            is_utf8 = is_utf8 && entry->decision.answer.reports[j].kind != report->kind;
        }
    }
    struct json_model cid = json_model_of(entry->address.cid);
    return is_utf8 && entry->address.cid.length <= CID_MOST &&
           (entry->address.cid.length == 0 || (cid.is_utf8 && cid.is_json && !cid.has_equal_keys));
}

static struct bytes say(const struct decision_entry *entry, char *storage)
{
    struct text text = text_of(storage, DECISION_MESSAGE_MAX);
    struct decision_echo echo = {.duplicate = entry->duplicate};
    echo.cid = entry->address.cid.length <= CID_MOST ? entry->address.cid : bytes_of(NULL, 0);
    decision_message_put(&text, &entry->decision, echo);
    fuzz_require(!text.overflowed, "a decision fits its buffer");
    return text_bytes(&text);
}

static void check_decision_entry(struct bytes body)
{
    static struct decision_entry entry, again;
    static struct packed first, second;
    static char said[DECISION_MESSAGE_MAX], said_again[DECISION_MESSAGE_MAX];
    if (unpack_decision_entry(body, &entry) != STATUS_OK) {
        return;
    }
    pack_decision(&first, &entry);
    fuzz_require(unpack_decision_entry(first.bytes, &again) == STATUS_OK, "what is packed unpacks");
    pack_decision(&second, &again);
    fuzz_require(bytes_equal(first.bytes, second.bytes), "an entry has one form");
    struct bytes message = say(&entry, said);
    fuzz_require(bytes_equal(message, say(&again, said_again)), "a resend is the same to the byte");
    if (is_speakable(&entry)) {
        fuzz_require_json(message);
    }
    const struct charge *charge = &entry.decision.answer.charge;
    fuzz_require(charge->amount >= 0 && charge->debt >= 0 && charge->burn_count <= BURNS_MAX,
                 "a charge can be refunded");
}

static void pack_reply(struct packed *packed, const struct reply_entry *entry)
{
    struct packer packer = packer_of(packed->data, sizeof packed->data);
    pack_reply_entry(&packer, entry);
    require_room(&packer);
    packed->bytes = packer_bytes(&packer);
}

static void check_reply_entry(struct bytes body)
{
    static struct packed first, second;
    struct reply_entry entry, again;
    if (unpack_reply_entry(body, &entry) != STATUS_OK) {
        return;
    }
    pack_reply(&first, &entry);
    fuzz_require(unpack_reply_entry(first.bytes, &again) == STATUS_OK, "what is packed unpacks");
    pack_reply(&second, &again);
    fuzz_require(bytes_equal(first.bytes, second.bytes) && bytes_equal(entry.payload, again.payload) &&
                     entry.bytes_hash == again.bytes_hash,
                 "a reply has one form");
}

static void check_message_entry(struct bytes body)
{
    static struct packed packed;
    struct message_entry entry, again;
    if (unpack_message_entry(body, &entry) != STATUS_OK) {
        return;
    }
    struct packer packer = packer_of(packed.data, sizeof packed.data);
    pack_message_entry(&packer, &entry);
    require_room(&packer);
    fuzz_require(unpack_message_entry(packer_bytes(&packer), &again) == STATUS_OK &&
                     bytes_equal(entry.topic, again.topic) && bytes_equal(entry.payload, again.payload),
                 "a message reads back");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes body = bytes_of(data, size);
    enum entry_kind kind;
    if (entry_kind_of(body, &kind) != STATUS_OK) {
        return 0;
    }
    switch (kind) {
    case ENTRY_DECISION: check_decision_entry(body); break;
    case ENTRY_REPLY: check_reply_entry(body); break;
    case ENTRY_MESSAGE: check_message_entry(body); break;
    }
    return 0;
}
