-- Every change to a published auction is a command in its queue with a ledger row of its own; drafts are not published.

--   kind      further: buy (at the buy-now price), update, cancel (by the seller), extend, close (ended at once), abort
--             (cancelled, bids or not); the last three by an admin. bidder_id is who asked.
--   amount    buy: the price, NULL when rejected
--   end_time  extend: the end asked for
ALTER TABLE bids DROP CONSTRAINT bids_kind_check;
ALTER TABLE bids ADD CONSTRAINT bids_kind_check CHECK (kind IN
    ('bid', 'proxy', 'auto', 'withdraw', 'start', 'end', 'buy', 'update', 'cancel', 'extend', 'close', 'abort'));
ALTER TABLE bids ADD COLUMN end_time timestamptz(3);

-- When a draft was published; NULL for what was published as it was made.
ALTER TABLE auctions ADD COLUMN published_at timestamptz(3);

-- Terms that are not an auction's present ones. A seller's new terms are put here before the update command that names
-- them (id = the command's) is published; a queue's message stays small. With the first update that is accepted the
-- terms that the auction was published with are put here too (id = auction_id), so that the ledger can be replayed.
-- Append only. A row without a ledger entry is of a command that the broker never took.
CREATE TABLE terms (
    auction_id        uuid NOT NULL,
    id                uuid NOT NULL,
    title             text NOT NULL,
    description       text NOT NULL,
    category          text NOT NULL,
    starting_price    numeric(12, 2) NOT NULL CHECK (starting_price > 0),
    reserve_price     numeric(12, 2) CHECK (reserve_price > 0),
    buy_now_price     numeric(12, 2) CHECK (buy_now_price > 0),
    increments        jsonb NOT NULL,
    bid_increment     numeric(12, 2),
    snipe_window_s    integer NOT NULL CHECK (snipe_window_s >= 0),
    snipe_extension_s integer NOT NULL CHECK (snipe_extension_s >= 0),
    snipe_max         integer CHECK (snipe_max >= 0),
    start_time        timestamptz(3) NOT NULL,
    end_time          timestamptz(3) NOT NULL,
    created_at        timestamptz(3) NOT NULL,
    PRIMARY KEY (auction_id, id),
    CHECK (end_time > start_time)
);
