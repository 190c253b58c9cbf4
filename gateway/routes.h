/*
 * The table of all routes, each module's with its context: what its handlers use. A new resource file is added in
 * routes.c. If it needs more than the PostgreSQL pool, it declares a context, which components.c fills.
 *
 * Caller: components.c.
 */
#ifndef ROSTRUM_GATEWAY_ROUTES_H
#define ROSTRUM_GATEWAY_ROUTES_H

#include "gateway/account/accounts.h"
#include "gateway/account/recovery.h"
#include "gateway/account/verification.h"
#include "gateway/account/webhooks.h"
#include "gateway/admin/admin.h"
#include "gateway/admin/admin_bids.h"
#include "gateway/admin/deadletters.h"
#include "gateway/admin/stats.h"
#include "gateway/auction/auctions.h"
#include "gateway/auction/changes.h"
#include "gateway/auction/items.h"
#include "gateway/auction/watchlist.h"
#include "gateway/bid/bids.h"
#include "gateway/bid/leaderboard.h"
#include "gateway/bid/ledger.h"
#include "gateway/health.h"
#include "gateway/http/router.h"
#include "gateway/image/images.h"
#include "gateway/live/live.h"
#include "gateway/sale/orders.h"
#include "gateway/sale/payments.h"
#include "gateway/sale/places.h"
#include "gateway/sale/products.h"
#include "gateway/sale/sale_changes.h"
#include "gateway/sale/sale_commands.h"
#include "gateway/sale/sales.h"
#include "gateway/search/listing.h"

enum { ROUTES_TABLES_MAX = 48 };

struct routes_contexts {
    struct pg *pg; /* for modules that use nothing else */
    struct verification *verification;
    struct images *images;
    struct accounts_context accounts;
    struct recovery_context recovery;
    struct webhooks_context webhooks;
    struct command_requests bids;
    struct sale_commands_context sale_commands;
    struct orders_context orders;
    struct places_context places;
    struct ledger_context ledger;
    struct leaderboard_context leaderboard;
    struct auctions_context auctions;
    struct items_context items;
    struct changes_context changes;
    struct products_context products;
    struct sales_context sales;
    struct sale_changes_context sale_changes;
    struct watchlist_context watchlist;
    struct listing_context listing;
    struct live_context live;
    struct admin_context admin;
    struct admin_bids_context admin_bids;
    struct deadletters_context deadletters;
    struct stats_context stats;
    struct payments_context payments;
    struct health_context health;
};

/* Fills the tables for router_new. `contexts` must outlive the router. */
void routes_list(struct routes_contexts *contexts, struct router_table tables[static ROUTES_TABLES_MAX]);

#endif
