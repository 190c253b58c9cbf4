/*
 * See routes.h.
 */
#include "gateway/routes.h"

#include <assert.h>
#include <string.h>

#include "gateway/access/session.h"
#include "gateway/access/sessions.h"
#include "gateway/account/erasure.h"
#include "gateway/account/export.h"
#include "gateway/account/forms.h"
#include "gateway/account/refresh.h"
#include "gateway/account/unsubscribe.h"
#include "gateway/account/webhook_deliveries.h"
#include "gateway/admin/admin_auctions.h"
#include "gateway/admin/admin_users.h"
#include "gateway/admin/refunds.h"
#include "gateway/auction/items.h"
#include "gateway/auction/me.h"
#include "gateway/auction/quote.h"
#include "gateway/image/image_read.h"
#include "gateway/live/commands.h"
#include "gateway/live/eventstream.h"
#include "gateway/openapi.h"

void routes_list(struct routes_contexts *contexts, struct router_table tables[static ROUTES_TABLES_MAX])
{
    const struct router_table all[] = {
        {health_routes, &contexts->health},
        {openapi_routes, NULL},
        {session_routes, NULL},
        {sessions_routes, NULL},
        {accounts_routes, &contexts->accounts},
        {refresh_routes, NULL},
        {export_routes, contexts->pg},
        {erasure_routes, &contexts->accounts},
        {verification_routes, contexts->verification},
        {recovery_routes, &contexts->recovery},
        {unsubscribe_routes, contexts->pg},
        {forms_routes, NULL},
        {webhooks_routes, &contexts->webhooks},
        {webhook_deliveries_routes, contexts->pg},
        {bids_routes, &contexts->bids},
        {sale_commands_routes, &contexts->sale_commands},
        {orders_routes, &contexts->orders},
        {places_routes, &contexts->places},
        {ledger_routes, &contexts->ledger},
        {leaderboard_routes, &contexts->leaderboard},
        {auctions_routes, &contexts->auctions},
        {changes_routes, &contexts->changes},
        {quote_routes, NULL},
        {me_routes, contexts->pg},
        {watchlist_routes, &contexts->watchlist},
        {items_routes, &contexts->items},
        {listing_routes, &contexts->listing},
        {images_routes, contexts->images},
        {image_read_routes, images_reading(contexts->images)},
        {products_routes, &contexts->products},
        {sales_routes, &contexts->sales},
        {payments_routes, &contexts->payments},
        {sale_changes_routes, &contexts->sale_changes},
        {commands_routes, &contexts->live},
        {eventstream_routes, &contexts->live},
        {admin_routes, &contexts->admin},
        {refunds_routes, contexts->pg},
        {admin_users_routes, contexts->pg},
        {admin_auctions_routes, contexts->pg},
        {admin_bids_routes, &contexts->admin_bids},
        {deadletters_routes, &contexts->deadletters},
        {stats_routes, &contexts->stats},
        {NULL, NULL},
    };
    static_assert(ARRAY_LEN(all) <= ROUTES_TABLES_MAX, "more modules than ROUTES_TABLES_MAX");
    memcpy(tables, all, sizeof(all));
}
