/* Pieces of agent_open that touch no store: who the agent is, its configuration, its own memory. */
#ifndef FLYBALL_AGENT_AGENT_PARTS_H
#define FLYBALL_AGENT_AGENT_PARTS_H

#include "agent/agent.h"

/* Secret and boot id: random, or following from options.seed. */
void agent_draw_identity(struct agent *agent);

/* Fills file, settings, policies and topics; on failure nothing stays and `message` says why. */
MUST_USE enum status agent_load_config(struct agent *agent, char message[FAILURE_MESSAGE_MAX]);

/* Takes what the agent itself needs, deciders' places included: all of it, or STATUS_NO_MEMORY and none. */
MUST_USE enum status agent_take_memory(struct agent *agent);
void agent_give_memory(struct agent *agent);

#endif
