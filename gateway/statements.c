/*
 * SQL of all resource files in one table, prepared on each connection of the pool; see statements.h.
 */
#include "gateway/statements.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/accounts.h"
#include "gateway/admin.h"
#include "gateway/admin_auctions.h"
#include "gateway/auctions.h"
#include "gateway/audit.h"
#include "gateway/bans.h"
#include "gateway/changes.h"
#include "gateway/deadletters.h"
#include "gateway/documents.h"
#include "gateway/gateway.h"
#include "gateway/image_sweep.h"
#include "gateway/images.h"
#include "gateway/leaderboard.h"
#include "gateway/ledger.h"
#include "gateway/me.h"
#include "gateway/recovery.h"
#include "gateway/reply.h"
#include "gateway/snapshots.h"
#include "gateway/unsubscribe.h"
#include "gateway/verification.h"
#include "gateway/watchlist.h"
#include "gateway/webhook_deliveries.h"
#include "gateway/webhooks.h"

struct statements *const statements_all[] = {
    /* clang-format off */
    &gateway_statements, &snapshots_statements, &ledger_statements, &leaderboard_statements,
    &accounts_statements, &auctions_statements, &documents_statements, &changes_statements,
    &me_statements, &watchlist_statements, &images_statements, &image_sweep_statements,
    &verification_statements, &recovery_statements, &unsubscribe_statements,
    &audit_statements, &bans_statements, &admin_statements, &admin_auctions_statements, &deadletters_statements,
    &webhooks_statements, &webhook_deliveries_statements,
    NULL,
    /* clang-format on */
};

struct pg_statement *statements_gather(size_t *count)
{
    *count = 0;
    for (size_t i = 0; statements_all[i] != NULL; i++) {
        statements_all[i]->first = *count;
        *count += statements_all[i]->count;
    }
    struct pg_statement *table = calloc(*count + 1, sizeof(*table));
    if (table == NULL) {
        return NULL;
    }
    for (size_t i = 0; statements_all[i] != NULL; i++) {
        const struct statements *part = statements_all[i];
        memcpy(table + part->first, part->list, part->count * sizeof(*table));
    }
    return table;
}

bool statements_query(struct gateway *gateway, const struct statements *of, size_t statement, int count,
                      const char *const *values, pg_callback callback, void *arg)
{
    return pg_query(gateway->pg, statements_number(of, statement), count, values, callback, arg);
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
    if (reply->outcome == PG_FAILED && !pg_state_is_transient(reply->sqlstate)) {
        struct log_about about = request_about(request);
        log_line(LOG_ERROR, &about, "SQL %s: %s", reply->sqlstate, reply->message);
        reply_error(request, ERROR_INTERNAL_ERROR);
    } else {
        reply_error(request, ERROR_UNAVAILABLE);
    }
    return false;
}

size_t statements_number(const struct statements *of, size_t statement)
{
    return of->first + statement;
}
