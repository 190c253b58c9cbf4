/*
 * SQL of the resource files. Each file has its own list and names its statements by an enum of its own; at start the
 * gateway puts all lists into the one table that the pool prepares, and notes where each list begins.
 *
 *     enum { ACCOUNT_BY_EMAIL, ... };
 *     static const struct pg_statement list[] = {[ACCOUNT_BY_EMAIL] = {"account_by_email", "SELECT ..."}, ...};
 *     struct statements accounts_statements = {list, ARRAY_LEN(list), 0};
 *     ...
 *     if (!statements_query(context_of(request)->pg, &accounts_statements, ACCOUNT_BY_EMAIL, 1, values, found,
 * request)) { reply_error(request, ERROR_UNAVAILABLE);
 *     }
 */
#ifndef ROSTRUM_GATEWAY_QUERY_STATEMENTS_H
#define ROSTRUM_GATEWAY_QUERY_STATEMENTS_H

#include "common/io/pg.h"
#include "gateway/http/errors.h"

struct request;

struct statements {
    const struct pg_statement *list;
    size_t count;
    size_t first; /* where the list begins in the gateway's table; set once at start */
};

/* pg_query: false when PostgreSQL is not there (503), and then the callback does not come. */
MUST_CHECK bool statements_query(struct pg *pg, const struct statements *of, size_t statement, int count,
                                 const char *const *values, pg_callback callback, void *arg);
/*
 * Looks at a reply. True: there is a result, and the client still waits. Else the request was ended: 503, 500 with a
 * line in the log, or nothing if the deadline has answered.
 */
MUST_CHECK bool statements_usable(struct request *request, const struct pg_reply *reply);
/* The same, and there is a row; else the request was ended, with `missing` where there is none. */
MUST_CHECK bool statements_found(struct request *request, const struct pg_reply *reply, enum error_code missing);
/* The number to give to pg_tx_send. */
size_t statements_number(const struct statements *of, size_t statement);

#endif
