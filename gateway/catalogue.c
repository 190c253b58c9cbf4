/*
 * See catalogue.h.
 */
#include "gateway/catalogue.h"

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
#include "gateway/house.h"
#include "gateway/image_sweep.h"
#include "gateway/images.h"
#include "gateway/items.h"
#include "gateway/leaderboard.h"
#include "gateway/ledger.h"
#include "gateway/me.h"
#include "gateway/recovery.h"
#include "gateway/snapshots.h"
#include "gateway/unsubscribe.h"
#include "gateway/verification.h"
#include "gateway/watch.h"
#include "gateway/watchlist.h"
#include "gateway/webhook_deliveries.h"
#include "gateway/webhooks.h"

static struct statements *const all[] = {
    /* clang-format off */
    &house_statements, &snapshots_statements, &ledger_statements, &leaderboard_statements,
    &accounts_statements, &auctions_statements, &documents_statements, &changes_statements,
    &me_statements, &watchlist_statements, &images_statements, &image_sweep_statements,
    &verification_statements, &recovery_statements, &unsubscribe_statements,
    &audit_statements, &bans_statements, &admin_statements, &admin_auctions_statements, &deadletters_statements,
    &items_statements, &watch_statements,
    &webhooks_statements, &webhook_deliveries_statements,
    NULL,
    /* clang-format on */
};

struct pg_statement *catalogue_gather(size_t *count)
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
