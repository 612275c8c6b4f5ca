#include "agent/state/ledger_report.h"

#include <stdlib.h>

/* The governor's byte says which differences follow. */
enum {
    KIND_BITS = 15,
    STATE_BEFORE = 1 << 4, /* Its state was another. */
    VALUE_BEFORE = 1 << 5, /* Its value was another than follows from the answer. */
};

/* Sums of stored values may wrap: whatever bytes are read, nothing overflows. */
static micro_units sum(micro_units left, micro_units right)
{
    return (micro_units)((uint64_t)left + (uint64_t)right);
}

static micro_units difference(micro_units left, micro_units right)
{
    return (micro_units)((uint64_t)left - (uint64_t)right);
}

/* The use and the balance that the answer itself speaks for. */
static micro_units used_implied(const struct governor_report *report, micro_units taken)
{
    return report->quota.has_limit ? difference(report->quota.used, taken) : 0;
}

static micro_units balance_implied(const struct governor_report *report)
{
    return sum(report->billing.balance, report->billing.charged);
}

static uint8_t flags_if(bool state_differs, bool value_differs)
{
    return (uint8_t)((state_differs ? STATE_BEFORE : 0) | (value_differs ? VALUE_BEFORE : 0));
}

static uint8_t difference_flags(const struct governor_report *report, micro_units taken,
                                const struct governors_before *before)
{
    if (!before->is_told) {
        return 0;
    }
    switch (report->kind) {
    case GOVERNOR_ENTITLEMENT:
        return flags_if(before->entitlement.phase != report->entitlement.phase,
                        !name_equal(&before->entitlement.plan, &report->entitlement.plan));
    case GOVERNOR_QUOTA:
        return flags_if(before->quota_phase != report->quota_phase,
                        before->used != used_implied(report, taken));
    case GOVERNOR_BILLING:
        return flags_if(before->billing_phase != report->billing.phase,
                        before->balance != balance_implied(report));
    }
    abort(); /* Corrupt kind. */
}

static uint8_t phase_before(const struct governors_before *before, enum governor_kind kind)
{
    switch (kind) {
    case GOVERNOR_ENTITLEMENT: return (uint8_t)before->entitlement.phase;
    case GOVERNOR_QUOTA: return (uint8_t)before->quota_phase;
    case GOVERNOR_BILLING: return (uint8_t)before->billing_phase;
    }
    abort(); /* Corrupt kind. */
}

static void pack_value_before(struct packer *packer, const struct governor_report *report, micro_units taken,
                              const struct governors_before *before)
{
    switch (report->kind) {
    case GOVERNOR_ENTITLEMENT: pack_name(packer, &before->entitlement.plan); return;
    case GOVERNOR_QUOTA: pack_signed(packer, difference(before->used, used_implied(report, taken))); return;
    case GOVERNOR_BILLING: pack_signed(packer, difference(before->balance, balance_implied(report))); return;
    }
    abort(); /* Corrupt kind. */
}

static void pack_quota(struct packer *packer, const struct governor_report *report)
{
    pack_u8(packer, (uint8_t)report->quota_phase);
    pack_u8(packer, report->quota.has_limit ? 1 : 0);
    if (report->quota.has_limit) {
        pack_name(packer, &report->quota.name);
        pack_signed(packer, report->quota.limit);
        pack_signed(packer, report->quota.used);
        pack_signed(packer, report->quota.remaining);
        pack_signed(packer, report->quota.resets_at);
    }
}

static void unpack_quota(struct unpacker *unpacker, struct governor_report *report)
{
    report->quota_phase = unpack_enum(unpacker, QUOTA_EXCEEDED);
    report->quota.has_limit = unpack_enum(unpacker, 1) == 1;
    if (report->quota.has_limit) {
        unpack_name(unpacker, &report->quota.name);
        report->quota.limit = unpack_signed(unpacker);
        report->quota.used = unpack_signed(unpacker);
        report->quota.remaining = unpack_signed(unpacker);
        report->quota.resets_at = unpack_signed(unpacker);
    }
}

static void pack_after(struct packer *packer, const struct governor_report *report)
{
    pack_u8(packer, (uint8_t)report->verdict);
    switch (report->kind) {
    case GOVERNOR_ENTITLEMENT:
        pack_u8(packer, (uint8_t)report->entitlement.phase);
        pack_name(packer, &report->entitlement.plan);
        return;
    case GOVERNOR_QUOTA: pack_quota(packer, report); return;
    case GOVERNOR_BILLING:
        pack_u8(packer, (uint8_t)report->billing.phase);
        pack_signed(packer, report->billing.charged);
        pack_signed(packer, report->billing.balance);
        return;
    }
    abort(); /* Corrupt kind. */
}

static void unpack_after(struct unpacker *unpacker, struct governor_report *report)
{
    report->verdict = unpack_enum(unpacker, VERDICT_DENY);
    switch (report->kind) {
    case GOVERNOR_ENTITLEMENT:
        report->entitlement.phase = unpack_enum(unpacker, ENTITLEMENT_REVOKED);
        unpack_name(unpacker, &report->entitlement.plan);
        return;
    case GOVERNOR_QUOTA: unpack_quota(unpacker, report); return;
    case GOVERNOR_BILLING:
        report->billing.phase = unpack_enum(unpacker, BILLING_PHASE_GOOD);
        report->billing.charged = unpack_signed(unpacker);
        report->billing.balance = unpack_signed(unpacker);
        return;
    }
    abort(); /* Corrupt kind. */
}

void pack_report(struct packer *packer, const struct governor_report *report, micro_units taken,
                 const struct governors_before *before)
{
    uint8_t flags = difference_flags(report, taken, before);
    pack_u8(packer, (uint8_t)(report->kind | flags));
    pack_after(packer, report);
    if ((flags & STATE_BEFORE) != 0) {
        pack_u8(packer, phase_before(before, report->kind));
    }
    if ((flags & VALUE_BEFORE) != 0) {
        pack_value_before(packer, report, taken, before);
    }
}

static void unpack_entitlement_before(struct unpacker *unpacker, const struct governor_report *report,
                                      uint8_t flags, struct entitlement_report *before)
{
    *before = report->entitlement;
    if ((flags & STATE_BEFORE) != 0) {
        before->phase = unpack_enum(unpacker, ENTITLEMENT_REVOKED);
    }
    if ((flags & VALUE_BEFORE) != 0) {
        unpack_name(unpacker, &before->plan);
    }
}

static enum quota_phase unpack_quota_phase_before(struct unpacker *unpacker,
                                                  const struct governor_report *report, uint8_t flags)
{
    return (flags & STATE_BEFORE) != 0 ? (enum quota_phase)unpack_enum(unpacker, QUOTA_EXCEEDED)
                                       : report->quota_phase;
}

static enum billing_phase unpack_billing_phase_before(struct unpacker *unpacker,
                                                      const struct governor_report *report, uint8_t flags)
{
    return (flags & STATE_BEFORE) != 0 ? (enum billing_phase)unpack_enum(unpacker, BILLING_PHASE_GOOD)
                                       : report->billing.phase;
}

static micro_units unpack_value_before(struct unpacker *unpacker, micro_units implied, uint8_t flags)
{
    return (flags & VALUE_BEFORE) != 0 ? sum(implied, unpack_signed(unpacker)) : implied;
}

static void unpack_before(struct unpacker *unpacker, const struct governor_report *report, uint8_t flags,
                          micro_units taken, struct governors_before *before)
{
    switch (report->kind) {
    case GOVERNOR_ENTITLEMENT:
        unpack_entitlement_before(unpacker, report, flags, &before->entitlement);
        return;
    case GOVERNOR_QUOTA:
        before->quota_phase = unpack_quota_phase_before(unpacker, report, flags);
        before->used = unpack_value_before(unpacker, used_implied(report, taken), flags);
        return;
    case GOVERNOR_BILLING:
        before->billing_phase = unpack_billing_phase_before(unpacker, report, flags);
        before->balance = unpack_value_before(unpacker, balance_implied(report), flags);
        return;
    }
    abort(); /* Corrupt kind. */
}

void unpack_report(struct unpacker *unpacker, struct governor_report *report, micro_units taken,
                   struct governors_before *before)
{
    uint8_t flags_allowed = before->is_told ? STATE_BEFORE | VALUE_BEFORE : 0;
    uint8_t head = unpack_u8(unpacker);
    uint8_t kind = head & KIND_BITS;
    uint8_t flags = head & (uint8_t)~KIND_BITS;
    if (kind > GOVERNOR_BILLING || (flags & (uint8_t)~flags_allowed) != 0) {
        unpacker->failed = true;
        return;
    }
    report->kind = kind;
    unpack_after(unpacker, report);
    if (before->is_told) {
        unpack_before(unpacker, report, flags, taken, before);
    }
}
