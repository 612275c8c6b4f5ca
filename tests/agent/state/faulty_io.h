/* The operating system's file calls, some of which fail on demand. */
#ifndef FLYBALL_TESTS_STATE_FAULTY_IO_H
#define FLYBALL_TESTS_STATE_FAULTY_IO_H

#include <stdbool.h>

#include "base/io.h"

enum faulty_call { FAULTY_OPEN, FAULTY_READ, FAULTY_WRITE, FAULTY_SYNC, FAULTY_ALLOCATE, FAULTY_RENAME };
enum { FAULTY_CALLS = 6 };

struct faulty_io {
    struct io real;
    unsigned calls[FAULTY_CALLS];   /* Made so far. */
    unsigned fail_at[FAULTY_CALLS]; /* The call that fails, counting from 1; 0: none. */
    bool keep_failing;              /* The ones after it too. */
    int error;                      /* The errno they fail with. */
    size_t write_most;              /* Longer writes are cut short; 0: none. */
    size_t read_most;
};

void faulty_io_init(struct faulty_io *faulty);
struct io faulty_io_calls(struct faulty_io *faulty);

/* The next call of that kind fails. */
void faulty_io_fail_next(struct faulty_io *faulty, enum faulty_call call, int error);
void faulty_io_heal(struct faulty_io *faulty);

#endif
