/* Takes the place of malloc, calloc, realloc and mmap in a test program (by the linker's --wrap): the Nth
 * call finds no memory, once or with all after it. Libraries' own allocations are theirs. */
#ifndef FLYBALL_TESTS_FAULTS_FAILING_MEMORY_H
#define FLYBALL_TESTS_FAULTS_FAILING_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* Counting begins anew; call number `fail_at`, from 1, fails. */
void failing_memory_arm(uint64_t fail_at, bool persists);
/* From here on all calls work; the counts stay. */
void failing_memory_heal(void);

uint64_t failing_memory_calls(void);
uint64_t failing_memory_failed(void);

/* What the program holds: bytes mapped and not unmapped since its start, and bytes of the heap (0 with a
 * sanitizer, which looks for leaks itself). */
int64_t failing_memory_mapped(void);
uint64_t failing_memory_heap(void);

#endif
