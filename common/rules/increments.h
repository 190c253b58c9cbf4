/*
 * Bid increments: the minimum distance between the current bid and the next one. A table is one fixed increment, steps,
 * a percentage, or rungs (the permitted amounts themselves). Pure.
 *
 * Invariant: in every form the minimum bid never falls when the price rises. Otherwise a refusal by an older minimum
 * could be wrong.
 *
 * Callers: the gateway validates the sellers' tables; the rules decide by them. `ebay-us` is the table eBay used
 * (source: the README of the eBay data set).
 */
#ifndef ROSTRUM_COMMON_RULES_INCREMENTS_H
#define ROSTRUM_COMMON_RULES_INCREMENTS_H

#include "common/base/base.h"
#include "common/base/json.h"

enum {
    INCREMENTS_STEPS_MAX = 32,        /* eBay's has 10 */
    INCREMENTS_RUNGS_MAX = 64,        /* beyond the last rung, the last distance repeats */
    INCREMENTS_PERCENT_WHOLE = 10000, /* basis points in 100 percent; also the largest percentage */
};

enum increments_form { INCREMENTS_STEPS, INCREMENTS_PERCENT, INCREMENTS_RUNGS };

struct increments_step {
    int64_t from;      /* minor units: applies to a current bid of this amount or more */
    int64_t increment; /* minor units, > 0 */
};

/* Steps are in ascending order of `from`; the first is 0. A fixed increment is a table of one step. */
struct increments {
    enum increments_form form;
    size_t count; /* of steps or rungs */
    union {
        struct increments_step steps[INCREMENTS_STEPS_MAX];
        int64_t rungs[INCREMENTS_RUNGS_MAX]; /* minor units, ascending; at least two */
        struct {
            int64_t points; /* basis points of the price, rounded up to a minor unit, 1..INCREMENTS_PERCENT_WHOLE */
            int64_t least;  /* minor units, > 0: the smallest increment */
        } percent;
    };
};

/* `increment` in minor units, 1..MONEY_MAX. */
struct increments increments_fixed(int64_t increment);
struct increments increments_ebay_us(void);
/*
 * Parses the forms of the API:
 *   "ebay-us"
 *   [{"from": 0, "increment": 0.05}, ...]   steps: `from` ascending from 0, increments above zero that never fall
 *   [100, 120, 150, ...]                    rungs
 *   {"percent": 5, "minimum": 1.00}         percentage
 * On false `*reason` is a sentence for the seller (static).
 */
MUST_CHECK bool increments_parse(const struct json *value, struct increments *out, const char **reason);
/* Writes a parsed table in its form, with its amounts as numbers of two decimals. */
void increments_write(const struct increments *table, struct jsonw *json);
/* The increment at a current bid of `price` (minor units, 0..MONEY_MAX). */
int64_t increments_at(const struct increments *table, int64_t price);

#endif
