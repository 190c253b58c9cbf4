-- Generates many auctions. Read by tests/bench/search-run with psql; :auctions is their number.
-- Words are drawn from 20,000 invented ones and some real ones, with frequencies as in natural language. The commonest is
-- in about a fifth of all auctions, the median one in a few hundred. Every draw is a hash of a number, so that two runs
-- generate the same data.
\set ON_ERROR_STOP on
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';

-- 0 to 1, the same for the same text.
CREATE FUNCTION pg_temp.draw(text) RETURNS double precision LANGUAGE sql IMMUTABLE AS
    $$ SELECT (hashtextextended($1, 7) & 4294967295)::double precision / 4294967296 $$;

CREATE TEMP TABLE word AS
SELECT n, string_agg(substr('badegokulamenipotasivu', 1 + 2 * floor(11 * pg_temp.draw(n || '/' || i))::integer, 2)
    || substr('lrnstkm', 1 + floor(7 * pg_temp.draw(i || '.' || n))::integer, 1), '') || chr(97 + n % 26) AS word
FROM generate_series(0, 19999) n, generate_series(1, 2 + n % 2) i GROUP BY n;
UPDATE word SET word = real.word
FROM unnest(ARRAY['vintage', 'camera', 'watch', 'silver', 'wooden', 'table', 'guitar', 'bicycle', 'painting',
    'leather', 'telescope', 'typewriter', 'porcelain', 'accordion', 'lantern', 'compass', 'barometer',
    'gramophone']) WITH ORDINALITY AS real (word, i)
WHERE n = 3 * i * i; -- from common to rare

-- Pieces of four words, of which texts are put together.
CREATE TEMP TABLE piece AS
SELECT p AS n, string_agg(w.word, ' ' ORDER BY i) AS text
FROM generate_series(0, 49999) p CROSS JOIN generate_series(1, 4) i
JOIN word w ON w.n = floor(20000 * pg_temp.draw(p || ':' || i) ^ 2)::integer
GROUP BY p;
CREATE UNIQUE INDEX ON piece (n) INCLUDE (text);
VACUUM (ANALYZE) piece;
CREATE FUNCTION pg_temp.piece(auction integer, place integer) RETURNS text LANGUAGE plpgsql STABLE AS
    $$ BEGIN
        RETURN (SELECT text FROM piece WHERE n = floor(50000 * pg_temp.draw(auction || '/' || place))::integer);
    END $$;

INSERT INTO users (id, email, display_name, password_hash, created_at)
SELECT ('018f0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'seller' || n || '@bench.invalid',
    'Seller ' || n, '-', now()
FROM generate_series(1, 5000) n;

-- Indexes are made after the rows, as anyone does who loads a million of them; so is what triggers would write.
CREATE TEMP TABLE index_made AS
SELECT i.indexname, i.indexdef FROM pg_indexes i
WHERE i.schemaname = 'public' AND i.tablename IN ('auctions', 'auction_prices')
AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = i.indexname);
SELECT format('DROP INDEX %I', indexname) FROM index_made \gexec
ALTER TABLE auctions DISABLE TRIGGER USER;

INSERT INTO auctions (id, seller_id, title, description, category, starting_price, increments, bid_increment,
    snipe_window_s, snipe_extension_s, start_time, original_end_time, end_time, status, current_bid, minimum_bid,
    bid_count, created_at, updated_at)
SELECT (lpad(to_hex(1700000000000 + 1000 * a), 12, '0') || '7000' || substr(md5(a::text), 1, 16))::uuid,
    ('018f0000-0000-7000-8000-' || lpad(to_hex(1 + a % 5000), 12, '0'))::uuid,
    pg_temp.piece(a, 0),
    concat_ws(' ', pg_temp.piece(a, 1), pg_temp.piece(a, 2), pg_temp.piece(a, 3), pg_temp.piece(a, 4),
        pg_temp.piece(a, 5)),
    'category ' || floor(40 * pg_temp.draw(a || 'c') ^ 2), price, '[{"from": 0, "increment": 1.00}]', 1.00,
    120, 120, CASE WHEN a % 20 = 8 THEN ends - interval '30 minutes' ELSE now() - interval '1 day' END, ends, ends,
    CASE WHEN a % 20 < 8 THEN 'active' WHEN a % 20 = 8 THEN 'scheduled' WHEN a % 20 < 16 THEN 'sold' ELSE 'unsold' END,
    CASE WHEN a % 20 < 16 AND a % 20 <> 8 AND a % 5 < 3 THEN price * 2 END, price, a % 9,
    to_timestamp(1700000000 + a), to_timestamp(1700000000 + a)
FROM generate_series(1, :auctions) a
CROSS JOIN LATERAL (SELECT round(exp(7 * pg_temp.draw(a || 'p'))::numeric, 2) AS price,
    now() + (1 + 400 * pg_temp.draw(a || 'e')) * interval '1 hour' AS ends OFFSET 0) drawn;

ALTER TABLE auctions ENABLE TRIGGER USER;
INSERT INTO auction_prices SELECT id, status, category, coalesce(current_bid, starting_price) FROM auctions;
INSERT INTO search_words SELECT DISTINCT word FROM word WHERE char_length(word) BETWEEN 3 AND 40 ON CONFLICT DO NOTHING;
SELECT indexdef FROM index_made \gexec
VACUUM (ANALYZE) auctions, auction_prices, search_words;
