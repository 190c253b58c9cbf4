/*
 * Suppressions of false reports of ThreadSanitizer. Linked into every program that is built with it, because a
 * deployment's programs do not inherit TSAN_OPTIONS. Called by ThreadSanitizer before main.
 */
#include "tests/support/tsan.h"

const char *__tsan_default_suppressions(void)
{
    /*
     * broker_connect_free joins that thread by pthread_clockjoin_np, or detaches it; gcc 12's ThreadSanitizer does not
     * know the function.
     *
     * libevent removes a closed descriptor from epoll one pass of the loop later (EPOLL_USE_CHANGELIST in worker.c).
     * The number may be another thread's by then. That is harmless: a descriptor of another thread is not in this
     * loop's epoll set, so the kernel refuses and libevent ignores it.
     */
    return "thread:broker_connect_start\n"
           "race:epoll_ctl\n";
}
