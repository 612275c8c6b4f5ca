/* A configuration as a JSON tree that can still be changed: built from the file, the environment, the
 * defaults of the policies and --set. */
#ifndef FLYBALL_CONFIG_DOCUMENT_H
#define FLYBALL_CONFIG_DOCUMENT_H

#include "base/arena.h"
#include "base/json.h"
#include "config/errors.h"
#include "config/load.h"

enum {
    DOCUMENT_EXTRA_BYTES = 16 << 20, /* Room for the environment's values and for --set. */
    SET_BYTES_MAX = 64 << 10,        /* One --set. */
};

struct document {
    cJSON *root;
    struct arena arena; /* All of the tree. */
    void *block;
    size_t block_bytes;
};

/* Parses bytes that are no file's: nothing is replaced or added. On STATUS_INVALID `errors` says why, and
 * there is nothing to close; nor on STATUS_NO_MEMORY. */
MUST_USE enum status document_parse(struct document *document, struct bytes text,
                                    struct config_errors *errors);

/* The whole of a source: its text with ${NAME} replaced, plans, meters and subjects as they are by default if
 * they are left out, then --set. As document_parse; the root is an object. */
MUST_USE enum status document_open(struct document *document, const struct config_source *source,
                                   struct config_errors *errors);

void document_close(struct document *document);

/* Sets the root's member `key` to the node, which must live as long as the document and moves into it. The
 * root is an object. STATUS_NO_MEMORY. */
MUST_USE enum status document_put(struct document *document, const char *key, cJSON *node);

#endif
