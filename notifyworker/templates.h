/*
 * Mail templates: two files for each kind. outbid.txt starts with a line "Subject: …" and an empty line; outbid.html is
 * the HTML. {{name}} is replaced by a value. The names are fixed, so that an unknown one is an error when the program
 * starts.
 *
 * Values come from users. Line breaks in them become blanks, and in HTML they are escaped.
 *
 * Caller: mail.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_TEMPLATES_H
#define ROSTRUM_NOTIFYWORKER_TEMPLATES_H

#include <stdio.h>

#include "common/base/base.h"

enum templates_value {
    TEMPLATES_NAME, /* of the user */
    TEMPLATES_SITE, /* name of the deployment */
    TEMPLATES_PUBLIC_URL,
    TEMPLATES_TITLE, /* of the auction, or name of the product */
    TEMPLATES_AUCTION_ID,
    TEMPLATES_SALE_ID,
    TEMPLATES_ORDER_ID,
    TEMPLATES_AMOUNT,
    TEMPLATES_LEDGER_HASH, /* of the newest ledger entry when the mail is made */
    TEMPLATES_END_TIME,    /* of a turn, reservation or auction; the start of a sale */
    TEMPLATES_CREATED_AT,  /* time of the event */
    TEMPLATES_TOKEN,
    TEMPLATES_HOURS, /* lifetime of the token */
    TEMPLATES_ADDRESS,
    TEMPLATES_AGENT,
    TEMPLATES_UNSUBSCRIBE, /* a link */
    TEMPLATES_AUCTION_URL, /* links of mail_links.h, in its order */
    TEMPLATES_SALE_URL,
    TEMPLATES_ORDER_URL,
    TEMPLATES_VERIFY_URL,
    TEMPLATES_RESET_URL,
    TEMPLATES_VALUES
};

enum templates_part { TEMPLATES_SUBJECT, TEMPLATES_TEXT, TEMPLATES_HTML, TEMPLATES_PARTS };

struct templates;

/*
 * Loads the templates of `kinds` (NULL-ended, "AUCTION_WON": auction-won.txt) from a folder. NULL: no memory, or a file
 * is missing or invalid (logged).
 */
MUST_CHECK struct templates *templates_load(const char *folder, const char *const *kinds);
void templates_free(struct templates *templates);

/*
 * Writes a part of the template of `kind` with these values; a NULL value is empty. False: the kind was not loaded. The
 * caller must check the error flag of `out`.
 */
MUST_CHECK bool templates_write(const struct templates *templates, const char *kind, enum templates_part part,
                                const char *const values[static TEMPLATES_VALUES], FILE *out);

#endif
