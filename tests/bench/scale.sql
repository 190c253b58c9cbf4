-- The data of a deployment that has run for years. Read with psql by tests/integration/plans_test.py; :scale is its
-- share. 1 is 233,000 auctions, of which 128,000 are active and 100,000 watched. There are 9 million bids, 200,000 users,
-- 2 million notifications and 1 million entries of the audit log.
--
-- Some rows belong together in numbers that show what grows with them:
--   auction 1  200,000 * scale watchers
--   user 2     100,000 * scale bids on 1,000 * scale auctions, and 100,000 * scale notifications
--   user 3     sells 10,000 * scale auctions
--   user 4     100,000 * scale places and as many orders in 1,000 * scale flash sales
--   sale 1     50,000 * scale places that wait, with orders that are reserved or due a refund; as all sales it is settled
--
-- Ids begin with their time, as all ids of the programs. Two runs make the same rows, but for times.
\set ON_ERROR_STOP on
SET synchronous_commit = off;
SET jit = off;
SET maintenance_work_mem = '256MB';

SELECT ceil(200000 * :scale)::integer AS users, ceil(233000 * :scale)::integer AS auctions,
    ceil(128000 * :scale)::integer AS active, ceil(100000 * :scale)::integer AS watched,
    ceil(9000000 * :scale)::integer AS bids, ceil(2000000 * :scale)::integer AS notifications,
    ceil(1000000 * :scale)::integer AS entries, ceil(100000 * :scale)::integer AS much,
    greatest(ceil(1000 * :scale)::integer, 50) AS much_auctions, greatest(ceil(1000 * :scale)::integer, 500) AS sales \gset

-- Rows of a kind are a second apart; the last one is a second ago.
CREATE FUNCTION pg_temp.at(n bigint, most bigint) RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT date_trunc('second', now()) - (1 + most - n) * interval '1 second' $$;
CREATE FUNCTION pg_temp.id(kind integer, n bigint, at timestamptz) RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '8' || lpad(to_hex(kind), 3, '0') || '8'
        || lpad(to_hex(n), 15, '0'))::uuid $$;
CREATE FUNCTION pg_temp.user_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT ('018f0000-0000-8001-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.auction_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT ('018f0000-' || lpad(to_hex(n >> 16), 4, '0') || '-8002-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;

-- What triggers would write is written here, and they are slow for so many rows.
ALTER TABLE auctions DISABLE TRIGGER USER;
ALTER TABLE watchlist DISABLE TRIGGER USER;
ALTER TABLE notifications DISABLE TRIGGER USER;

INSERT INTO users (id, email, display_name, password_hash, created_at, verified_at)
SELECT pg_temp.user_id(n), 'user' || n || '@bench.invalid', 'User ' || n, '-', pg_temp.at(n, :users), now()
FROM generate_series(1, :users) n;

-- The first :active are active, then a tenth of the rest is scheduled, and the others are sold or unsold.
INSERT INTO auctions (id, seller_id, title, description, category, starting_price, increments, bid_increment,
    snipe_window_s, snipe_extension_s, start_time, original_end_time, end_time, status, current_bid, minimum_bid,
    bid_count, leader_id, winner_id, settled_at, ledger_seq, created_at, updated_at)
SELECT pg_temp.auction_id(n), pg_temp.user_id(CASE WHEN n % 23 = 0 THEN 3 ELSE 1 + n % :users END), 'Lot ' || n,
    repeat('A thing of lot ' || n || ' in good state. ', 6), 'category ' || n % 40, 1 + n % 1000,
    '[{"from": 0, "increment": 1.00}]', 1.00, 120, 120, now() - interval '30 days', ends, ends, status,
    CASE WHEN status <> 'scheduled' THEN 100 + n % 1000 END, 101 + n % 1000,
    CASE WHEN status <> 'scheduled' THEN :bids / :auctions ELSE 0 END,
    CASE WHEN status <> 'scheduled' THEN pg_temp.user_id(1 + n % :users) END,
    CASE WHEN status = 'sold' THEN pg_temp.user_id(1 + n % :users) END,
    CASE WHEN status IN ('sold', 'unsold') THEN ends END,
    CASE WHEN status <> 'scheduled' THEN :bids / :auctions ELSE 0 END, pg_temp.at(n, :auctions), now()
FROM generate_series(1, :auctions) n
CROSS JOIN LATERAL (SELECT CASE WHEN n <= :active THEN 'active' WHEN n % 10 = 0 THEN 'scheduled'
    WHEN n % 3 = 0 THEN 'unsold' ELSE 'sold' END AS status,
    now() + CASE WHEN n <= :active OR n % 10 = 0 THEN 1 + n % 1000 ELSE -24 * (1 + n % 20) END * interval '1 hour' AS ends
    OFFSET 0) drawn;
INSERT INTO auction_prices SELECT id, status, category, coalesce(current_bid, starting_price) FROM auctions;

-- In the order of time, in which the bids of an auction or a user lie far apart.
INSERT INTO bids (auction_id, seq, bid_id, bidder_id, kind, status, amount, received_at, decided_at)
SELECT auction_id, seq, pg_temp.id(3, row_number() OVER (ORDER BY at), at), bidder_id, 'bid', 'accepted', seq, at, at
FROM (SELECT pg_temp.auction_id(a) AS auction_id, s AS seq, pg_temp.user_id(4 + (a + s) % (:users - 3)) AS bidder_id,
        pg_temp.at(s * :auctions + a, :bids) AS at
    FROM generate_series(1, :auctions::bigint) a, generate_series(1, greatest((:bids - :much) / :auctions, 1)) s
    UNION ALL SELECT pg_temp.auction_id(1 + n % :much_auctions), 1000 + n / :much_auctions, pg_temp.user_id(2),
        pg_temp.at(n * (:bids / :much), :bids)
    FROM generate_series(0, :much::bigint - 1) n) made
ORDER BY at;

INSERT INTO watchlist (user_id, auction_id, created_at)
SELECT pg_temp.user_id(n), pg_temp.auction_id(1), pg_temp.at(n, :users) FROM generate_series(1, :users) n;
INSERT INTO watchlist (user_id, auction_id, created_at)
SELECT pg_temp.user_id(1 + n % :users), pg_temp.auction_id(n), pg_temp.at(n, :watched) FROM generate_series(2, :watched) n;
INSERT INTO watch_counts (auction_id, watchers, notified_bids, notified_end)
SELECT a.id, CASE WHEN a.id = pg_temp.auction_id(1) THEN :users ELSE 1 END, a.bid_count, a.end_time
FROM auctions a WHERE a.id <= pg_temp.auction_id(:watched);

INSERT INTO notifications (user_id, id, kind, auction_id, amount, created_at, read_at)
SELECT pg_temp.user_id(CASE WHEN n % 20 = 0 THEN 2 ELSE 1 + n % :users END), pg_temp.id(5, n, at), 'OUTBID',
    pg_temp.auction_id(1 + n % :auctions), 10, at, CASE WHEN n % 10 > 0 OR n % 20 = 0 THEN at END
FROM generate_series(1, :notifications) n CROSS JOIN LATERAL (SELECT pg_temp.at(n, :notifications) AS at OFFSET 0) drawn;

INSERT INTO audit_log (id, at, actor_id, action, subject, address, agent, request_id)
SELECT pg_temp.id(6, n, at), at, pg_temp.user_id(1 + n % 100), 'ACTION_' || n % 20,
    pg_temp.user_id(1 + n % :users)::text, '192.0.2.1', 'bench', 'bench-' || n
FROM generate_series(1, :entries) n CROSS JOIN LATERAL (SELECT pg_temp.at(n, :entries) AS at OFFSET 0) drawn;

-- Half of the places and orders of each sale are user 4's.
CREATE FUNCTION pg_temp.sale_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT ('018f0000-0000-8003-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
INSERT INTO products (id, name, base_price, created_by, created_at, updated_at)
SELECT pg_temp.sale_id(0), 'Thing', 1, pg_temp.user_id(1), now(), now();
INSERT INTO flash_sales (id, product_id, created_by, price, quantity, per_user_limit, join_time, start_time, end_time, turn_s,
    reservation_s, payment, status, ledger_seq, created_at, updated_at)
SELECT pg_temp.sale_id(n), pg_temp.sale_id(0), pg_temp.user_id(1), 1, 1000000, 1000000, at, at, at + interval '1 hour', 120, 300,
    'none', 'settled', 2 * :much / :sales, at, now()
FROM generate_series(1, :sales) n CROSS JOIN LATERAL (SELECT pg_temp.at(n, :sales) AS at OFFSET 0) made;
INSERT INTO queue_entries (sale_id, seq, id, user_id, wanted, status, joined_at)
SELECT pg_temp.sale_id(1 + n % :sales), 1 + n / :sales, pg_temp.id(7, n, at),
    pg_temp.user_id(CASE WHEN (n / :sales) % 2 = 0 THEN 4 ELSE 5 + n % (:users - 5) END), 1, 'left', at
FROM generate_series(0, 2 * :much - 1) n CROSS JOIN LATERAL (SELECT pg_temp.at(n, 2 * :much) AS at OFFSET 0) made;
INSERT INTO queue_entries (sale_id, seq, id, user_id, wanted, status, joined_at)
SELECT pg_temp.sale_id(1), 1000000 + n, pg_temp.id(7, 1000000 + n, now()), pg_temp.user_id(4 + n), 1, 'waiting', now()
FROM generate_series(1, :much / 2) n;
INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, expires_at, created_at, updated_at)
SELECT pg_temp.id(8, row_number() OVER (ORDER BY joined_at), joined_at), sale_id, seq, user_id, 1, 1,
    CASE WHEN status = 'left' THEN 'confirmed' WHEN seq % 2 = 0 THEN 'reserved' ELSE 'refund_due' END, joined_at, joined_at,
    joined_at
FROM queue_entries;

ALTER TABLE auctions ENABLE TRIGGER USER;
ALTER TABLE watchlist ENABLE TRIGGER USER;
ALTER TABLE notifications ENABLE TRIGGER USER;
VACUUM (ANALYZE) users, auctions, auction_prices, bids, watchlist, watch_counts, notifications, audit_log, flash_sales,
    queue_entries, orders;
