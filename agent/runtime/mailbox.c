#include "agent/runtime/mailbox.h"

void mailbox_init(struct mailbox *mailbox)
{
    index_chain_init(&mailbox->slots);
}

enum status mailbox_post(struct mailbox *mailbox, struct index_link *links, slot_index slot, uint8_t qos,
                         uint32_t waiting_max)
{
    if (qos == 0 && mailbox->slots.count >= waiting_max) {
        return STATUS_FULL;
    }
    index_chain_append(&mailbox->slots, links, slot);
    return STATUS_OK;
}

void mailbox_put_back(struct mailbox *mailbox, struct index_link *links, slot_index slot)
{
    index_chain_prepend(&mailbox->slots, links, slot);
}

enum status mailbox_take(struct mailbox *mailbox, struct index_link *links, slot_index *slot)
{
    *slot = index_chain_take(&mailbox->slots, links);
    return *slot == INDEX_NONE ? STATUS_EMPTY : STATUS_OK;
}

void mailbox_remove(struct mailbox *mailbox, struct index_link *links, slot_index slot)
{
    index_chain_remove(&mailbox->slots, links, slot);
}

uint32_t mailbox_waiting(const struct mailbox *mailbox)
{
    return mailbox->slots.count;
}
