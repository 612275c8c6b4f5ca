/* Remote configuration: decides what a desired configuration leads to, and writes what is reported. Applies
 * nothing itself. */
#ifndef FLYBALL_CONFIG_REMOTE_H
#define FLYBALL_CONFIG_REMOTE_H

#include "base/instant.h"
#include "base/sha256.h"
#include "config/errors.h"
#include "config/load.h"
#include "config/snapshot.h"

/* The largest version: beyond, a JSON number is not exact. */
#define REMOTE_VERSION_MOST 9007199254740992ULL

/* The desired configuration in force. Version 0: none, the file alone. */
struct remote_active {
    uint64_t version;
    struct sha256 sha256; /* Of its payload. */
};

enum remote_action {
    REMOTE_NOTHING, /* An empty payload: nothing is desired, nothing reported. */
    REMOTE_REPORT,  /* Rejected, valid or already in force: report, change nothing else. */
    REMOTE_APPLY,   /* Persist the payload, swap the snapshot in, then report. */
    REMOTE_SHADOW,  /* Decide with the snapshot too, until the next desired message; report. */
};

enum remote_status { REMOTE_ACCEPTED, REMOTE_REJECTED, REMOTE_SHADOWED, REMOTE_VALID };

struct remote_outcome {
    enum remote_action action;
    enum remote_status status;
    uint64_t version; /* The desired one; 0: it could not be read. */
    struct sha256 sha256;
    struct config_snapshot *snapshot; /* The caller's from now on; NULL unless APPLY or SHADOW. Its policy's
                                         version is the desired one. */
    struct config_errors errors;      /* Paths in the state are relative to `state`; the others are /version,
                                         /mode, /state, an unknown key or, for all of it, "". */
};

/* Judges `payload` against what is in force and the file it builds on. ${NAME} is not replaced in it. At
 * start pass the persisted payload with a version of 0. STATUS_NO_MEMORY leaves nothing to close. */
MUST_USE enum status remote_judge(const struct remote_active *active, const struct config_source *file,
                                  struct bytes payload, struct remote_outcome *outcome);

/* The config/reported message. An unreadable version is null. */
void remote_reported_write(const struct remote_outcome *outcome, uint64_t active_version, instant_ms now,
                           struct text *json);

#endif
