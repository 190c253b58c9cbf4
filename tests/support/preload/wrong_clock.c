/*
 * A library for LD_PRELOAD that gives one program a wrong clock. It adds two offsets to clock_gettime: one to
 * CLOCK_REALTIME, and one to CLOCK_BOOTTIME and CLOCK_REALTIME together, as a suspended machine would. The offsets are
 * in the file that ROSTRUM_TEST_CLOCK names. The test may change them at any time (tests/support/wrong_clock.h).
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/wrong_clock.h"

enum { MS_PER_S = 1000, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

static struct wrong_clock_offsets *offsets; /* NULL: the clock is right */

__attribute__((constructor)) static void map_offsets(void)
{
    const char *path = getenv("ROSTRUM_TEST_CLOCK");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    void *map = mmap(NULL, sizeof(*offsets), PROT_READ, MAP_SHARED, fd, 0);
    offsets = map == MAP_FAILED ? NULL : map;
    (void)close(fd);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the names of libc are reserved. */
int clock_gettime(clockid_t which, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, which, now);
    long long ms = 0;
    if (result != 0 || offsets == NULL || (which != CLOCK_REALTIME && which != CLOCK_BOOTTIME)) {
        return result;
    }
    ms = atomic_load(&offsets->suspended_ms) + (which == CLOCK_REALTIME ? atomic_load(&offsets->wrong_ms) : 0);
    now->tv_sec += ms / MS_PER_S;
    now->tv_nsec += ms % MS_PER_S * NS_PER_MS;
    if (now->tv_nsec >= NS_PER_S) {
        now->tv_nsec -= NS_PER_S;
        now->tv_sec++;
    } else if (now->tv_nsec < 0) {
        now->tv_nsec += NS_PER_S;
        now->tv_sec--;
    }
    return result;
}
