-- The ledger: every command that was decided, once, in the order of deciding.

-- Rows are appended and never removed. Every change to a published auction is a command with a row of its own.
--
--   kind        bid, proxy (a maximum), auto (the automatic answer of a standing maximum), withdraw (of a maximum),
--               buy (at the buy-now price), start, end, update and cancel (by the seller), extend, close and abort (by
--               an admin), void (a bid, by an admin), retract (a bid, by its bidder)
--   status      accepted, outbid, rejected. A raise (rule 5) is accepted, has raise = true and is no public bid.
--   amount      bid: as asked. proxy: the price that it led to, or its maximum if outbid; NULL when rejected.
--               auto, buy: the price; NULL when rejected
--   max_amount  proxy: the maximum asked for
--   end_time    extend: the end asked for
--   voids       void, retract: bid_id of the bid
--
-- A bid that was valid can be voided. The remaining bids are then replayed in their order (common/rules/voids.h). The
-- columns above keep what was decided and never change. The columns below say what the entry counts as since then.
--
--   effective   false: voided, or an automatic answer that nothing calls for any more
--   effective_* the value since a void; NULL: as decided
CREATE TABLE bids (
    auction_id          uuid NOT NULL,
    seq                 bigint NOT NULL,          -- 1, 2, 3, … within the auction
    bid_id              uuid NOT NULL,
    bidder_id           uuid,                     -- who asked for it; NULL for start and end
    kind                text NOT NULL CHECK (kind IN
        ('bid', 'proxy', 'auto', 'withdraw', 'start', 'end', 'buy', 'update', 'cancel', 'extend', 'close', 'abort',
         'void', 'retract')),
    status              text NOT NULL CHECK (status IN ('accepted', 'outbid', 'rejected')),
    reason              text CHECK ((reason IS NOT NULL) = (status = 'rejected')),
    raise               boolean NOT NULL DEFAULT false,
    amount              numeric(12, 2),
    max_amount          numeric(12, 2),
    end_time            timestamptz(3),
    voids               uuid CHECK (voids IS NULL OR kind IN ('void', 'retract')),
    received_at         timestamptz(3) NOT NULL,
    decided_at          timestamptz(3) NOT NULL,
    effective           boolean NOT NULL DEFAULT true,
    effective_status    text CHECK (effective_status IN ('accepted', 'outbid')),
    effective_raise     boolean,
    effective_amount    numeric(12, 2),
    effective_bidder_id uuid,                     -- of an automatic answer
    PRIMARY KEY (auction_id, seq),
    UNIQUE (auction_id, bid_id)
);
CREATE INDEX bids_by_bidder ON bids (bidder_id, auction_id, seq DESC);

-- The entries that everybody may see, each with its present values. This is the only place in SQL that says which
-- entries these are; the same in C is common/rules/ledger_entry.h, and public_bids_test holds the two together.
--
--   amount      rule 9: a maximum that was beaten at once is spent and public; else the price that the entry led to
--   in_history  false for a raise: it made a price and counts for the leaderboard, but the history leaves it out
--   automatic   the deployment made the bid, up to a maximum
--
-- A plain SELECT without aggregates or limits: PostgreSQL inlines it, so that queries use the indexes of bids.
CREATE VIEW public_bids AS
SELECT auction_id,
    seq,
    bid_id,
    coalesce(effective_bidder_id, bidder_id) AS bidder_id,
    kind,
    coalesce(effective_status, status) AS status,
    CASE WHEN kind = 'proxy' AND coalesce(effective_status, status) = 'outbid' THEN max_amount
        ELSE coalesce(effective_amount, amount) END AS amount,
    NOT coalesce(effective_raise, raise) AS in_history,
    kind IN ('proxy', 'auto') AS automatic,
    decided_at
FROM bids
WHERE kind IN ('bid', 'proxy', 'auto', 'buy') AND status IN ('accepted', 'outbid') AND effective
    AND coalesce(effective_amount, amount) IS NOT NULL;

-- Commands that the bid worker decided alone after too many redeliveries. A command with too many attempts is rejected,
-- because it may be what ends the worker.
CREATE TABLE suspects (
    auction_id uuid NOT NULL,
    bid_id     uuid NOT NULL,
    attempts   integer NOT NULL DEFAULT 1,
    PRIMARY KEY (auction_id, bid_id)
);
