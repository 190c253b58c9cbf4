/*
 * Creates users, auctions and bids for tests over HTTP. A call that gets an unexpected answer prints it and returns
 * false.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_FACTORY_H
#define ROSTRUM_TESTS_SUPPORT_FACTORY_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "tests/support/client.h"

enum {
    FACTORY_TOKEN_SIZE = 1024,
    FACTORY_EMAIL_SIZE = 64,
    FACTORY_SESSION_SIZE = 128,
    FACTORY_DECISION_MS = 15000, /* a bid is decided within this time, also on a loaded machine */
};

#define FACTORY_PASSWORD "a long enough password"

struct factory_user {
    char id[UUID_TEXT_SIZE];
    char email[FACTORY_EMAIL_SIZE];     /* unique to this user */
    char token[FACTORY_TOKEN_SIZE];     /* access token */
    char session[FACTORY_SESSION_SIZE]; /* session token, as in the cookie */
};

/* Registers a user and logs in. Afterwards the client has no token. */
MUST_CHECK bool factory_user(struct client *client, struct factory_user *user, const char *display_name);

/* Logs in again: the user gets new tokens. Afterwards the client has no token. */
MUST_CHECK bool factory_log_in(struct client *client, struct factory_user *user);

struct factory_terms {
    const char *title;          /* NULL: "A chair" */
    const char *starting_price; /* NULL: 10.00 */
    const char *more;           /* further JSON members, `"reservePrice": 20.00, …`, or NULL */
    int64_t starts_in_ms;       /* 0: at once */
    int64_t lasts_ms;           /* from now; 0: an hour */
};

/* Creates an auction of `seller`, with its id in `id`. Without `more`, anti-snipe has the API's default. */
MUST_CHECK bool factory_auction(struct client *client, const struct factory_user *seller,
                                const struct factory_terms *terms, char id[static UUID_TEXT_SIZE]);

/* Places a bid or a proxy bid and waits for its decision (Prefer: wait). The reply is the decided bid. */
const struct reply *factory_bid(struct client *client, const struct factory_user *bidder, const char *auction,
                                const char *amount);
const struct reply *factory_proxy(struct client *client, const struct factory_user *bidder, const char *auction,
                                  const char *maximum);
/* GET /auctions/:id as user `who` (NULL: a guest). */
const struct reply *factory_get_auction(struct client *client, const struct factory_user *who, const char *auction);
/* Whether the auction has this status now. */
bool factory_has_status(struct client *client, const char *auction, const char *status);
/* Number of notifications of `who` of this kind and auction, among the newest 100; -1 on error. */
int factory_notifications(struct client *client, const struct factory_user *who, const char *auction, const char *kind);

#endif
