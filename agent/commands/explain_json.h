/* The same facts as the words, as JSON: the keys of the contract's messages and what they leave out. */
#ifndef FLYBALL_AGENT_COMMANDS_EXPLAIN_JSON_H
#define FLYBALL_AGENT_COMMANDS_EXPLAIN_JSON_H

#include "agent/commands/explain_matches.h"
#include "base/text.h"

/* As explain_words.h. */
void explain_json_decision(struct text *text, const struct explained *item,
                           const struct decision_entry *entry);
void explain_json_reply(struct text *text, const struct explained *item, const struct reply_entry *entry);

#endif
