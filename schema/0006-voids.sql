-- A bid that counted can be voided: by an admin, or taken back by its bidder. The bids that remain are replayed in
-- order, and what they count as from then on is kept beside what was decided, which never changes.

--   kind      further: void (by an admin), retract (by the bid's bidder); bidder_id is who asked
--   voids     void, retract: the bid_id that it is about
ALTER TABLE bids DROP CONSTRAINT bids_kind_check;
ALTER TABLE bids ADD CONSTRAINT bids_kind_check CHECK (kind IN
    ('bid', 'proxy', 'auto', 'withdraw', 'start', 'end', 'buy', 'update', 'cancel', 'extend', 'close', 'abort',
     'void', 'retract'));
ALTER TABLE bids ADD COLUMN voids uuid CHECK (voids IS NULL OR kind IN ('void', 'retract'));

--   counts    false: voided, or an automatic answer that nothing calls for any more
--   now_*     what the entry counts as since a bid was voided; NULL: as it was decided
ALTER TABLE bids ADD COLUMN counts boolean NOT NULL DEFAULT true;
ALTER TABLE bids ADD COLUMN now_status text CHECK (now_status IN ('accepted', 'outbid'));
ALTER TABLE bids ADD COLUMN now_raise boolean;
ALTER TABLE bids ADD COLUMN now_amount numeric(12, 2);
ALTER TABLE bids ADD COLUMN now_bidder_id uuid; -- of an automatic answer
