-- Watchlists, and the notifications that users read in the app.

-- No foreign key to auctions, and no counter there: both would lock the auction's row, which the bid worker needs.
CREATE TABLE watchlist (
    user_id    uuid NOT NULL REFERENCES users (id),
    auction_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL,
    PRIMARY KEY (user_id, auction_id)
);
CREATE INDEX watchlist_by_auction ON watchlist (auction_id);
CREATE INDEX watchlist_by_time ON watchlist (user_id, created_at DESC, auction_id DESC);

-- One row for each auction that was ever watched. notified_*: the last notification of all its watchers about new bids.
CREATE TABLE watch_counts (
    auction_id    uuid PRIMARY KEY,
    watchers      integer NOT NULL CHECK (watchers >= 0),
    notified_bids integer NOT NULL,               -- bid_count of the auction at that time
    notified_at   timestamptz(3),
    open          boolean NOT NULL DEFAULT true   -- false once the auction is over: no further notifications
);
CREATE INDEX watch_counts_open ON watch_counts (auction_id) WHERE open;

-- Auctions whose "ending soon" was announced, with the end time that it was announced for.
CREATE TABLE ending_soon (
    auction_id uuid PRIMARY KEY,
    end_time   timestamptz(3) NOT NULL
);

-- The id begins with the event's time and is a hash of event, user and kind: a redelivered event makes the same id.
CREATE TABLE notifications (
    user_id    uuid NOT NULL,
    id         uuid NOT NULL,
    kind       text NOT NULL,
    auction_id uuid,                              -- NULL: about a webhook (WEBHOOK_OFF)
    amount     numeric(12, 2),
    end_time   timestamptz(3),
    created_at timestamptz(3) NOT NULL,
    read_at    timestamptz(3),
    shown      boolean NOT NULL DEFAULT true,     -- false: only for email or webhooks, not shown in the app
    PRIMARY KEY (user_id, id)
);
