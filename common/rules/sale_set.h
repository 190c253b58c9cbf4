/*
 * The working set of one flash sale: the rows that the rules of sale_rules.h read and change, in memory. The sale
 * worker fills it with those that a batch of commands needs, and writes what has changed. `rostrumctl verify` keeps the
 * whole sale in one set. No I/O, no clock. Units are pieces of stock, times milliseconds since the epoch, money minor
 * units.
 *
 * A set is used in this order:
 *   1. sale_set_begin with the sale's row, locked, and the database's time.
 *   2. sale_set_add_user, _entry, _order, _no_order and sale_set_loaded_until, with the rows that sale_command.h says.
 *   3. sale_set_ready with the number of commands; it makes room for all that they may add.
 *   4. sale_advance and sale_decide, see sale_rules.h.
 *   5. The caller writes `sale` (if `changed`), the changed entries and orders, and the rows, in one transaction.
 *   6. sale_set_begin again for the next transaction, or sale_set_written to go on with the same rows.
 *
 * Invariants:
 *   - claimed + reserved + sold + free = quantity, each at least 0. `free` is not stored.
 *   - entries and orders are sorted by seq, once ready. Those that the rules add have the greatest.
 *   - A turn is granted in the order of seq, so turns run out in that order; reservations run out in that of orders.
 *   - Pointers into the set stay valid until the next call of sale_set_ready.
 */
#ifndef ROSTRUM_COMMON_RULES_SALE_SET_H
#define ROSTRUM_COMMON_RULES_SALE_SET_H

#include "common/base/ids.h"
#include "common/base/uuid_map.h"
#include "common/rules/sale_words.h"

enum {
    SALE_QUANTITY_MAX = 1000000,           /* units of a sale */
    SALE_DURATION_MS_MAX = 86400000,       /* a day: the longest turn and the longest reservation */
    SALE_GRANTS_MAX = 500,                 /* turns that are granted in one transaction */
    SALE_EXPIRE_MAX = 500,                 /* turns, and reservations, that one EXPIRE ends */
    SALE_SET_ITEMS_MAX = UUID_MAP_MAX / 2, /* entries, orders, users, or rows of a set */
};
#define SALE_TIME_MS_MAX INT64_C(253402300799999) /* the end of the year 9999 */

/* What an admin may change before the sale opens. EXTEND and CLOSE change `end_ms` later. */
struct sale_terms {
    int64_t price; /* of one unit */
    int64_t quantity;
    int64_t per_user_limit;
    int64_t join_ms;
    int64_t start_ms;
    int64_t end_ms;
    int64_t turn_ms;
    int64_t reservation_ms;
    enum sale_payment payment;
};

/* The sale's row. */
struct sale {
    struct sale_terms terms;
    enum sale_status status;
    int64_t claimed; /* units of turns */
    int64_t reserved;
    int64_t sold;
    int64_t waiting;    /* entries that wait */
    int64_t ledger_seq; /* of the newest ledger row */
    int64_t decided_ms; /* of the newest ledger row; 0 before */
};

/* A place in the line. `status` is as stored: sale_entry_effective knows that the end of the sale closed it. */
struct sale_entry {
    int64_t seq; /* the place: the ledger's seq of the JOIN */
    struct uuid user_id;
    int64_t wanted;
    int64_t claim; /* units of the turn: at least 1, at most `wanted`; 0 before */
    enum sale_entry_status status;
    int64_t expires_ms; /* of the turn; 0 before */
    bool added;         /* by the rules: to be inserted. Set by the set. */
    bool changed;       /* to be written. Set by the set. */
};

/* An order. `status` is as stored: sale_order_effective knows that ABORT cancelled it. */
struct sale_order {
    struct uuid id; /* that of its ORDER */
    int64_t seq;    /* the ledger's seq of the ORDER */
    struct uuid user_id;
    int64_t quantity;
    int64_t total_price;
    enum sale_order_status status;
    enum sale_reason reason; /* of a rejected order */
    int64_t expires_ms;      /* of the reservation; 0: rejected */
    struct uuid payment_id;  /* the CONFIRM that brought the money; nil: none */
    bool added;              /* as in struct sale_entry */
    bool changed;
};

/* A user whose commands may be decided. */
struct sale_user {
    int64_t held; /* units of the user's reserved and confirmed orders */
    size_t entry; /* index of the live entry (waiting or turn); SALE_NO_INDEX: none */
};
#define SALE_NO_INDEX SIZE_MAX

/*
 * A row of the ledger: one of each command that is not dropped, and of each turn. It has the values that a replay
 * needs, but for the terms of an UPDATE.
 */
struct sale_row {
    int64_t seq;
    struct uuid command_id;      /* nil: a turn */
    enum sale_command_kind kind; /* SALE_COMMAND_NONE: a turn */
    enum sale_verdict verdict;
    enum sale_reason reason;
    bool paid;            /* CONFIRM by a payment callback */
    struct uuid user_id;  /* the command's; of a payment callback the order's; nil: none */
    int64_t quantity;     /* JOIN, ORDER: as asked. TURN: the claim. EXPIRE: the units returned. Else of the order. */
    int64_t place;        /* seq of the user's entry that was added, answered, changed or granted; 0: none */
    struct uuid order_id; /* ORDER: the command's id; CONFIRM, FAIL, CANCEL: as asked; else nil */
    int64_t amount;       /* of the payment */
    int64_t end_ms;       /* EXTEND: as asked */
    int64_t refused_ms;   /* of the command */
    int64_t received_ms;  /* TURN: decided_ms */
    int64_t decided_ms;
};

/* Zeroed: empty. The owner calls sale_set_free. Only the set's functions and the rules write to it. */
struct sale_set {
    struct sale sale;
    int64_t decided_ms;
    bool complete; /* holds the whole sale: what is not in the set does not exist */
    bool ready;    /* sorted and indexed */
    bool changed;  /* a row was added since the set was begun or written */
    /* Up to these seqs the set has all waiting entries, all due turns, all due reservations. INT64_MAX: all there are.
     */
    int64_t line_until;
    int64_t turns_until;
    int64_t orders_until;
    struct sale_entry *entries;
    size_t entry_count;
    size_t entry_size;
    struct sale_order *orders;
    size_t order_count;
    size_t order_size;
    struct sale_user *users;
    size_t user_count;
    size_t user_size;
    struct sale_row *rows; /* to be inserted, in this order */
    size_t row_count;
    size_t row_size;
    size_t *changed_entries; /* indices of entries to be written, in the order of their first change */
    size_t changed_entry_count;
    size_t *changed_orders;
    size_t changed_order_count;
    struct uuid_map user_index;
    struct uuid_map order_index; /* SALE_NO_INDEX: known to be absent */
    size_t head;                 /* no entry before this index waits */
    size_t first_live;           /* no entry before it is waiting or in a turn */
    size_t first_reserved;       /* no order before it is reserved */
    size_t grants;               /* since the set was begun or written */
};

/* --- for the callers of the rules --- */

/* Whether the bounds hold: of each value, the order of times, limit * price. The limit may exceed the quantity. */
MUST_CHECK bool sale_terms_valid(const struct sale_terms *terms);

/*
 * Empties the set and keeps its memory. The time of decision becomes `decided_ms`, or that of the newest ledger row if
 * that is later: it never falls within a sale. `complete`: a set that is given no rows, because the sale has none yet.
 */
void sale_set_begin(struct sale_set *set, const struct sale *sale, int64_t decided_ms, bool complete);
/*
 * They add a row that was loaded; one that the set has is left out. False: no memory, or SALE_SET_ITEMS_MAX. An order
 * that does not exist is added as such, so that the rules can distinguish it from one that was not loaded.
 */
MUST_CHECK bool sale_set_add_user(struct sale_set *set, const struct uuid *id, int64_t held);
MUST_CHECK bool sale_set_add_entry(struct sale_set *set, const struct sale_entry *entry);
MUST_CHECK bool sale_set_add_order(struct sale_set *set, const struct sale_order *order);
MUST_CHECK bool sale_set_add_no_order(struct sale_set *set, const struct uuid *id);
/*
 * Says up to which seq the first waiting entries, the due turns and the due reservations were loaded. If a query
 * returned as many rows as were asked for, that is the seq of the last one; else INT64_MAX, which is the default.
 */
void sale_set_loaded_until(struct sale_set *set, int64_t line, int64_t turns, int64_t orders);
/* Makes room for what `commands` commands and SALE_GRANTS_MAX turns add. False: no memory, or SALE_SET_ITEMS_MAX. */
MUST_CHECK bool sale_set_ready(struct sale_set *set, size_t commands);
/* The changes are committed: forgets rows and marks, and goes on at a new time of decision. */
void sale_set_written(struct sale_set *set, int64_t decided_ms);
void sale_set_free(struct sale_set *set);

/* Units that are neither claimed, reserved nor sold. */
int64_t sale_free(const struct sale *sale);
/* Whether the sale is ended, settled, sold out or cancelled: its line is then closed. The reason; else none. */
bool sale_over(const struct sale *sale);
enum sale_reason sale_over_reason(const struct sale *sale);
/* The states with what the sale's state implies: CLOSED entries of a sale that is over, orders that ABORT cancelled. */
enum sale_entry_status sale_entry_effective(const struct sale *sale, const struct sale_entry *entry);
enum sale_order_status sale_order_effective(const struct sale *sale, const struct sale_order *order);

/* --- for the rules --- */

/* The user; assertion if not loaded. In a complete set an unknown user is added. */
struct sale_user *sale_set_user(struct sale_set *set, const struct uuid *id);
/* As sale_set_user, but NULL if the set does not have the user. */
struct sale_user *sale_set_known_user(const struct sale_set *set, const struct uuid *id);
/* The user's live entry; NULL: none. */
struct sale_entry *sale_set_live_entry(const struct sale_set *set, const struct sale_user *user);
/* NULL: no such order. Assertion if it was not loaded. */
struct sale_order *sale_set_order(const struct sale_set *set, const struct uuid *id);
/* The lowest waiting place, or NULL. Assertion if it was not loaded. */
struct sale_entry *sale_set_head(struct sale_set *set);
/* They append; there must be room. The order is not yet in the set. */
void sale_set_new_entry(struct sale_set *set, const struct sale_entry *entry);
void sale_set_new_order(struct sale_set *set, const struct sale_order *order);
/* Appends a row with the next seq. */
void sale_set_new_row(struct sale_set *set, struct sale_row row);
/* They mark what is to be written. */
void sale_set_mark_entry(struct sale_set *set, struct sale_entry *entry);
void sale_set_mark_order(struct sale_set *set, struct sale_order *order);

#endif
