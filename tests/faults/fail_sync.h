/* What the tests and fail_sync.c, which is preloaded into the agent, agree on. */
#ifndef FLYBALL_TESTS_FAULTS_FAIL_SYNC_H
#define FLYBALL_TESTS_FAULTS_FAIL_SYNC_H

/* Names a file that, once it is there, makes the next fdatasync fail with EIO. It is renamed to that name and
 * ".done" then, and gets a byte for each fdatasync tried after it. */
#define FAIL_SYNC_VARIABLE "FLYBALL_FAIL_SYNC"

#endif
