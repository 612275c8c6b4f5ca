/* What every fault test here has on its stage: a broker, the agent and a fleet, all its own, and gone after
 * it. */
#ifndef FLYBALL_TESTS_FAULTS_TRIAL_H
#define FLYBALL_TESTS_FAULTS_TRIAL_H

#include "tests/broker/broker.h"
#include "tests/endtoend/agent_process.h"
#include "tests/faults/fleet.h"

struct trial {
    struct broker broker;
    struct agent_process agent;
    struct fleet *fleet;
    uint64_t printed; /* Progress that was told. */
};

struct trial_settings {
    const char *overlay;      /* More of the agent's configuration, a JSON object, or NULL. */
    const char *broker_extra; /* More of Mosquitto's, or NULL. */
    uint32_t accounts;
    uint32_t patience_ms;
    bool fleet_is_5;     /* MQTT 5 for the fleet. */
    uint16_t fleet_port; /* Another port of the broker's than the agent's; 0: the same. */
};

/* Starts the broker and prepares agent and fleet; the agent is not started. The fleet's seed is
 * FLYBALL_FAULT_SEED or chosen at random, and printed. trial_close frees it all. */
struct trial *trial_open(const struct trial_settings *settings);
void trial_close(struct trial *trial);

/* Starts the agent with that protocol ("5" or "3.1.1"). */
void trial_start_agent(struct trial *trial, const char *protocol);

/* Lets everything be answered and acknowledged, stops the agent in good order, compares book and store. */
void trial_finish(struct trial *trial);

/* A number from the environment, or the other one. */
uint64_t trial_number(const char *name, uint64_t otherwise);

/* Tells how far it is, at most some dozens of times. */
void trial_tell(struct trial *trial, const char *what, uint64_t done, uint64_t all);

/* Resident memory in bytes and open files of the running agent. */
uint64_t trial_agent_memory(const struct trial *trial);
uint64_t trial_agent_files(const struct trial *trial);

#endif
