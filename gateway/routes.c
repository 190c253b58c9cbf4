/*
 * See routes.h.
 */
#include "gateway/routes.h"

#include "gateway/accounts.h"
#include "gateway/admin.h"
#include "gateway/admin_auctions.h"
#include "gateway/auctions.h"
#include "gateway/bids.h"
#include "gateway/changes.h"
#include "gateway/commands.h"
#include "gateway/deadletters.h"
#include "gateway/eventstream.h"
#include "gateway/forms.h"
#include "gateway/health.h"
#include "gateway/images.h"
#include "gateway/items.h"
#include "gateway/leaderboard.h"
#include "gateway/ledger.h"
#include "gateway/listing.h"
#include "gateway/me.h"
#include "gateway/openapi.h"
#include "gateway/quote.h"
#include "gateway/recovery.h"
#include "gateway/session.h"
#include "gateway/sessions.h"
#include "gateway/unsubscribe.h"
#include "gateway/verification.h"
#include "gateway/watchlist.h"
#include "gateway/webhook_deliveries.h"
#include "gateway/webhooks.h"

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
