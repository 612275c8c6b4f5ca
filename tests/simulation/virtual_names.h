/* The folders of the virtual disk: which names there are, and which of the changes to them a power cut may
 * take back. A change is durable once its folder was synced; of those since, any prefix survives. */
#ifndef FLYBALL_TESTS_SIMULATION_VIRTUAL_NAMES_H
#define FLYBALL_TESTS_SIMULATION_VIRTUAL_NAMES_H

#include "tests/simulation/virtual_contents.h"

enum {
    VIRTUAL_NODES_MAX = 256,
    VIRTUAL_NAME_MAX = 64,     /* Its end included. */
    VIRTUAL_CHANGES_MAX = 256, /* Not synced; the oldest becomes durable when there are more. */
    VIRTUAL_NODE_NONE = -1,
    VIRTUAL_ROOT = 0,
};

/* A file or a folder. */
struct virtual_node {
    char name[VIRTUAL_NAME_MAX];
    int parent;
    bool is_used;
    bool is_folder;
    bool is_linked; /* Its name leads to it. */
    bool is_locked;
    uint32_t handles; /* Open ones. */
    uint32_t changes; /* That name it. */
    struct virtual_contents contents;
};

enum virtual_change_kind { CHANGE_LINK, CHANGE_UNLINK, CHANGE_RENAME };

struct virtual_change {
    enum virtual_change_kind kind;
    int folder;
    int node;
    int replaced; /* What a rename put itself in the place of, or VIRTUAL_NODE_NONE. */
    char old_name[VIRTUAL_NAME_MAX];
};

struct virtual_names {
    struct virtual_node nodes[VIRTUAL_NODES_MAX];
    int node_count; /* Beyond, none was ever used. */
    struct virtual_change changes[VIRTUAL_CHANGES_MAX];
    int change_count;
    struct virtual_block_pool *pool; /* Of the files' blocks. */
};

/* Only the root. `names` is zeroed, or was closed or cleared. */
void virtual_names_init(struct virtual_names *names, struct virtual_block_pool *pool);

/* Forgets every file; the pool's blocks are given back. */
void virtual_names_clear(struct virtual_names *names);
void virtual_names_close(struct virtual_names *names);

/* Where a path leads: the node, or VIRTUAL_NODE_NONE; the folder it is or would be in, or VIRTUAL_NODE_NONE;
 * its last name. */
struct virtual_place {
    int node;
    int folder;
    char name[VIRTUAL_NAME_MAX];
};

struct virtual_place virtual_names_find(const struct virtual_names *names, const char *path);

enum virtual_node_kind { NODE_FILE, NODE_FOLDER };

/* `place` holds no node. */
int virtual_names_link(struct virtual_names *names, const struct virtual_place *place,
                       enum virtual_node_kind kind);
void virtual_names_unlink(struct virtual_names *names, int node);

/* Within its folder; replaces the node in `place`, if there is one. */
void virtual_names_rename(struct virtual_names *names, int node, const struct virtual_place *place);

/* The last handle of a file without a name frees it. */
void virtual_names_close_handle(struct virtual_names *names, int node);

void virtual_names_sync(struct virtual_names *names, int folder);

/* The power failed; no handle is open any more. Of each folder's changes since its sync a prefix survives. */
void virtual_names_lose(struct virtual_names *names, struct dice *dice);

/* Names with their files' contents, and the changes not durable. */
uint64_t virtual_names_hash(const struct virtual_names *names, struct hash_key key);

#endif
