-- What a seller has to sell, apart from any auction of it. An auction may name one (auctions.item_id); the index
-- auctions_open_item sees to it that only one open auction does. An item_id that is in no row here is the seller's own
-- name for a thing that the house does not keep.
CREATE TABLE items (
    id          uuid PRIMARY KEY,
    seller_id   uuid NOT NULL REFERENCES users (id),
    title       text NOT NULL,
    description text NOT NULL,
    category    text NOT NULL,
    created_at  timestamptz(3) NOT NULL
);
CREATE INDEX items_by_seller ON items (seller_id, created_at DESC, id DESC);
