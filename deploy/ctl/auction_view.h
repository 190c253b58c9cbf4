/*
 * What `rostrumctl watch` knows of an auction: read from PostgreSQL, always whole, so that nothing that was missed
 * matters. What is public, and no more: no maximum, and of people their pseudonyms.
 */
#ifndef ROSTRUM_DEPLOY_CTL_AUCTION_VIEW_H
#define ROSTRUM_DEPLOY_CTL_AUCTION_VIEW_H

#include "common/base/ids.h"
#include "common/protocol/pseudonym.h"
#include "common/rules/rules.h"
#include "deploy/ctl/ctl.h"

enum {
    AUCTION_VIEW_TITLE_SIZE = 1024 + 1, /* 255 characters of UTF-8 */
    AUCTION_VIEW_WORD_SIZE = 16,        /* a currency */
    AUCTION_VIEW_BIDS_MAX = 240,        /* newest ones: a wide terminal's sparkline */
};

struct auction_view_bid {
    char bidder[PSEUDONYM_SIZE];
    int64_t amount; /* minor units */
    int64_t at_ms;
    bool automatic; /* a proxy's answer */
    bool accepted;  /* it made the price; else it was outbid at once */
};

struct auction_view {
    char title[AUCTION_VIEW_TITLE_SIZE]; /* without control characters: strangers write titles, and terminals obey them
                                          */
    char currency[AUCTION_VIEW_WORD_SIZE];
    enum rules_status status;
    int64_t starting_price; /* minor units */
    bool has_reserve;
    bool reserve_met;
    int64_t price; /* 0: no bid yet */
    int64_t minimum_bid;
    int64_t bid_count;
    int64_t start_ms;
    int64_t end_ms;
    int64_t extensions;
    int64_t version;
    bool settled;                                        /* or cancelled: nothing more will happen */
    char leader[PSEUDONYM_SIZE];                         /* "": none */
    struct auction_view_bid bids[AUCTION_VIEW_BIDS_MAX]; /* newest first */
    size_t bids_known;
    int64_t ahead_ms; /* the server's clock before ours, when this was read */
};

enum auction_view_outcome { AUCTION_VIEW_READ, AUCTION_VIEW_NONE, AUCTION_VIEW_LOST };

/* The key of pseudonyms; false, and said, if it cannot be read. */
MUST_CHECK bool auction_view_key(struct ctl *ctl, uint8_t key[static PSEUDONYM_KEY_BYTES]);
/*
 * Reads the auction. AUCTION_VIEW_NONE: there is none of this id. AUCTION_VIEW_LOST: PostgreSQL does not answer
 * (nothing is said); the next call connects anew. `scene` then is as it was.
 */
MUST_CHECK enum auction_view_outcome auction_view_read(struct ctl *ctl, const struct uuid *id,
                                                       const uint8_t key[static PSEUDONYM_KEY_BYTES],
                                                       struct auction_view *view);
/* Server time now. */
int64_t auction_view_now_ms(const struct auction_view *view);

#endif
