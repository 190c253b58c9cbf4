-- The deployment itself: its number of shards and its secrets.
--
-- Rules for every file of this folder: money is numeric(12, 2). Times are timestamptz(3), written by the programs from
-- their own clock. `rostrumctl migrate` applies each file once, in the order of the numbers, in one transaction each.
-- A released file never changes: a change to the schema is a new file (docs/migrations.md).

-- One row. The number of shards decides which queue an auction's commands go to, so it never changes.
CREATE TABLE topology (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    shards   integer NOT NULL CHECK (shards BETWEEN 1 AND 100)
);

-- Secrets, in hex, made by `rostrumctl migrate`.
--   idempotency  hashes a user and an idempotency key into a bid id; it must never change
--   pseudonym    hashes bidders into their public names
--   receipt      signs bid receipts
--   token        the first Ed25519 seed of access tokens (see token_keys)
--   unsubscribe  signs the links in mail that stop further mail
--   place        hashes the addresses and browsers in login_places
CREATE TABLE deployment_keys (
    name   text PRIMARY KEY,
    secret text NOT NULL
);

-- Ed25519 seeds of access tokens, in hex. Every key verifies. The newest key signs once all gateways have read it.
CREATE TABLE token_keys (
    secret     text PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
