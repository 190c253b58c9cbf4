/*
 * See loop.h.
 */
#include "tests/support/loop.h"

void loop_turn(struct event_base *base)
{
    const struct timeval most = {.tv_usec = SUITE_LOOK_MS * INT64_C(1000)};
    ck_assert_int_eq(event_base_loopexit(base, &most), 0);
    ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
}
