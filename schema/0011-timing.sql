-- The times on which the end of an auction depends, and the clocks of the programs. From here on bids.decided_at and
-- auctions.settled_at have the database's time.

-- The fence of an auction is published fence_grace_ms after its end. Until then a gateway may answer 202 to bids in
-- time, at most confirm_deadline_ms after their receipt. `rostrumctl migrate` records both settings. A gateway or end
-- worker whose settings contradict the record does not run (docs/auction-end.md).
ALTER TABLE topology
    ADD COLUMN fence_grace_ms      integer,        -- NULL only until `rostrumctl migrate` has recorded it
    ADD COLUMN confirm_deadline_ms integer,
    ADD COLUMN timing_since        timestamptz(3), -- when these values were recorded, by the database's clock
    ADD CONSTRAINT topology_timing CHECK (fence_grace_ms > confirm_deadline_ms);

-- What gateways and end workers last measured. If all of them differ from the database alike, its clock is wrong. The
-- rows may be lost at any time, so they need no WAL.
CREATE UNLOGGED TABLE program_clocks (
    program     text PRIMARY KEY,        -- name and random id of the process
    offset_ms   bigint NOT NULL,         -- its clock minus the database's
    measured_at timestamptz(3) NOT NULL  -- by the database's clock
);

-- A new kind of command: reopen, by an operator after an outage (`rostrumctl auctions extend`). Its row has the new end
-- in end_time, as that of an extension.
ALTER TABLE bids DROP CONSTRAINT bids_kind_check, ADD CONSTRAINT bids_kind_check CHECK (kind IN
    ('bid', 'proxy', 'auto', 'withdraw', 'start', 'end', 'buy', 'update', 'cancel', 'extend', 'reopen', 'close', 'abort',
     'void', 'retract'));
