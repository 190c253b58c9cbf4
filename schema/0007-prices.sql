-- Prices follow bids at a distance.
--
-- A batch that moved many auctions only notes which (auction_prices_owed); the end worker brings their prices into order
-- moments later, each once however often it moved meanwhile. What is not moved by bids (status, category, starting
-- price) is written at once, by a trigger for those rows alone.

DROP TRIGGER auction_prices_follow ON auctions;
DROP FUNCTION auction_prices_follow();

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

-- A row of a batch; removed by whoever follows it.
CREATE TABLE auction_prices_owed (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    auctions uuid[] NOT NULL
);
ALTER TABLE auction_prices_owed ALTER COLUMN auctions SET STORAGE EXTERNAL; -- ids do not compress

-- Pays for up to `most` batches, the oldest first; returns how many there were. It never waits for a row of prices: all
-- others write one while they hold its auction, so whoever waited here could close a ring. What is locked stays owed.
-- The prices are read by a statement that began after the locks were taken: what moves later is owed anew.
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
