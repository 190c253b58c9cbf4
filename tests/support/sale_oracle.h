/*
 * A second implementation of the rules of flash sales, for the property tests. It is written from the contract and
 * calls nothing of common/rules; it only has its types in common. It is slow, and simple enough to verify by reading.
 * Every unit of stock is an item that somebody holds. A number is always counted by looking at all of them.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_SALE_ORACLE_H
#define ROSTRUM_TESTS_SUPPORT_SALE_ORACLE_H

#include "common/rules/sale_command.h"

enum {
    ORACLE_UNITS_MAX = 16,
    ORACLE_PLACES_MAX = 256,
    ORACLE_ORDERS_MAX = 256,
};

enum oracle_holder { ORACLE_FREE, ORACLE_TURN, ORACLE_RESERVED, ORACLE_SOLD };

struct oracle_unit {
    enum oracle_holder holder;
    size_t index; /* of the place or order */
};

struct oracle_place {
    int64_t seq;
    struct uuid user;
    int64_t wanted;
    int64_t until_ms;
    enum sale_entry_status status; /* CLOSED, too */
};

struct oracle_order {
    struct uuid id;
    struct uuid user;
    int64_t quantity;
    int64_t total;
    int64_t until_ms;
    enum sale_order_status status;
    enum sale_reason reason;
    struct uuid payment;
};

struct sale_oracle {
    struct sale_terms terms;
    bool opened;
    bool started;
    bool ended;
    bool cancelled;
    int64_t now_ms;
    int64_t row_ms;                             /* time of the newest ledger row */
    int64_t seq;                                /* of that row */
    struct oracle_unit units[ORACLE_UNITS_MAX]; /* the first terms.quantity of them */
    struct oracle_place places[ORACLE_PLACES_MAX];
    size_t place_count;
    struct oracle_order orders[ORACLE_ORDERS_MAX];
    size_t order_count;
    size_t turns; /* granted by the last command */
};

struct oracle_answer {
    enum sale_verdict verdict;
    enum sale_reason reason;
    bool unused; /* a payment that no order has */
};

void oracle_begin(struct sale_oracle *oracle, const struct sale_terms *terms);
struct oracle_answer oracle_decide(struct sale_oracle *oracle, const struct sale_command *command, int64_t decided_ms);

enum sale_status oracle_status(const struct sale_oracle *oracle);
int64_t oracle_units(const struct sale_oracle *oracle, enum oracle_holder holder);
int64_t oracle_waiting(const struct sale_oracle *oracle);
/* Units of the place's turn. */
int64_t oracle_claim(const struct sale_oracle *oracle, size_t place);

#endif
