/*
 * The links of a mail: to the pages if the gateway serves them (setting web_root), else to the API and its plain forms.
 * A token is the fragment of its link: browsers send no fragment, so it is in no log and no Referer.
 *
 * Caller: mail.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_MAIL_LINKS_H
#define ROSTRUM_NOTIFYWORKER_MAIL_LINKS_H

#include "common/service/config.h"

enum mail_link {
    MAIL_LINK_AUCTION,
    MAIL_LINK_SALE,
    MAIL_LINK_ORDER, /* the page of its sale shows it */
    MAIL_LINK_VERIFY,
    MAIL_LINK_RESET,
    MAIL_LINKS
};

enum { MAIL_LINK_SIZE = CONFIG_TEXT_SIZE + 128 };

/* What links are about; NULL: the mail is about none. */
struct mail_link_ids {
    const char *auction;
    const char *sale;
    const char *order;
    const char *token;
};

/* Writes the link; "" if its id is NULL. */
void mail_link_write(const struct config *config, enum mail_link link, const struct mail_link_ids *ids,
                     char out[static MAIL_LINK_SIZE]);

#endif
