-- Notifications to the watchers of an auction that has many. They are written a page at a time, in the order of the users.
-- So no transaction and no answer to a program grows with the number of watchers.

-- at: of the event. seed: what the ids of the notifications are a hash of, beside kind, auction and user.
CREATE TABLE watch_fanouts (
    auction_id  uuid NOT NULL,
    kind        text NOT NULL CHECK (kind IN
                ('WATCHED_BID', 'AUCTION_EXTENDED', 'AUCTION_CANCELLED', 'AUCTION_ENDING_SOON')),
    at          timestamptz(3) NOT NULL,
    amount      numeric(12, 2),
    end_time    timestamptz(3),
    seed        text NOT NULL,
    spared      uuid,                             -- a user who is not notified: the leader, or the seller
    not_bidders boolean NOT NULL,                 -- bidders are not notified: another notification is theirs
    after_user  uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- users up to this one are done
    PRIMARY KEY (auction_id, kind, at)
);
SELECT program_may('notifyworker', 'SELECT INSERT DELETE', 'watch_fanouts');
SELECT program_may('notifyworker', 'UPDATE', 'watch_fanouts', 'after_user');
SELECT program_may('ctl', 'SELECT', 'watch_fanouts');

-- The order of the pages.
CREATE INDEX watchlist_by_auction_and_user ON watchlist (auction_id, user_id);
DROP INDEX watchlist_by_auction;
