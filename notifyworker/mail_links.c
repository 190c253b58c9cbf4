/*
 * See mail_links.h.
 */
#include "notifyworker/mail_links.h"

#include <stdio.h>

void mail_link_write(const struct config *config, enum mail_link link, const struct mail_link_ids *ids,
                     char out[static MAIL_LINK_SIZE])
{
    bool pages = config_has_pages(config);
    const struct {
        const char *page;
        const char *page_id;
        const char *plain;
        const char *plain_id;
    } links[MAIL_LINKS] = {
        [MAIL_LINK_AUCTION] = {"/auctions/", ids->auction, "/api/v1/auctions/", ids->auction},
        [MAIL_LINK_SALE] = {"/sales/", ids->sale, "/api/v1/flash-sales/", ids->sale},
        [MAIL_LINK_ORDER] = {"/sales/", ids->sale, "/api/v1/orders/", ids->order},
        [MAIL_LINK_VERIFY] = {"/verify#token=", ids->token, "/verify-email#", ids->token},
        [MAIL_LINK_RESET] = {"/reset#token=", ids->token, "/reset-password#", ids->token},
    };
    const char *path = pages ? links[link].page : links[link].plain;
    const char *id = pages ? links[link].page_id : links[link].plain_id;
    int length = id == NULL ? 0 : snprintf(out, MAIL_LINK_SIZE, "%s%s%s", config->public_url, path, id);
    if (length <= 0 || length >= MAIL_LINK_SIZE) {
        out[0] = '\0';
    }
}
