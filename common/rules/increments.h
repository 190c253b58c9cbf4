/*
 * Bid increments: how much above the current bid the next one must be. One fixed increment, a table of steps, a
 * percentage, or rungs: the amounts themselves. Whatever the form, the minimum bid never falls when the price rises:
 * else a refusal by an older minimum would be wrong. `ebay-us` is the table eBay used (source: the README of the eBay
 * data set and API.md). Shared by the gateway (validates what a seller asks for) and the rules (decide by it). Pure.
 */
#ifndef ROSTRUM_COMMON_RULES_INCREMENTS_H
#define ROSTRUM_COMMON_RULES_INCREMENTS_H

#include "common/base/base.h"
#include "common/base/json.h"

enum {
    INCREMENTS_STEPS_MAX = 32,        /* eBay's has 10 */
    INCREMENTS_RUNGS_MAX = 64,        /* beyond the last one its distance goes on */
    INCREMENTS_PERCENT_WHOLE = 10000, /* basis points in 100 percent, and the most */
};

enum increments_form { INCREMENTS_STEPS, INCREMENTS_PERCENT, INCREMENTS_RUNGS };

struct increments_step {
    int64_t from;      /* minor units: holds for a current bid of this amount and up */
    int64_t increment; /* minor units, > 0 */
};

/* Steps rise by `from`, the first begins at 0. A fixed increment is a table of one step. */
struct increments {
    enum increments_form form;
    size_t count; /* of steps or rungs */
    union {
        struct increments_step steps[INCREMENTS_STEPS_MAX];
        int64_t rungs[INCREMENTS_RUNGS_MAX]; /* minor units, rising; at least two */
        struct {
            int64_t points; /* basis points of the price, rounded up to a minor unit, 1..INCREMENTS_PERCENT_WHOLE */
            int64_t least;  /* minor units, > 0: never less */
        } percent;
    };
};

/* `increment` in minor units, 1..MONEY_MAX. */
struct increments increments_fixed(int64_t increment);
struct increments increments_ebay_us(void);
/*
 * The contract's forms: "ebay-us"; [{"from": 0, "increment": 0.05}, ...] with rising `from`, the first 0, and
 * increments above zero that never fall; [100, 120, 150, ...], rungs; {"percent": 5, "minimum": 1.00}. On false `*why`
 * is a sentence for the seller (static).
 */
MUST_CHECK bool increments_parse(const struct json *value, struct increments *out, const char **reason);
/* What is due above `price` (minor units, 0..MONEY_MAX). */
int64_t increments_at(const struct increments *table, int64_t price);

#endif
