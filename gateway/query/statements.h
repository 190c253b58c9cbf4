/*
 * SQL statements of the resource files. Each file has a list of statements, indexed by an enum. At start the gateway
 * joins all lists into the table that the connection pool prepares. It stores in each list where the list begins.
 *
 *     enum { ACCOUNT_BY_EMAIL, ... };
 *     static const struct pg_statement list[] = {[ACCOUNT_BY_EMAIL] = {"account_by_email", "SELECT ..."}, ...};
 *     struct statements accounts_statements = {list, ARRAY_LEN(list), 0};
 *     ...
 *     if (!statements_query(pg, &accounts_statements, ACCOUNT_BY_EMAIL, 1, values, on_found, request)) {
 *         reply_error(request, ERROR_UNAVAILABLE);
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
    size_t first; /* index of the list in the gateway's table; set once at start */
};

/* As pg_query. False: no connection to PostgreSQL; answer 503. The callback is not called. */
MUST_CHECK bool statements_query(struct pg *pg, const struct statements *of, size_t statement, int count,
                                 const char *const *values, pg_callback callback, void *arg);
/* True if PostgreSQL could not answer now: no fault of the statement. */
bool statements_outage(const struct pg_reply *reply);
/*
 * Checks a reply. True: it has a result and the client still waits. Else the request was ended: with 503, with 403 if
 * the account was erased meanwhile, with 500 and a log line, or without an answer if the deadline has answered.
 */
MUST_CHECK bool statements_usable(struct request *request, const struct pg_reply *reply);
/* As statements_usable, but also ends the request with `missing` if the result has no row. */
MUST_CHECK bool statements_found(struct request *request, const struct pg_reply *reply, enum error_code missing);
/* Returns the index of a statement in the gateway's table, for pg_tx_send. */
size_t statements_number(const struct statements *of, size_t statement);

#endif
