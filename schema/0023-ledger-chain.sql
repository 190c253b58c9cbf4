-- Hashes that chain the ledger entries of each auction: an entry that is changed, removed or inserted afterwards shows.

-- Entries from before this migration have none, nor have those of a bid worker of the version before that still runs.
-- The next entry of an auction continues from its newest hash (docs/ledger.md).
-- Auctions first: bid workers, which may run meanwhile, lock the tables in this order.
ALTER TABLE auctions
    ADD COLUMN ledger_hash     bytea,             -- of the newest entry that has one
    ADD COLUMN ledger_hash_seq bigint;            -- its number; unlike ledger_seq if the newest entries have none

ALTER TABLE bids
    ADD COLUMN hash_version smallint,             -- of what is hashed, and how: common/protocol/ledger_hash.h
    ADD COLUMN hash         bytea;                -- SHA-256 over the columns as decided and the hash before

SELECT program_may('bidworker', 'INSERT', 'bids', 'hash_version hash');
SELECT program_may('bidworker', 'UPDATE', 'auctions', 'ledger_hash ledger_hash_seq');

-- `rostrumctl receipt` reads the public key of receipts, not the secret one.
UPDATE program_rows SET condition = $$name IN ('pseudonym', 'receipt_public')$$
    WHERE object = 'deployment_keys' AND program = 'ctl';
