/*
 * Printing the differences that `rostrumctl verify` finds in the rows of one auction or sale: the first ones in full,
 * then their number. Callers: replay.c, ledger_check.c, sale_replay.c, sale_rows.c.
 */
#ifndef ROSTRUM_DEPLOY_CTL_DIFFERENCES_H
#define ROSTRUM_DEPLOY_CTL_DIFFERENCES_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum { DIFFERENCES_SHOWN_MAX = 20 /* printed ones; more are only counted */ };

struct differences {
    const char *of; /* "auction" or "sale" */
    struct uuid id;
    int64_t count;
};

/* A formatted value. */
struct formatted {
    char text[UUID_TEXT_SIZE];
};
/* "none" for 0, "no amount" for a negative number. */
struct formatted format_money(int64_t minor);
/* "none" for nil. */
struct formatted format_id(const struct uuid *id);
struct formatted format_time(int64_t ms);

/* Reports a difference of ledger entry `seq`; 0: of another row. */
void differ(struct differences *found, int64_t seq, const char *format, ...) PRINTF_LIKE(3, 4);
/* They report a difference unless the stored value is that of the rules. Amounts are minor units. */
void differ_text(struct differences *found, int64_t seq, const char *what, const char *stored, const char *due);
void differ_money(struct differences *found, int64_t seq, const char *what, int64_t stored, int64_t due);
void differ_id(struct differences *found, int64_t seq, const char *what, struct uuid stored, struct uuid due);
void differ_number(struct differences *found, int64_t seq, const char *what, int64_t stored, int64_t due);
/* 0: none. */
void differ_time(struct differences *found, int64_t seq, const char *what, int64_t stored_ms, int64_t due_ms);
/* Prints how many were not printed: "and N more", then `what`. */
void differences_end(const struct differences *found, const char *what);

#endif
