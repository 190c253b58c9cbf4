-- Idempotency keys of creations: auctions, items, images and webhooks. A row never holds a body or a secret.

CREATE TABLE idempotency_keys (
    user_id     uuid NOT NULL, -- without a foreign key: a reservation waits for no lock of the user
    key_hash    uuid NOT NULL, -- of the key's text
    resource_id uuid NOT NULL, -- of the row that the request makes: a keyed hash of the whole request
    reservation uuid NOT NULL, -- of the request that holds the key, or has bound it
    held_until  timestamptz NOT NULL, -- a reservation that is not settled by then has lost its worker
    status      smallint,      -- of the answer. NULL: under way. 503: the row may exist
    made_at     timestamptz NOT NULL DEFAULT now(), -- after 24 hours the row is removed
    PRIMARY KEY (user_id, key_hash)
);

CREATE INDEX idempotency_keys_made_at ON idempotency_keys (made_at);

SELECT program_may('gateway', 'SELECT INSERT UPDATE DELETE', 'idempotency_keys');
SELECT program_may('notifyworker', 'SELECT DELETE', 'idempotency_keys');
