/* The parts of a configuration, each read and checked by its own module. All complain through the reader,
 * whose path stands at the document. */
#ifndef FLYBALL_CONFIG_SECTIONS_H
#define FLYBALL_CONFIG_SECTIONS_H

#include "config/reader.h"
#include "config/snapshot.h"

/* Reads the sections agent, broker, topics, pool, runtime, store, memory, metrics, http, log and limits into
 * *settings, which holds the defaults. Complains of any other key of the document that is no section. */
void read_settings(struct config_reader *reader, const cJSON *document, struct settings *settings);

/* Checks what one key of them says against another, and fills in what follows from them. */
void finish_settings(struct config_reader *reader, const char *host_name, struct settings *settings);

/* Checks the root and fills in the response prefixes; `section` is the document's topics or NULL. */
void finish_topics(struct config_reader *reader, const cJSON *section, struct topic_settings *topics);

/* Each reads the children of a section of the right type into an array with room for all of them. */
void read_plans(struct config_reader *reader, const cJSON *plans, struct plan *read);
void read_meters(struct config_reader *reader, const cJSON *meters, struct meter *read);
void read_routes(struct config_reader *reader, const cJSON *routes, const char *root, struct route *read);

/* The limits of one plan; the reader's path stands at them. */
void read_quotas(struct config_reader *reader, const cJSON *quotas, struct plan *plan);

/* `policy` has its plans already. */
void read_subjects(struct config_reader *reader, const cJSON *subjects, struct policy *policy);

#endif
