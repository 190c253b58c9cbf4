/*
 * Templates of mails: two files for each kind, outbid.txt (its first line "Subject: …", then an empty line, then the
 * text) and outbid.html. {{name}} stands for a value; what names there are is fixed, so that a mistake is found when
 * the program starts and not in somebody's mail.
 *
 * Values come from users. None can begin a line of its own, and in HTML none can be anything but text.
 *
 * Caller: mail.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_TEMPLATES_H
#define ROSTRUM_NOTIFYWORKER_TEMPLATES_H

#include <stdio.h>

#include "common/base/base.h"

enum templates_value {
    TEMPLATES_NAME, /* of the user */
    TEMPLATES_SITE, /* of us */
    TEMPLATES_PUBLIC_URL,
    TEMPLATES_TITLE, /* of the auction, as the following */
    TEMPLATES_AUCTION_ID,
    TEMPLATES_AMOUNT,
    TEMPLATES_END_TIME,
    TEMPLATES_CREATED_AT, /* when it happened */
    TEMPLATES_TOKEN,
    TEMPLATES_HOURS, /* that the token holds */
    TEMPLATES_ADDRESS,
    TEMPLATES_AGENT,
    TEMPLATES_UNSUBSCRIBE, /* a link */
    TEMPLATES_VALUES
};

enum templates_part { TEMPLATES_SUBJECT, TEMPLATES_TEXT, TEMPLATES_HTML, TEMPLATES_PARTS };

struct templates;

/* Reads those of `kinds` (NULL-ended, "AUCTION_WON": auction-won.txt) from a folder. NULL: one is missing or wrong
 * (logged), or no memory. */
MUST_CHECK struct templates *templates_load(const char *folder, const char *const *kinds);
void templates_free(struct templates *templates);

/*
 * Writes a part of the template of `kind` with these values; a NULL value is empty. False for a kind that was not
 * loaded. Whether `out` took it, its own error flag tells.
 */
MUST_CHECK bool templates_write(const struct templates *templates, const char *kind, enum templates_part part,
                                const char *const values[static TEMPLATES_VALUES], FILE *out);

#endif
