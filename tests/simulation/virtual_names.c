#include "tests/simulation/virtual_names.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static int take_node(struct virtual_names *names)
{
    int at = 0;
    while (at < names->node_count && names->nodes[at].is_used) {
        at++;
    }
    assert(at < VIRTUAL_NODES_MAX);
    names->node_count = at == names->node_count ? at + 1 : names->node_count;
    struct virtual_contents tables = names->nodes[at].contents;
    names->nodes[at] = (struct virtual_node){.is_used = true, .contents = tables};
    return at;
}

static void free_if_unreachable(struct virtual_names *names, int at)
{
    struct virtual_node *node = &names->nodes[at];
    if (!node->is_linked && node->handles == 0 && node->changes == 0 && at != VIRTUAL_ROOT) {
        virtual_contents_clear(&node->contents, names->pool);
        node->is_used = false;
    }
}

void virtual_names_init(struct virtual_names *names, struct virtual_block_pool *pool)
{
    names->pool = pool;
    names->change_count = 0;
    int root = take_node(names);
    assert(root == VIRTUAL_ROOT);
    names->nodes[root].is_folder = true;
    names->nodes[root].is_linked = true;
    names->nodes[root].parent = VIRTUAL_NODE_NONE;
}

void virtual_names_clear(struct virtual_names *names)
{
    for (int i = 0; i < names->node_count; i++) {
        if (names->nodes[i].is_used) {
            virtual_contents_clear(&names->nodes[i].contents, names->pool);
            names->nodes[i].is_used = false;
        }
    }
    names->change_count = 0;
}

void virtual_names_close(struct virtual_names *names)
{
    virtual_names_clear(names);
    for (int i = 0; i < names->node_count; i++) {
        virtual_contents_close(&names->nodes[i].contents);
    }
    names->node_count = 0;
}

static int child_of(const struct virtual_names *names, int folder, const char *name)
{
    for (int i = 0; i < names->node_count; i++) {
        const struct virtual_node *node = &names->nodes[i];
        if (node->is_used && node->is_linked && node->parent == folder && strcmp(node->name, name) == 0) {
            return i;
        }
    }
    return VIRTUAL_NODE_NONE;
}

static int step_from(const struct virtual_names *names, int folder, const char *name)
{
    if (strcmp(name, ".") == 0 || (strcmp(name, "..") == 0 && folder == VIRTUAL_ROOT)) {
        return folder;
    }
    return strcmp(name, "..") == 0 ? names->nodes[folder].parent : child_of(names, folder, name);
}

/* The path's next name and what follows it; names are never longer than tests make them. */
static const char *split(const char *path, char name[VIRTUAL_NAME_MAX])
{
    path += strspn(path, "/");
    size_t length = strcspn(path, "/");
    assert(length < VIRTUAL_NAME_MAX);
    memcpy(name, path, length);
    name[length] = '\0';
    path += length;
    return path + strspn(path, "/");
}

struct virtual_place virtual_names_find(const struct virtual_names *names, const char *path)
{
    struct virtual_place place = {.node = VIRTUAL_ROOT, .folder = VIRTUAL_NODE_NONE, .name = ""};
    path += strspn(path, "/");
    while (*path != '\0') {
        bool leads_on = place.node != VIRTUAL_NODE_NONE && names->nodes[place.node].is_folder;
        place.folder = leads_on ? place.node : VIRTUAL_NODE_NONE;
        path = split(path, place.name);
        place.node = leads_on ? step_from(names, place.folder, place.name) : VIRTUAL_NODE_NONE;
    }
    return place;
}

static void forget_change(struct virtual_names *names, const struct virtual_change *change)
{
    names->nodes[change->node].changes--;
    free_if_unreachable(names, change->node);
    if (change->replaced != VIRTUAL_NODE_NONE) {
        names->nodes[change->replaced].changes--;
        free_if_unreachable(names, change->replaced);
    }
}

static void note_change(struct virtual_names *names, struct virtual_change change)
{
    names->nodes[change.node].changes++;
    if (change.replaced != VIRTUAL_NODE_NONE) {
        names->nodes[change.replaced].changes++;
    }
    if (names->change_count == VIRTUAL_CHANGES_MAX) {
        forget_change(names, &names->changes[0]);
        names->change_count--;
        memmove(names->changes, names->changes + 1, (size_t)names->change_count * sizeof *names->changes);
    }
    names->changes[names->change_count++] = change;
}

int virtual_names_link(struct virtual_names *names, const struct virtual_place *place,
                       enum virtual_node_kind kind)
{
    assert(place->node == VIRTUAL_NODE_NONE && place->folder != VIRTUAL_NODE_NONE);
    int at = take_node(names);
    struct virtual_node *node = &names->nodes[at];
    memcpy(node->name, place->name, sizeof node->name);
    node->parent = place->folder;
    node->is_folder = kind == NODE_FOLDER;
    node->is_linked = true;
    note_change(names,
                (struct virtual_change){
                    .kind = CHANGE_LINK, .folder = place->folder, .node = at, .replaced = VIRTUAL_NODE_NONE});
    return at;
}

void virtual_names_unlink(struct virtual_names *names, int node)
{
    names->nodes[node].is_linked = false;
    note_change(names, (struct virtual_change){.kind = CHANGE_UNLINK,
                                               .folder = names->nodes[node].parent,
                                               .node = node,
                                               .replaced = VIRTUAL_NODE_NONE});
}

void virtual_names_rename(struct virtual_names *names, int node, const struct virtual_place *place)
{
    struct virtual_change change = {
        .kind = CHANGE_RENAME, .folder = place->folder, .node = node, .replaced = place->node};
    assert(place->folder == names->nodes[node].parent);
    if (place->node == node) {
        return;
    }
    memcpy(change.old_name, names->nodes[node].name, sizeof change.old_name);
    if (place->node != VIRTUAL_NODE_NONE) {
        names->nodes[place->node].is_linked = false;
    }
    memcpy(names->nodes[node].name, place->name, sizeof place->name);
    note_change(names, change);
}

void virtual_names_close_handle(struct virtual_names *names, int node)
{
    assert(names->nodes[node].handles > 0);
    names->nodes[node].handles--;
    free_if_unreachable(names, node);
}

void virtual_names_sync(struct virtual_names *names, int folder)
{
    int kept = 0;
    for (int i = 0; i < names->change_count; i++) {
        if (names->changes[i].folder == folder) {
            forget_change(names, &names->changes[i]);
        } else {
            names->changes[kept++] = names->changes[i];
        }
    }
    names->change_count = kept;
}

static void take_back(struct virtual_names *names, const struct virtual_change *change)
{
    struct virtual_node *node = &names->nodes[change->node];
    switch (change->kind) {
    case CHANGE_LINK: node->is_linked = false; break;
    case CHANGE_UNLINK: node->is_linked = true; break;
    case CHANGE_RENAME:
        memcpy(node->name, change->old_name, sizeof node->name);
        if (change->replaced != VIRTUAL_NODE_NONE) {
            names->nodes[change->replaced].is_linked = true;
        }
        break;
    }
}

static bool is_of_earlier_folder(const struct virtual_names *names, int at)
{
    for (int i = 0; i < at; i++) {
        if (names->changes[i].folder == names->changes[at].folder) {
            return true;
        }
    }
    return false;
}

static uint32_t count_changes(const struct virtual_names *names, int folder)
{
    uint32_t count = 0;
    for (int i = 0; i < names->change_count; i++) {
        count += names->changes[i].folder == folder ? 1 : 0;
    }
    return count;
}

static void lose_folder(struct virtual_names *names, int folder, struct dice *dice)
{
    uint32_t lost = dice_roll(dice, count_changes(names, folder) + 1);
    for (int i = names->change_count - 1; i >= 0 && lost > 0; i--) {
        if (names->changes[i].folder == folder) {
            take_back(names, &names->changes[i]);
            lost--;
        }
    }
}

/* What is in a folder that is gone is gone, too. */
static void unlink_orphans(struct virtual_names *names)
{
    for (int i = 1; i < names->node_count; i++) {
        struct virtual_node *node = &names->nodes[i];
        if (node->is_used && node->is_linked && !names->nodes[node->parent].is_linked) {
            node->is_linked = false;
            i = 0; /* Folders within it follow. */
        }
    }
}

void virtual_names_lose(struct virtual_names *names, struct dice *dice)
{
    for (int i = 0; i < names->change_count; i++) {
        if (!is_of_earlier_folder(names, i)) {
            lose_folder(names, names->changes[i].folder, dice);
        }
    }
    for (int i = 0; i < names->change_count; i++) {
        names->nodes[names->changes[i].node].changes = 0;
        if (names->changes[i].replaced != VIRTUAL_NODE_NONE) {
            names->nodes[names->changes[i].replaced].changes = 0;
        }
    }
    names->change_count = 0;
    unlink_orphans(names);
    for (int i = 0; i < names->node_count; i++) {
        if (names->nodes[i].is_used) {
            free_if_unreachable(names, i);
        }
    }
}

uint64_t virtual_names_hash(const struct virtual_names *names, struct hash_key key)
{
    for (int i = 0; i < names->node_count; i++) {
        const struct virtual_node *node = &names->nodes[i];
        if (node->is_used) {
            key.low ^= hash_bytes(key, bytes_of(node->name, strlen(node->name)));
            key.high += (uint64_t)(node->parent + 1) << 2 | (uint64_t)node->is_linked << 1 |
                        (uint64_t)node->is_folder;
            key.low ^= virtual_contents_hash(&node->contents, key);
        }
    }
    key.high += (uint64_t)names->change_count;
    return key.low ^ key.high;
}
