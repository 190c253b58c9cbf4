/*
 * The routes of all resource files in one place; the router reads them once at start.
 */
#include "gateway/accounts.h"
#include "gateway/auctions.h"
#include "gateway/bids.h"
#include "gateway/health.h"
#include "gateway/images.h"
#include "gateway/ledger.h"
#include "gateway/listing.h"
#include "gateway/me.h"
#include "gateway/router.h"
#include "gateway/session.h"

const struct route *const routes_all[] = {
    health_routes,   session_routes, bids_routes, ledger_routes, accounts_routes,
    auctions_routes, listing_routes, me_routes,   images_routes, NULL,
};
