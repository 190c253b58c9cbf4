-- Search: full text that forgives typos, and lists in the order of price.

-- The owner of a database may create these extensions, because all three are trusted. A database has each only once, so
-- they are in the schema `public`, and their functions and operator classes are called by that name.
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
CREATE EXTENSION IF NOT EXISTS btree_gin SCHEMA public;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch SCHEMA public;

CREATE INDEX auctions_search ON auctions USING gin (search, status);

-- --- prices ---

-- Every bid changes the price, so it is indexed here and not on auctions. One changed indexed column there would add an
-- entry to every index of the row, the full-text index included.
CREATE TABLE auction_prices (
    auction_id uuid PRIMARY KEY REFERENCES auctions (id) ON DELETE CASCADE,
    status     text NOT NULL,
    category   text NOT NULL,
    price      numeric(12, 2) NOT NULL -- the current bid, or the starting price before the first bid
) WITH (fillfactor = 70);
CREATE INDEX auction_prices_by_price ON auction_prices (status, price, auction_id) INCLUDE (category);
CREATE INDEX auction_prices_by_category ON auction_prices (status, category, price, auction_id);

-- Once for each statement.
CREATE FUNCTION auction_prices_add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO auction_prices SELECT id, status, category, coalesce(current_bid, starting_price) FROM written;
    RETURN NULL;
END $$;
CREATE TRIGGER auction_prices_add AFTER INSERT ON auctions REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION auction_prices_add();

-- Status, category and starting price are copied at once. Bids change none of them.
CREATE FUNCTION auction_prices_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE auction_prices
    SET status = NEW.status, category = NEW.category, price = coalesce(NEW.current_bid, NEW.starting_price)
    WHERE auction_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER auction_prices_write AFTER UPDATE ON auctions FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.category <> NEW.category OR OLD.starting_price <> NEW.starting_price)
    EXECUTE FUNCTION auction_prices_write();

-- A batch of bids that moved many auctions only records which they are, one row for each batch. The end worker updates
-- their prices moments later (auction_prices_pay), once for each auction, however often it moved.
CREATE TABLE auction_prices_owed (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    auctions uuid[] NOT NULL
);
ALTER TABLE auction_prices_owed ALTER COLUMN auctions SET STORAGE EXTERNAL; -- ids do not compress

-- Processes up to `most` recorded batches, the oldest first, and returns their number.
--
-- It never waits for a row of auction_prices: all others write that row while they hold its auction, so waiting here
-- could deadlock. Rows that are locked are recorded again. The last statement begins after the locks were taken and
-- reads the prices then. An auction that moves later is recorded by its own batch.
CREATE FUNCTION auction_prices_pay(most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    batches integer;
    moved   uuid[];
    held    uuid[];
BEGIN
    WITH paid AS (
        DELETE FROM auction_prices_owed
        WHERE id IN (SELECT id FROM auction_prices_owed ORDER BY id LIMIT most FOR UPDATE SKIP LOCKED)
        RETURNING auctions)
    SELECT (SELECT count(*) FROM paid), ARRAY(SELECT DISTINCT unnest(auctions) FROM paid) INTO batches, moved;

    held := ARRAY(SELECT auction_id FROM auction_prices WHERE auction_id = ANY (moved) FOR UPDATE SKIP LOCKED);
    INSERT INTO auction_prices_owed (auctions)
    SELECT busy.ids
    FROM (SELECT ARRAY(SELECT auction_id FROM auction_prices WHERE auction_id = ANY (moved)
                       EXCEPT SELECT unnest(held))) AS busy (ids)
    WHERE busy.ids <> '{}';

    UPDATE auction_prices p
    SET price = coalesce(a.current_bid, a.starting_price)
    FROM auctions a
    WHERE p.auction_id = ANY (held) AND a.id = p.auction_id AND p.price <> coalesce(a.current_bid, a.starting_price);
    RETURN batches;
END $$;

-- --- words ---

-- Every word of every auction. A searched word that is not here is a typo, and similar words of this table replace it.
CREATE TABLE search_words (word text PRIMARY KEY);
CREATE INDEX search_words_like ON search_words USING gin (word public.gin_trgm_ops);

-- Inserts in the order of the words: two sellers who add the same new words cannot deadlock.
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
