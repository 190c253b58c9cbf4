/*
 * What ThreadSanitizer reports and is no fault. Linked into every program that is built with it, because a deployment's
 * programs do not inherit TSAN_OPTIONS. Called by ThreadSanitizer itself, before main.
 */
#include "tests/support/tsan.h"

const char *__tsan_default_suppressions(void)
{
    /*
     * broker_connect_free joins that thread by pthread_clockjoin_np, or detaches it; gcc 12's ThreadSanitizer does not
     * know the function. The libraries below are those of rostrum-image-decoder, which has no thread of ours: they lock
     * by futex, which ThreadSanitizer does not see in code that it did not build.
     */
    return "thread:broker_connect_start\n"
           "race:libvips.so\n"
           "race:libglib-2.0.so\n"
           "race:libwebp\n";
}
