-- What sellers have to sell, apart from any auction of it. An auction may name one of its seller's items; the index
-- auctions_open_item sees to it that only one open auction does. An item never changes, so nothing has to be locked.
CREATE TABLE items (
    id          uuid PRIMARY KEY,
    owner_id    uuid NOT NULL REFERENCES users (id),
    title       text NOT NULL,
    description text NOT NULL DEFAULT '',
    created_at  timestamptz(3) NOT NULL
);
CREATE INDEX items_by_owner ON items (owner_id, created_at DESC, id DESC);

-- Until now an item's id was any that a seller made up: each becomes an item of whoever sold it last.
INSERT INTO items (id, owner_id, title, created_at)
SELECT DISTINCT ON (item_id) item_id, seller_id, title, created_at
FROM auctions
WHERE item_id IS NOT NULL
ORDER BY item_id, created_at DESC, id DESC;

ALTER TABLE auctions ADD FOREIGN KEY (item_id) REFERENCES items (id);
