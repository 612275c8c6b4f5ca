/* File systems of the test's own: mounted in a namespace that ends with it, so that nobody else sees them. */
#ifndef FLYBALL_TESTS_FAULTS_MOUNTS_H
#define FLYBALL_TESTS_FAULTS_MOUNTS_H

#include <stdbool.h>

/* Before any thread is made. False, after saying why, where that is not permitted. */
bool mounts_enter(void);

/* A tmpfs at an existing folder; `options` as for mount -o: "size=1m". Each fails the test when it cannot. */
void mounts_put(const char *path, const char *options);
/* Changes the size of one that is in use. */
void mounts_change(const char *path, const char *options);
void mounts_make_read_only(const char *path);
void mounts_remove(const char *path);

#endif
