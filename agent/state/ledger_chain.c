#include "agent/state/ledger_chain.h"

enum { LINK_HEAD_MAX = 16 + NAME_BYTES_MAX };

bool ledger_chain_has(const struct record *record)
{
    return record->seq != 0 && record->kind != RECORD_COPY;
}

void ledger_chain_add(struct ledger_chain *chain, const struct record *record)
{
    uint8_t head[LINK_HEAD_MAX];
    struct packer packer = packer_of(head, sizeof head);
    pack_u64(&packer, record->seq);
    pack_u8(&packer, (uint8_t)record->kind);
    pack_name(&packer, &record->subject);
    sha256_begin(&chain->hasher);
    sha256_add(&chain->hasher, bytes_of(chain->head.bytes, sizeof chain->head.bytes));
    sha256_add(&chain->hasher, packer_bytes(&packer));
    sha256_add(&chain->hasher, record->body);
    chain->head = sha256_end(&chain->hasher);
}
