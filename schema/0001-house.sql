-- The tables of the deployment. Money is numeric(12,2); times are timestamptz(3), written by the programs (server time).
-- `rostrumctl migrate` applies each file once, in the order of its number, in a transaction of its own.

-- What one deployment may never change: the number of shards decides which queue an auction's bids go to.
CREATE TABLE topology (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    shards   integer NOT NULL CHECK (shards BETWEEN 1 AND 100)
);

-- Secrets made by the first migrate, hex. 'idempotency' keys the hash that turns user and idempotency key into a bid
-- id and must never change; 'pseudonym' keys bidders' public names; 'token' is the Ed25519 seed of access tokens.
CREATE TABLE deployment_keys (
    name   text PRIMARY KEY,
    secret text NOT NULL
);

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL UNIQUE,           -- lower case
    display_name  text NOT NULL,
    password_hash text NOT NULL,
    role          text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
    banned_at     timestamptz(3),
    created_at    timestamptz(3) NOT NULL
);

-- The few banned ones, so that a batch of bids finds them at no cost.
CREATE INDEX users_banned ON users (id) WHERE banned_at IS NOT NULL;

CREATE TABLE auctions (
    id                  uuid PRIMARY KEY,
    seller_id           uuid NOT NULL REFERENCES users (id),
    item_id             uuid,
    -- the terms
    title               text NOT NULL,
    description         text NOT NULL DEFAULT '',
    category            text NOT NULL DEFAULT '',
    currency            text NOT NULL DEFAULT 'USD' CHECK (currency = 'USD'),
    starting_price      numeric(12, 2) NOT NULL CHECK (starting_price > 0),
    reserve_price       numeric(12, 2) CHECK (reserve_price > 0),
    buy_now_price       numeric(12, 2) CHECK (buy_now_price > 0),
    increments          jsonb NOT NULL,           -- "ebay-us", or [{"from": 0, "increment": 1.00}, …]; see bid_increment
    bid_increment       numeric(12, 2),           -- set when the seller asked for one fixed increment
    snipe_window_s      integer NOT NULL CHECK (snipe_window_s >= 0),
    snipe_extension_s   integer NOT NULL CHECK (snipe_extension_s >= 0),
    snipe_max           integer CHECK (snipe_max >= 0), -- NULL: no cap
    start_time          timestamptz(3) NOT NULL,
    original_end_time   timestamptz(3) NOT NULL,
    terms_version       integer NOT NULL DEFAULT 1,
    -- the state, written by the bid worker under the row's lock (status also by settlement)
    status              text NOT NULL CHECK (status IN ('draft', 'scheduled', 'active', 'ended', 'sold', 'unsold', 'cancelled')),
    end_time            timestamptz(3) NOT NULL,
    extensions_used     integer NOT NULL DEFAULT 0,
    current_bid         numeric(12, 2),           -- the price; NULL before the first bid
    minimum_bid         numeric(12, 2) NOT NULL,  -- rule 1, ready to read
    bid_count           integer NOT NULL DEFAULT 0,
    leader_id           uuid,
    leader_max          numeric(12, 2),           -- never shown to anyone but the leader before settlement
    leader_bid_id       uuid,                     -- the ledger entry (a bid or a raise) that holds the lead
    leader_by_proxy     boolean NOT NULL DEFAULT false, -- the lead is held by a hidden maximum
    runner_up_max       numeric(12, 2),           -- the best maximum of anyone else, m2 of rule 3
    ledger_seq          bigint NOT NULL DEFAULT 0, -- of the newest ledger row
    version             bigint NOT NULL DEFAULT 1, -- rises by one with each committed batch
    -- settlement
    winner_id           uuid,
    winning_bid_id      uuid,
    settled_at          timestamptz(3),
    created_at          timestamptz(3) NOT NULL,
    updated_at          timestamptz(3) NOT NULL,
    CHECK (original_end_time > start_time)
) WITH (fillfactor = 70);

-- None of these is on a column that an ordinary bid changes (current_bid, minimum_bid, updated_at, ...): then the bid's
-- UPDATE stays on its page and touches no index (HOT, hence the fillfactor), measured at 1.1 instead of 7.3 WAL records
-- and half the time. Lists by price sort what is open.
CREATE INDEX auctions_by_end      ON auctions (status, end_time, id);
CREATE INDEX auctions_by_creation ON auctions (status, created_at DESC, id DESC);
CREATE INDEX auctions_by_seller   ON auctions (seller_id, created_at DESC, id DESC);
-- One open auction per item at any time.
CREATE UNIQUE INDEX auctions_open_item ON auctions (item_id) WHERE status IN ('draft', 'scheduled', 'active', 'ended');
CREATE INDEX auctions_due_start   ON auctions (start_time) WHERE status = 'scheduled';
CREATE INDEX auctions_unsettled   ON auctions (id) WHERE status = 'ended'; -- few, and for a moment

-- The ledger: every command that was decided, once, in the order of deciding. Append only.
--   kind      bid, proxy, auto (a proxy's automatic answer), withdraw, start, end
--   status    accepted, outbid, rejected; a raise (rule 5) is 'accepted' with raise = true and is no public bid
--   amount    bid: what was bid. proxy: the price its placing led to (NULL when rejected). auto: the price.
--   max_amount proxy: the maximum asked for
CREATE TABLE bids (
    auction_id  uuid NOT NULL,
    seq         bigint NOT NULL,                  -- 1, 2, 3, … within the auction
    bid_id      uuid NOT NULL,
    bidder_id   uuid,                             -- NULL for start and end
    kind        text NOT NULL CHECK (kind IN ('bid', 'proxy', 'auto', 'withdraw', 'start', 'end')),
    status      text NOT NULL CHECK (status IN ('accepted', 'outbid', 'rejected')),
    reason      text CHECK ((reason IS NOT NULL) = (status = 'rejected')),
    raise       boolean NOT NULL DEFAULT false,
    amount      numeric(12, 2),
    max_amount  numeric(12, 2),
    received_at timestamptz(3) NOT NULL,
    decided_at  timestamptz(3) NOT NULL,
    PRIMARY KEY (auction_id, seq),
    UNIQUE (auction_id, bid_id)
);
CREATE INDEX bids_by_bidder ON bids (bidder_id, auction_id, seq DESC);

-- Events and dead letters on their way to the broker: written with what caused them, removed once confirmed.
CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange    text NOT NULL,
    routing_key text NOT NULL,
    body        text NOT NULL,
    reason      text,                             -- of a dead letter
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_by_age ON outbox (created_at);

-- Commands that were being decided alone, after too many redeliveries: who is found here too often is the poison.
CREATE TABLE suspects (
    auction_id uuid NOT NULL,
    bid_id     uuid NOT NULL,
    attempts   integer NOT NULL DEFAULT 1,
    PRIMARY KEY (auction_id, bid_id)
);

-- Auctions whose "ending soon" was announced for this endTime.
CREATE TABLE ending_soon (
    auction_id uuid PRIMARY KEY,
    end_time   timestamptz(3) NOT NULL
);

-- The id begins with the event's time and is made from event, user and kind: a redelivery makes the same row again.
CREATE TABLE notifications (
    user_id    uuid NOT NULL,
    id         uuid NOT NULL,
    kind       text NOT NULL,
    auction_id uuid NOT NULL,
    amount     numeric(12, 2),
    end_time   timestamptz(3),
    created_at timestamptz(3) NOT NULL,
    read_at    timestamptz(3),
    PRIMARY KEY (user_id, id)
);
