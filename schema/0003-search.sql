-- Search: full text with typos forgiven, and prices in an order of their own.
--
-- An auction's row is written by every batch of bids. While no indexed column changes, such a write stays within its
-- page and touches no index at all; one changed indexed column, and every index of the row gets an entry, the ones
-- over the text included. So the price, which every bid changes, is indexed beside the table and not on it.

-- All three are 'trusted': the owner of the database may create them. There is one of each in a database, so they stand
-- where every schema finds them, and are called by that name.
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
CREATE EXTENSION IF NOT EXISTS btree_gin SCHEMA public;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch SCHEMA public;

ALTER TABLE auctions ADD COLUMN search tsvector NOT NULL GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', category), 'B')
    || setweight(to_tsvector('english', description), 'C')) STORED;
CREATE INDEX auctions_search ON auctions USING gin (search, status);
CREATE INDEX auctions_by_category ON auctions (status, category, end_time, id);
-- Most auctions have no item, and do not belong into its index.
DROP INDEX auctions_open_item;
CREATE UNIQUE INDEX auctions_open_item ON auctions (item_id)
    WHERE item_id IS NOT NULL AND status IN ('draft', 'scheduled', 'active', 'ended');

-- --- prices ---

CREATE TABLE auction_prices (
    auction_id uuid PRIMARY KEY REFERENCES auctions (id) ON DELETE CASCADE,
    status     text NOT NULL,
    category   text NOT NULL,
    price      numeric(12, 2) NOT NULL -- the current bid, or the starting price
) WITH (fillfactor = 70);
CREATE INDEX auction_prices_by_price ON auction_prices (status, price, auction_id) INCLUDE (category);
CREATE INDEX auction_prices_by_category ON auction_prices (status, category, price, auction_id);

INSERT INTO auction_prices SELECT id, status, category, coalesce(current_bid, starting_price) FROM auctions;

CREATE FUNCTION auction_prices_add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO auction_prices SELECT id, status, category, coalesce(current_bid, starting_price) FROM written;
    RETURN NULL;
END $$;

CREATE FUNCTION auction_prices_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE auction_prices p
    SET status = w.status, category = w.category, price = coalesce(w.current_bid, w.starting_price)
    FROM written w
    WHERE p.auction_id = w.id
        AND (p.price <> coalesce(w.current_bid, w.starting_price) OR p.status <> w.status OR p.category <> w.category);
    RETURN NULL;
END $$;

-- For each statement, not for each row: a batch of bids pays once.
CREATE TRIGGER auction_prices_add AFTER INSERT ON auctions REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION auction_prices_add();
CREATE TRIGGER auction_prices_follow AFTER UPDATE ON auctions REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION auction_prices_follow();

-- --- the words that auctions are made of, for typos ---

CREATE TABLE search_words (word text PRIMARY KEY);
CREATE INDEX search_words_like ON search_words USING gin (word public.gin_trgm_ops);

-- In the order of the words: two sellers who bring the same new ones never wait for each other in a ring.
CREATE FUNCTION search_words_add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_words
    SELECT w.word
    FROM unnest(tsvector_to_array(
        to_tsvector('simple', NEW.title || ' ' || NEW.category || ' ' || NEW.description))) w (word)
    WHERE char_length(w.word) BETWEEN 3 AND 40 AND NOT EXISTS (SELECT FROM search_words s WHERE s.word = w.word)
    ORDER BY w.word
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER search_words_add AFTER INSERT ON auctions FOR EACH ROW EXECUTE FUNCTION search_words_add();
CREATE TRIGGER search_words_follow AFTER UPDATE OF title, category, description ON auctions FOR EACH ROW
    WHEN (OLD.title <> NEW.title OR OLD.category <> NEW.category OR OLD.description <> NEW.description)
    EXECUTE FUNCTION search_words_add();

INSERT INTO search_words
SELECT DISTINCT w.word
FROM auctions a, unnest(tsvector_to_array(
    to_tsvector('simple', a.title || ' ' || a.category || ' ' || a.description))) w (word)
WHERE char_length(w.word) BETWEEN 3 AND 40
ON CONFLICT DO NOTHING;
