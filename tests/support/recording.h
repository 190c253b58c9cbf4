/*
 * Reads recorded auctions from a CSV file with the columns auction_id, item, duration_days, opening_bid, closing_price,
 * seconds_from_start, bidder, max_bid. Each line is a bid; the bids of an auction are together, in their order. Money
 * is in minor units.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_RECORDING_H
#define ROSTRUM_TESTS_SUPPORT_RECORDING_H

#include "common/base/base.h"

enum {
    RECORDING_NAME_SIZE = 40,
    RECORDING_BIDS_MAX = 20000,   /* lines of one file */
    RECORDING_LOTS_MAX = 2000,    /* auctions of one file */
    RECORDING_BIDDERS_MAX = 8000, /* different bidders of one file */
    RECORDING_ITEMS_MAX = 16,     /* different items of one file */
};

struct recording_bid {
    int bidder; /* index into recording.bidders */
    int64_t maximum;
};

struct recording_lot {
    char name[RECORDING_NAME_SIZE]; /* auction_id of the file */
    int item;                       /* index into recording.items */
    int64_t opening;
    int64_t closing;
    int first; /* index into recording.bids */
    int count;
};

struct recording {
    int bid_count;
    int lot_count;
    int bidder_count;
    int item_count;
    struct recording_bid bids[RECORDING_BIDS_MAX];
    struct recording_lot lots[RECORDING_LOTS_MAX];
    char bidders[RECORDING_BIDDERS_MAX][RECORDING_NAME_SIZE];
    char items[RECORDING_ITEMS_MAX][RECORDING_NAME_SIZE];
};

/* Returns NULL, after printing the error, if the file cannot be read or has another format. */
MUST_CHECK struct recording *recording_read(const char *path);
void recording_free(struct recording *recording);

#endif
