/* Takes the place of the system calls that the event pool's file is opened with (by the linker's --wrap): the
 * Nth of them fails, once or with all after it. */
#ifndef FLYBALL_TESTS_FAULTS_FAILING_CALLS_H
#define FLYBALL_TESTS_FAULTS_FAILING_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/* Counting begins anew; call number `fail_at`, from 1, fails with that errno. */
void failing_calls_arm(uint64_t fail_at, bool persists, int error);
/* From here on all calls work; how many failed since they were armed. */
uint64_t failing_calls_heal(void);

#endif
