/* See memory_guard.h. */
#include "common/service/memory_guard.h"

#include <sys/prctl.h>
#include <sys/resource.h>

bool memory_guard(void)
{
    static const struct rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &no_core) == 0;
}
