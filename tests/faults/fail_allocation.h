/* What the tests and fail_allocation.c, which is preloaded into the program, agree on. */
#ifndef FLYBALL_TESTS_FAULTS_FAIL_ALLOCATION_H
#define FLYBALL_TESTS_FAULTS_FAIL_ALLOCATION_H

/* The allocation that finds no memory, counting those of any kind and by anybody in the process from 1, once
 * main begins; with a "+" behind the number all after it too. */
#define FAIL_ALLOCATION_VARIABLE "FLYBALL_FAIL_ALLOCATION"

/* A file that gets a byte when one failed. */
#define FAILED_ALLOCATION_VARIABLE "FLYBALL_FAILED_ALLOCATION"

#endif
