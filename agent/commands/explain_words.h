/* A decision or a reply in words that can be read out to a customer. */
#ifndef FLYBALL_AGENT_COMMANDS_EXPLAIN_WORDS_H
#define FLYBALL_AGENT_COMMANDS_EXPLAIN_WORDS_H

#include "agent/commands/explain_matches.h"
#include "base/text.h"

enum {
    EXPLAIN_TEXT_MAX = 65536, /* Of one of them, as words or as JSON. */
    EXPLAIN_COLUMN = 13,      /* What each line begins with: a governor's name. */
};

/* `entry` was unpacked from `item`. */
void explain_put_decision(struct text *text, const struct explained *item,
                          const struct decision_entry *entry);
void explain_put_reply(struct text *text, const struct explained *item, const struct reply_entry *entry);

/* The link of the ledger chain, if it is one. */
void explain_put_link(struct text *text, const struct explained *item);

#endif
