/*
 * See statements.h.
 */
#include "gateway/query/statements.h"

#include <string.h>

#include "gateway/http/reply.h"

static const char account_erased[] = "RO001"; /* of the triggers that call account_must_exist */
/* Until an operator has restored the rights of the database, as after a restored dump. */
static const char insufficient_privilege[] = "42501";

bool statements_query(struct pg *pg, const struct statements *of, size_t statement, int count,
                      const char *const *values, pg_callback callback, void *arg)
{
    return pg_query(pg, statements_number(of, statement), count, values, callback, arg);
}

bool statements_outage(const struct pg_reply *reply)
{
    return reply->outcome == PG_LOST || (reply->outcome == PG_FAILED && pg_state_is_transient(reply->sqlstate));
}

bool statements_usable(struct request *request, const struct pg_reply *reply)
{
    if (request_answered(request)) {
        reply_end(request);
        return false;
    }
    if (reply->outcome == PG_OK) {
        return true;
    }
    if (reply->outcome == PG_FAILED && strcmp(reply->sqlstate, account_erased) == 0) {
        reply_error(request, ERROR_USER_BANNED);
    } else if (!statements_outage(reply)) {
        struct log_about about = request_about(request);
        log_line(LOG_ERROR, &about, "SQL %s: %s", reply->sqlstate, reply->message);
        bool refused = reply->outcome == PG_FAILED && strcmp(reply->sqlstate, insufficient_privilege) == 0;
        reply_error(request, refused ? ERROR_UNAVAILABLE : ERROR_INTERNAL_ERROR);
    } else {
        reply_error(request, ERROR_UNAVAILABLE);
    }
    return false;
}

bool statements_found(struct request *request, const struct pg_reply *reply, enum error_code missing)
{
    if (!statements_usable(request, reply)) {
        return false;
    }
    if (PQntuples(reply->result) == 0) {
        reply_error(request, missing);
        return false;
    }
    return true;
}

size_t statements_number(const struct statements *of, size_t statement)
{
    return of->first + statement;
}
