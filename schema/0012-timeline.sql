-- The timeline of the data: which of several states of the database the programs see.
--
-- A backup brings older rows back, and so may a promoted standby. Redis then still holds what was derived from newer
-- rows. So every key in Redis that is derived from rows contains an epoch. Programs read it on each new connection
-- (common/protocol/epoch.h).

-- One row. `rostrumctl restored` changes the epoch. `rostrumctl migrate` does the same if it finds the row on another
-- server, timeline or table than it was written on: then the rows were restored.
CREATE TABLE data_timeline (
    only_row          boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch             bigint NOT NULL,         -- random, so that no epoch ever returns
    sessions_from     timestamptz(3) NOT NULL, -- sessions and access tokens that began earlier have ended
    system_identifier bigint NOT NULL,         -- of the server
    timeline          integer NOT NULL,        -- of the server; a promotion or a recovery begins another
    table_id          oid NOT NULL             -- of this table; pg_restore makes another one
);

-- What data_timeline must say if the rows were not restored.
CREATE VIEW data_server AS
    SELECT s.system_identifier,
           CASE WHEN pg_is_in_recovery() THEN (SELECT c.timeline_id FROM pg_control_checkpoint() c)
                ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END AS timeline
    FROM pg_control_system() s;

-- The epoch as keys contain it. It changes by itself with the server, its timeline and the table, before anybody runs
-- rostrumctl.
CREATE VIEW data_epoch AS
    SELECT hashtextextended(concat_ws(' ', t.epoch, s.system_identifier, s.timeline, t.tableoid), 0) AS epoch,
           t.sessions_from
    FROM data_timeline t, data_server s;

INSERT INTO data_timeline (epoch, sessions_from, system_identifier, timeline, table_id)
    SELECT ('x' || left(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint, 'epoch', s.system_identifier,
           s.timeline, 'data_timeline'::regclass
    FROM data_server s;
