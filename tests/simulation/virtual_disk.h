/* A disk in memory that fails as real ones do, and the same way each time: what a seed determines. Give
 * virtual_disk_io to what is under test, end its life, let it open its files again.
 *
 * - What was written and not synced is in the cache: the process that reads it sees it, and so does the next
 *   process if only the process died. When the power fails, each file's unsynced sectors survive all, not at
 *   all, as a prefix or suffix in the order they were written, or each on its own, some with bytes in between
 *   of what was written there, some as garbage. Its size is the old one, the new one or one between.
 * - A name is durable when its folder was synced; of the changes since, any prefix survives. A rename is done
 *   or not done. An fsync of a file does not make its name durable.
 * - Space given by fallocate or by writing beyond the end reads as zeros.
 * - A failed sync says EIO once and never again: the blocks it covered have reached the medium all the same,
 *   are as before in the cache too, or read as written until the power fails and are old afterwards, even if
 *   a later sync succeeds. A block that is written again becomes dirty again as a whole.
 * - Rot comes only when asked for: bytes change on the medium and in the cache alike, or cannot be read for a
 *   while, until something is written there.
 * - Real disks do worse: they lie about syncs. That is not modelled; nor are hard links, renames from folder
 * to folder, open flags other than O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY and the access modes.
 *
 * Programmer errors (a handle that is not open, too many files) assert. Not for more than one thread. */
#ifndef FLYBALL_TESTS_SIMULATION_VIRTUAL_DISK_H
#define FLYBALL_TESTS_SIMULATION_VIRTUAL_DISK_H

#include "base/io.h"
#include "tests/simulation/virtual_names.h"

enum { VIRTUAL_HANDLES_MAX = 64, VIRTUAL_UNREADABLE_MAX = 16 };

struct virtual_disk_settings {
    uint64_t seed;
    uint32_t sector_bytes;          /* 512 or 4096. */
    uint64_t space_bytes;           /* Of all files, rounded up to blocks; 0: unlimited. May be changed. */
    uint32_t interrupted_per_mille; /* Reads and writes that end short or with EINTR. May be changed. */
};

/* What is to go wrong; each counts down to 1, happens and is 0 then. 0: not at all. Set them at any time. */
struct virtual_disk_faults {
    uint64_t cut_in;              /* At that change (see counts) the machine stops in the middle of it. */
    uint64_t fail_sync_in;        /* That fsync or fdatasync of a file says EIO. A folder's is not counted. */
    uint64_t fail_folder_sync_in; /* That fsync of a folder says EIO; what it was for stays unsynced. */
    uint64_t fail_read_in;        /* That pread says EIO. */
};

/* Since init. */
struct virtual_disk_counts {
    uint64_t changes; /* Writes, syncs, and whatever changes names or sizes. */
    uint64_t opens;
    uint64_t reads;
    uint64_t writes;
    uint64_t syncs; /* Of files. */
    uint64_t folder_syncs;
    uint64_t name_changes;
    uint64_t bytes_read;
    uint64_t bytes_written;
    uint64_t faults; /* Calls that failed by request; for lack of space and interrupted ones too. */
    uint64_t kills;
    uint64_t cuts;
};

struct virtual_handle {
    int node; /* VIRTUAL_NODE_NONE: not open. */
    bool holds_lock;
    bool is_writable;
};

/* A part of a file that says EIO. */
struct virtual_unreadable {
    int node;
    uint64_t offset;
    uint64_t end;
};

/* Large, and points into itself: keep it where it is. */
struct virtual_disk {
    struct virtual_disk_settings settings;
    struct virtual_disk_faults faults;
    struct virtual_disk_counts counts;
    bool is_off;
    struct dice dice;
    struct virtual_handle handles[VIRTUAL_HANDLES_MAX];
    struct virtual_unreadable unreadable[VIRTUAL_UNREADABLE_MAX];
    uint32_t unreadable_count;
    struct virtual_names names;
    struct virtual_block_pool pool;
};

/* `disk` is zeroed, or was used before: then its memory is used again. Empty but for the root folder. */
void virtual_disk_init(struct virtual_disk *disk, const struct virtual_disk_settings *settings);

/* Gives all memory back. */
void virtual_disk_close(struct virtual_disk *disk);

struct io virtual_disk_io(struct virtual_disk *disk);

/* Whatever is called from now on fails with EIO, but close. So it is too after `cut_in` came. What is under
 * test can then be given up in its own way before one of the next two decides what that was. */
void virtual_disk_stop(struct virtual_disk *disk);

/* The process died: its handles and locks are gone, everything it wrote is still there. */
void virtual_disk_kill(struct virtual_disk *disk);

/* The power failed and is back: handles, locks, and of what was not synced whatever the dice say are gone.
 * Faults still to come are forgotten. */
void virtual_disk_restart(struct virtual_disk *disk);

/* For the calls: the handle is not open any more, nor locked. */
void virtual_disk_release(struct virtual_disk *disk, int handle);

/* The file's bytes from `offset` on are combined with `noise` by exclusive or, in every version there is: no
 * power cut brings them back. They lie within what was written. */
void virtual_disk_rot(struct virtual_disk *disk, const char *path, uint64_t offset, struct bytes noise);

/* Reads of that part of the file fail until it is written, or all is readable again. False if there are too
 * many such parts. */
bool virtual_disk_make_unreadable(struct virtual_disk *disk, const char *path, uint64_t offset,
                                  uint64_t bytes);
void virtual_disk_make_readable(struct virtual_disk *disk);

/* For the calls: whether a read touches such a part; a write there was made. */
bool virtual_disk_is_unreadable(const struct virtual_disk *disk, int node, uint64_t offset, uint64_t bytes);
void virtual_disk_renew(struct virtual_disk *disk, int node, uint64_t offset, uint64_t bytes);

/* Over every name and byte, as read and as on the medium: equal for equal histories. */
uint64_t virtual_disk_hash(const struct virtual_disk *disk);

#endif
