/*
 * See routes.h.
 */
#include "gateway/routes.h"

#include "gateway/access/session.h"
#include "gateway/access/sessions.h"
#include "gateway/account/accounts.h"
#include "gateway/account/forms.h"
#include "gateway/account/recovery.h"
#include "gateway/account/unsubscribe.h"
#include "gateway/account/verification.h"
#include "gateway/account/webhook_deliveries.h"
#include "gateway/account/webhooks.h"
#include "gateway/admin/admin.h"
#include "gateway/admin/admin_auctions.h"
#include "gateway/admin/deadletters.h"
#include "gateway/auction/auctions.h"
#include "gateway/auction/changes.h"
#include "gateway/auction/items.h"
#include "gateway/auction/me.h"
#include "gateway/auction/quote.h"
#include "gateway/auction/watchlist.h"
#include "gateway/bid/bids.h"
#include "gateway/bid/leaderboard.h"
#include "gateway/bid/ledger.h"
#include "gateway/health.h"
#include "gateway/image/images.h"
#include "gateway/live/commands.h"
#include "gateway/live/eventstream.h"
#include "gateway/openapi.h"
#include "gateway/search/listing.h"

const struct route *const routes_all[] = {
    /* clang-format off */
    health_routes, openapi_routes, session_routes, bids_routes, ledger_routes, leaderboard_routes,
    accounts_routes, sessions_routes, auctions_routes, changes_routes, quote_routes, listing_routes,
    me_routes, watchlist_routes, images_routes,
    items_routes, commands_routes, eventstream_routes,
    verification_routes, recovery_routes, unsubscribe_routes, forms_routes,
    admin_routes, admin_auctions_routes, deadletters_routes,
    webhooks_routes, webhook_deliveries_routes,
    NULL,
    /* clang-format on */
};
