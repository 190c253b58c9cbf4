-- The newest place and the orders of a user in one sale, of users with many in others.
CREATE INDEX queue_entries_of_user ON queue_entries (user_id, sale_id, seq);
CREATE INDEX orders_of_user ON orders (user_id, sale_id, created_at DESC, id DESC);
