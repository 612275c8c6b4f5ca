#include "agent/state/ledger.h"

#include <string.h>

#include "agent/governors/states_codec.h"
#include "agent/state/ledger_command.h"
#include "agent/state/ledger_report.h"

enum {
    FLAG_DUPLICATE = 1 << 0,
    FLAG_DEVICE_SEQ = 1 << 1,
    FLAG_CHARGE = 1 << 2,
    FLAG_BEFORE = 1 << 3,
    FLAG_FEATURE = 1 << 4,
    FLAG_PRICE = 1 << 5,
};

enum { REPLY_BEFORE = 1 << 0 };

static const struct governors_before nothing_before;

enum {
    ADDRESS_RESPONSE = 1 << 0,
    ADDRESS_CORRELATION = 1 << 1,
    ADDRESS_CID = 1 << 2,
    ADDRESS_DECIDE = 1 << 3,
};

static void pack_head(struct packer *packer, enum entry_kind kind)
{
    pack_u8(packer, LEDGER_FORMAT_VERSION);
    pack_u8(packer, (uint8_t)kind);
}

static uint8_t address_flags(const struct answer_address *address)
{
    return (uint8_t)((address->response_topic.length > 0 ? ADDRESS_RESPONSE : 0) |
                     (address->has_correlation ? ADDRESS_CORRELATION : 0) |
                     (address->cid.length > 0 ? ADDRESS_CID : 0) |
                     (address->decide_topic.length > 0 ? ADDRESS_DECIDE : 0));
}

static void pack_address(struct packer *packer, const struct answer_address *address)
{
    uint8_t flags = address_flags(address);
    pack_u8(packer, address->qos);
    pack_u8(packer, flags);
    if ((flags & ADDRESS_RESPONSE) != 0) {
        pack_bytes(packer, address->response_topic);
    }
    if ((flags & ADDRESS_CORRELATION) != 0) {
        pack_bytes(packer, address->correlation);
    }
    if ((flags & ADDRESS_CID) != 0) {
        pack_bytes(packer, address->cid);
    }
    if ((flags & ADDRESS_DECIDE) != 0) {
        pack_bytes(packer, address->decide_topic);
        pack_bytes(packer, address->decide_allow);
        pack_bytes(packer, address->decide_deny);
    }
}

static void unpack_address(struct unpacker *unpacker, struct answer_address *address)
{
    address->qos = unpack_enum(unpacker, 2);
    uint8_t flags = unpack_u8(unpacker);
    if ((flags & ADDRESS_RESPONSE) != 0) {
        address->response_topic = unpack_bytes(unpacker);
    }
    if ((flags & ADDRESS_CORRELATION) != 0) {
        address->has_correlation = true;
        address->correlation = unpack_bytes(unpacker);
    }
    if ((flags & ADDRESS_CID) != 0) {
        address->cid = unpack_bytes(unpacker);
    }
    if ((flags & ADDRESS_DECIDE) != 0) {
        address->decide_topic = unpack_bytes(unpacker);
        address->decide_allow = unpack_bytes(unpacker);
        address->decide_deny = unpack_bytes(unpacker);
    }
}

static void pack_event(struct packer *packer, const struct event *event)
{
    pack_name(packer, &event->subject);
    pack_name(packer, &event->device);
    pack_name(packer, &event->meter);
    pack_name(packer, &event->id);
    if (event->has_device_seq) {
        pack_varint(packer, event->device_seq);
        pack_name(packer, &event->boot);
    }
    pack_signed(packer, event->amount);
    pack_u64(packer, event->bytes_hash);
}

static void unpack_event(struct unpacker *unpacker, bool has_device_seq, struct event *event)
{
    unpack_name(unpacker, &event->subject);
    unpack_name(unpacker, &event->device);
    unpack_name(unpacker, &event->meter);
    unpack_name(unpacker, &event->id);
    event->has_device_seq = has_device_seq;
    if (has_device_seq) {
        event->device_seq = unpack_varint(unpacker);
        unpack_name(unpacker, &event->boot);
    }
    event->amount = unpack_signed(unpacker);
    event->bytes_hash = unpack_u64(unpacker);
}

/* Of every limit the event concerns. */
static micro_units taken_by(const struct decision *decision)
{
    return decision->answer.verdict == VERDICT_DENY ? 0 : decision->event.amount;
}

static void pack_answer(struct packer *packer, const struct decision_entry *entry)
{
    const struct chain_answer *answer = &entry->decision.answer;
    pack_u8(packer, (uint8_t)answer->verdict);
    pack_u8(packer, (uint8_t)answer->reason);
    pack_signed(packer, answer->retry_after_ms);
    pack_u8(packer, answer->report_count);
    micro_units taken = taken_by(&entry->decision);
    for (uint8_t i = 0; i < answer->report_count; i++) {
        pack_report(packer, &answer->reports[i], taken, &entry->before);
    }
    if (answer->charge.amount != 0) {
        pack_charge(packer, &answer->charge);
    }
}

static void unpack_answer(struct unpacker *unpacker, bool has_charge, struct decision_entry *entry)
{
    struct chain_answer *answer = &entry->decision.answer;
    answer->verdict = unpack_enum(unpacker, VERDICT_DENY);
    answer->reason = unpack_enum(unpacker, REASONS - 1);
    answer->retry_after_ms = unpack_signed(unpacker);
    answer->report_count = unpack_enum(unpacker, CHAIN_LENGTH_MAX);
    micro_units taken = taken_by(&entry->decision);
    for (uint8_t i = 0; i < answer->report_count; i++) {
        unpack_report(unpacker, &answer->reports[i], taken, &entry->before);
    }
    if (has_charge) {
        unpack_charge(unpacker, &answer->charge);
    }
}

static uint8_t decision_flags(const struct decision_entry *entry)
{
    return (uint8_t)((entry->duplicate ? FLAG_DUPLICATE : 0) |
                     (entry->decision.event.has_device_seq ? FLAG_DEVICE_SEQ : 0) |
                     (entry->decision.answer.charge.amount != 0 ? FLAG_CHARGE : 0) |
                     (entry->before.is_told ? FLAG_BEFORE : 0) |
                     (name_is_empty(&entry->feature) ? 0 : FLAG_FEATURE) |
                     (entry->price != 0 ? FLAG_PRICE : 0));
}

void pack_decision_entry(struct packer *packer, const struct decision_entry *entry)
{
    const struct decision *decision = &entry->decision;
    uint8_t flags = decision_flags(entry);
    pack_head(packer, ENTRY_DECISION);
    pack_u8(packer, flags);
    pack_event(packer, &decision->event);
    pack_varint(packer, decision->seq);
    pack_signed(packer, decision->time);
    pack_varint(packer, decision->config_version);
    pack_u8(packer, (uint8_t)decision->dedup);
    pack_u8(packer, (uint8_t)decision->clock);
    pack_answer(packer, entry);
    if ((flags & FLAG_FEATURE) != 0) {
        pack_name(packer, &entry->feature);
    }
    if ((flags & FLAG_PRICE) != 0) {
        pack_signed(packer, entry->price);
    }
    pack_address(packer, &entry->address);
}

void pack_reply_entry(struct packer *packer, const struct reply_entry *entry)
{
    pack_head(packer, ENTRY_REPLY);
    pack_u8(packer, (uint8_t)entry->governor);
    pack_name(packer, &entry->command);
    pack_u64(packer, entry->bytes_hash);
    pack_varint(packer, entry->seq);
    pack_signed(packer, entry->time);
    pack_varint(packer, entry->config_version);
    pack_u8(packer, (uint8_t)entry->clock);
    pack_u8(packer, (uint8_t)entry->reason);
    pack_asked(packer, &entry->asked);
    pack_u8(packer, entry->has_before ? REPLY_BEFORE : 0);
    if (entry->has_before) {
        pack_report(packer, &entry->before, 0, &nothing_before);
    }
    pack_address(packer, &entry->address);
    pack_bytes(packer, entry->payload);
}

void pack_message_entry(struct packer *packer, const struct message_entry *entry)
{
    pack_head(packer, ENTRY_MESSAGE);
    pack_bytes(packer, entry->topic);
    pack_bytes(packer, entry->payload);
}

static enum status unpack_head(struct unpacker *unpacker, enum entry_kind *kind)
{
    uint8_t version = unpack_u8(unpacker);
    uint8_t value = unpack_enum(unpacker, ENTRY_MESSAGE);
    if (unpacker->failed || value < ENTRY_DECISION) {
        return STATUS_CORRUPT;
    }
    *kind = value;
    return version == LEDGER_FORMAT_VERSION ? STATUS_OK : STATUS_UNSUPPORTED;
}

enum status entry_kind_of(struct bytes body, enum entry_kind *kind)
{
    struct unpacker unpacker = unpacker_of(body);
    return unpack_head(&unpacker, kind);
}

static enum status unpack_expected_head(struct unpacker *unpacker, enum entry_kind expected)
{
    enum entry_kind kind;
    enum status status = unpack_head(unpacker, &kind);
    if (status != STATUS_OK) {
        return status;
    }
    return kind == expected ? STATUS_OK : STATUS_CORRUPT;
}

enum status unpack_decision_entry(struct bytes body, struct decision_entry *entry)
{
    struct unpacker unpacker = unpacker_of(body);
    memset(entry, 0, sizeof *entry);
    enum status status = unpack_expected_head(&unpacker, ENTRY_DECISION);
    if (status != STATUS_OK) {
        return status;
    }
    struct decision *decision = &entry->decision;
    uint8_t flags = unpack_u8(&unpacker);
    entry->duplicate = (flags & FLAG_DUPLICATE) != 0;
    unpack_event(&unpacker, (flags & FLAG_DEVICE_SEQ) != 0, &decision->event);
    decision->seq = unpack_varint(&unpacker);
    decision->time = unpack_signed(&unpacker);
    decision->config_version = unpack_varint(&unpacker);
    decision->dedup = unpack_enum(&unpacker, DEDUP_DEVICE_SEQ);
    decision->clock = unpack_enum(&unpacker, CLOCK_UNSET);
    entry->before.is_told = (flags & FLAG_BEFORE) != 0;
    unpack_answer(&unpacker, (flags & FLAG_CHARGE) != 0, entry);
    if ((flags & FLAG_FEATURE) != 0) {
        unpack_name(&unpacker, &entry->feature);
    }
    if ((flags & FLAG_PRICE) != 0) {
        entry->price = unpack_signed(&unpacker);
    }
    unpack_address(&unpacker, &entry->address);
    return unpacker_is_done(&unpacker) ? STATUS_OK : STATUS_CORRUPT;
}

static void unpack_circumstances(struct unpacker *unpacker, struct reply_entry *entry)
{
    entry->seq = unpack_varint(unpacker);
    entry->time = unpack_signed(unpacker);
    entry->config_version = unpack_varint(unpacker);
    entry->clock = unpack_enum(unpacker, CLOCK_UNSET);
    entry->reason = unpack_enum(unpacker, REPLY_ID_REUSED);
    entry->asked.id = entry->command;
    entry->asked.governor = entry->governor;
    unpack_asked(unpacker, &entry->asked);
}

static void unpack_before_command(struct unpacker *unpacker, struct reply_entry *entry)
{
    struct governors_before none = {0};
    entry->has_before = (unpack_u8(unpacker) & REPLY_BEFORE) != 0;
    if (entry->has_before) {
        unpack_report(unpacker, &entry->before, 0, &none);
    }
}

enum status unpack_reply_entry(struct bytes body, struct reply_entry *entry)
{
    struct unpacker unpacker = unpacker_of(body);
    memset(entry, 0, sizeof *entry);
    enum status status = unpack_expected_head(&unpacker, ENTRY_REPLY);
    if (status != STATUS_OK) {
        return status;
    }
    entry->governor = unpack_enum(&unpacker, GOVERNOR_BILLING);
    unpack_name(&unpacker, &entry->command);
    entry->bytes_hash = unpack_u64(&unpacker);
    unpack_circumstances(&unpacker, entry);
    unpack_before_command(&unpacker, entry);
    unpack_address(&unpacker, &entry->address);
    entry->payload = unpack_bytes(&unpacker);
    return unpacker_is_done(&unpacker) ? STATUS_OK : STATUS_CORRUPT;
}

enum status unpack_message_entry(struct bytes body, struct message_entry *entry)
{
    struct unpacker unpacker = unpacker_of(body);
    memset(entry, 0, sizeof *entry);
    enum status status = unpack_expected_head(&unpacker, ENTRY_MESSAGE);
    if (status != STATUS_OK) {
        return status;
    }
    entry->topic = unpack_bytes(&unpacker);
    entry->payload = unpack_bytes(&unpacker);
    return unpacker_is_done(&unpacker) ? STATUS_OK : STATUS_CORRUPT;
}
