/*
 * See wrong_clock.h.
 */
#include "tests/support/wrong_clock.h"

#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/program.h"
#include "tests/support/scratch.h"

void wrong_clock_open(struct wrong_clock *clock)
{
    scratch_pattern("clock", clock->path, sizeof(clock->path));
    int fd = mkstemp(clock->path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, sizeof(*clock->offsets)), 0);
    void *map = mmap(NULL, sizeof(*clock->offsets), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(map, MAP_FAILED);
    ck_assert_int_eq(close(fd), 0);
    clock->offsets = map;
}

void wrong_clock_close(struct wrong_clock *clock)
{
    ck_assert_int_eq(munmap(clock->offsets, sizeof(*clock->offsets)), 0);
    ck_assert_int_eq(unlink(clock->path), 0);
}

pid_t wrong_clock_start(const struct wrong_clock *clock, const char *name, const char *settings_path)
{
    char library[PATH_MAX];
    char sanitizer[PATH_MAX];
    const char *build = getenv("BUILD");
    const char *options = getenv("ASAN_OPTIONS");
    (void)snprintf(library, sizeof(library), "%s/tests/support/wrong-clock.so", build == NULL ? "build" : build);
    ck_assert_int_eq(access(library, R_OK), 0);
    /* AddressSanitizer wants to be the first library. */
    (void)snprintf(sanitizer, sizeof(sanitizer), "%s:verify_asan_link_order=0", options == NULL ? "" : options);
    (void)setenv("ASAN_OPTIONS", sanitizer, 1);
    (void)setenv("ROSTRUM_TEST_CLOCK", clock->path, 1);
    (void)setenv("LD_PRELOAD", library, 1);
    pid_t pid = program_start(name, settings_path);
    (void)unsetenv("LD_PRELOAD");
    (void)unsetenv("ROSTRUM_TEST_CLOCK");
    return pid;
}
