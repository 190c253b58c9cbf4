/*
 * See statement_registry.h.
 */
#include "gateway/statement_registry.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/access/audit.h"
#include "gateway/access/creation.h"
#include "gateway/access/credentials.h"
#include "gateway/access/refusals.h"
#include "gateway/access/sessions.h"
#include "gateway/account/accounts.h"
#include "gateway/account/erasure.h"
#include "gateway/account/export.h"
#include "gateway/account/recovery.h"
#include "gateway/account/refresh.h"
#include "gateway/account/unsubscribe.h"
#include "gateway/account/verification.h"
#include "gateway/account/webhook_deliveries.h"
#include "gateway/account/webhooks.h"
#include "gateway/admin/admin.h"
#include "gateway/admin/admin_auctions.h"
#include "gateway/admin/admin_bids.h"
#include "gateway/admin/admin_users.h"
#include "gateway/admin/deadletters.h"
#include "gateway/admin/refunds.h"
#include "gateway/admin/stats.h"
#include "gateway/auction/auction_document.h"
#include "gateway/auction/auctions.h"
#include "gateway/auction/changes.h"
#include "gateway/auction/items.h"
#include "gateway/auction/me.h"
#include "gateway/auction/watchlist.h"
#include "gateway/bid/leaderboard.h"
#include "gateway/bid/ledger.h"
#include "gateway/bid/snapshots.h"
#include "gateway/deployment_reader.h"
#include "gateway/image/image_owner.h"
#include "gateway/image/image_sweep.h"
#include "gateway/live/auction_watch.h"
#include "gateway/live/own_view.h"
#include "gateway/live/positions.h"
#include "gateway/live/sale_watch.h"
#include "gateway/sale/orders.h"
#include "gateway/sale/payments.h"
#include "gateway/sale/position.h"
#include "gateway/sale/products.h"
#include "gateway/sale/sale_changes.h"
#include "gateway/sale/sale_family.h"
#include "gateway/sale/sale_snapshots.h"
#include "gateway/sale/sales.h"

static struct statements *const all[] = {
    /* clang-format off */
    &deployment_reader_statements, &snapshots_statements, &sale_snapshots_statements, &ledger_statements, &leaderboard_statements,
    &accounts_statements, &export_statements, &erasure_statements, &auctions_statements, &auction_document_statements, &changes_statements,
    &me_statements, &watchlist_statements, &image_owner_statements, &image_sweep_statements,
    &verification_statements, &recovery_statements, &refresh_statements, &unsubscribe_statements,
    &audit_statements, &refusals_statements, &creation_statements, &credentials_statements, &sessions_statements, &admin_statements, &admin_auctions_statements, &admin_users_statements, &admin_bids_statements, &deadletters_statements, &refunds_statements, &stats_statements,
    &items_statements, &auction_watch_statements, &sale_watch_statements, &positions_statements, &own_view_statements,
    &webhooks_statements, &webhook_deliveries_statements, &sale_family_statements, &orders_statements,
    &products_statements, &sales_statements, &sale_changes_statements, &payments_statements, &position_statements,
    NULL,
    /* clang-format on */
};

struct pg_statement *statement_registry_gather(size_t *count)
{
    *count = 0;
    for (size_t i = 0; all[i] != NULL; i++) {
        all[i]->first = *count;
        *count += all[i]->count;
    }
    struct pg_statement *table = calloc(*count + 1, sizeof(*table));
    if (table == NULL) {
        return NULL;
    }
    for (size_t i = 0; all[i] != NULL; i++) {
        const struct statements *part = all[i];
        memcpy(table + part->first, part->list, part->count * sizeof(*table));
    }
    return table;
}
