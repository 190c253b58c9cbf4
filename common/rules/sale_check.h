/*
 * Checks the invariants of a flash sale (sale_rules.h) in a working set. Pure. Called by the tests, by the sale worker
 * before it writes a batch, and by `rostrumctl verify`. It reads every row of the set.
 */
#ifndef ROSTRUM_COMMON_RULES_SALE_CHECK_H
#define ROSTRUM_COMMON_RULES_SALE_CHECK_H

#include "common/rules/sale_set.h"

/*
 * NULL if all hold, else a sentence that names the violated one. In a set that is not complete, the rows may be fewer
 * than the counters say, but never more.
 */
const char *sale_check(const struct sale_set *set);

#endif
