-- Hashes that chain the entries of the audit log: one that is changed, removed or inserted afterwards shows (docs/audit.md).

-- The leading end worker seals new entries each second: it adds a link for each (audit_seal). The chain has an order of
-- its own, that of sealing, because transactions commit in another order than that of the ids. It is a table of its own,
-- because audit_log may belong to another role.
CREATE TABLE audit_chain (
    number    bigint PRIMARY KEY,                 -- 1, 2, 3, …
    entry     uuid NOT NULL UNIQUE,               -- audit_log.id
    version   smallint NOT NULL,                  -- of what is hashed, and how: common/protocol/audit_hash.h
    sealed_at timestamptz(3) NOT NULL,            -- one for all links of a statement, later than those before
    seen_xid  xid8 NOT NULL,                      -- later than all transactions that had begun to write at sealed_at
    -- Entries with a smaller id were sealed by now, or never will be. Honest programs write none any more.
    floor     uuid NOT NULL,
    hash      bytea NOT NULL                      -- SHA-256 over the entry, the columns above and the hash before
);

-- The archives of `rostrumctl audit archive`, which took all links up to `number`. The chain continues after the newest.
CREATE TABLE audit_archives (
    number      bigint PRIMARY KEY,               -- of the last link in the file; this and the next three are its columns
    sealed_at   timestamptz(3) NOT NULL,
    floor       uuid NOT NULL,
    hash        bytea NOT NULL,
    entries     bigint NOT NULL,                  -- in the file
    file_hash   bytea NOT NULL,                   -- SHA-256 of the file
    archived_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    archived_in xid8 NOT NULL DEFAULT pg_current_xact_id() -- this transaction may delete entries and links
);

-- --- rows that stay as they are, also for their owner ---

-- Deletes are allowed in a transaction that wrote an archive. A function, because audit_log_refuse may belong to another
-- role until `rostrumctl rights postgres` was applied; `rostrumctl audit archive` then calls it.
CREATE FUNCTION audit_log_guard() RETURNS void LANGUAGE sql AS $guard$
    CREATE OR REPLACE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'DELETE' OR TG_TABLE_NAME = 'audit_archives' OR NOT EXISTS
            (SELECT FROM audit_archives WHERE archived_in = pg_current_xact_id_if_assigned())
        THEN
            RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NULL;
    END
    $$
$guard$;

DO $$
BEGIN
    IF pg_has_role((SELECT proowner FROM pg_proc WHERE oid = 'audit_log_refuse'::regproc), 'USAGE') THEN
        PERFORM audit_log_guard();
    END IF;
END
$$;

CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse();
CREATE TRIGGER audit_archives_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_archives
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse();

-- As program_rights_wrong, for these triggers.
CREATE FUNCTION audit_guard_wrong() RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT format('%s has no trigger that keeps its rows', name)
    FROM unnest(ARRAY['audit_chain', 'audit_archives']) AS kept (name)
    WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = name::regclass AND t.tgname = name || '_append_only'
        AND t.tgfoid = 'audit_log_refuse'::regproc)
$$;

SELECT program_may('endworker', 'SELECT INSERT', 'audit_chain');
SELECT program_may('endworker', 'SELECT', t) FROM unnest(ARRAY['audit_log', 'audit_archives']) AS t;
SELECT program_may('ctl', 'SELECT', t) FROM unnest(ARRAY['audit_chain', 'audit_archives']) AS t;

-- --- the hash ---

-- A field: its length in bytes, a colon, its bytes and a comma; no value is "-,".
CREATE FUNCTION hash_field(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(octet_length(convert_to(value, 'UTF8')) || ':' || value || ',', '-,')
$$;

-- Milliseconds since 1970. No program writes an infinite time. But who has the password of one can, and such an entry must
-- not stop the sealer.
CREATE FUNCTION hash_time(at timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN isfinite(at) THEN (extract(epoch FROM at) * 1000)::bigint::text ELSE at::text END
$$;

-- The hash of an entry in a link of version 1. `previous`: of the link before; NULL: there is none.
CREATE FUNCTION audit_hash(previous bytea, link audit_chain, e audit_log) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(hash_field('rostrum audit 1') || hash_field(encode(previous, 'hex'))
        || hash_field(link.number::text) || hash_field(hash_time(link.sealed_at)) || hash_field(link.seen_xid::text)
        || hash_field(link.floor::text) || hash_field(e.id::text) || hash_field(hash_time(e.at))
        || hash_field(e.actor_id::text) || hash_field(e.action) || hash_field(e.subject)
        || hash_field(e.old_value::text) || hash_field(e.new_value::text) || hash_field(e.reason)
        || hash_field(e.address) || hash_field(e.agent) || hash_field(e.request_id), 'UTF8'))
$$;

-- --- the sealer ---

-- The smallest id of an hour before this time: ids begin with their milliseconds. The hour is for programs whose clocks
-- are behind, and for a program that has made an id and begins its transaction late.
CREATE FUNCTION audit_floor(at timestamptz) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT rpad(lpad(to_hex(((extract(epoch FROM at) - 3600) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- Seals up to `most` entries. Two callers cannot both seal: one of them gets NULL for `newest`, or else a duplicate key.
--
-- The floor may rise to the time at which an earlier link was sealed, once all transactions that ran then have ended. All
-- that they wrote is visible to this search, which began at a lower floor. So an entry that commits late is found.
--
--   known_number, known_hash   a link that the caller sealed before; 0: none. If it is another one now, `contradicts` is
--                              true and nothing is sealed.
--   newest, newest_hash        the newest link after this call; 0 and NULL: none
--   waiting_ms                 age of the oldest entry that is left for the next call; 0: none
CREATE FUNCTION audit_seal(most integer, known_number bigint, known_hash text, OUT sealed integer, OUT newest bigint,
        OUT newest_hash text, OUT waiting_ms bigint, OUT contradicts boolean)
    LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    POINTS_MOST constant bigint := 10000; -- links that are searched for a point to which the floor may rise
    last     record;
    snapshot pg_snapshot;
    due      uuid[];
    point    timestamptz;
    link     audit_chain;
    entry    audit_log;
BEGIN
    sealed := 0;
    waiting_ms := 0;
    contradicts := false;
    IF NOT pg_try_advisory_xact_lock(1383035713, 1) THEN -- "RosA"
        RETURN;
    END IF;
    SELECT n.* INTO last FROM (
        (SELECT number, hash, floor, sealed_at FROM audit_chain ORDER BY number DESC LIMIT 1)
        UNION ALL (SELECT number, hash, floor, sealed_at FROM audit_archives ORDER BY number DESC LIMIT 1)
        UNION ALL SELECT 0, NULL, '00000000-0000-0000-0000-000000000000', '-infinity'
    ) AS n ORDER BY n.number DESC LIMIT 1;
    newest := last.number;
    newest_hash := encode(last.hash, 'hex');
    contradicts := known_number > 0
        AND NOT EXISTS (SELECT FROM audit_chain c WHERE c.number = known_number AND encode(c.hash, 'hex') = known_hash)
        AND NOT EXISTS (SELECT FROM audit_archives a WHERE a.number > known_number
            OR (a.number = known_number AND encode(a.hash, 'hex') = known_hash));
    IF contradicts THEN
        RETURN;
    END IF;
    snapshot := pg_current_snapshot(); -- before the search, which sees all that this snapshot sees
    link.sealed_at := greatest(clock_timestamp(), last.sealed_at + interval '1 millisecond');
    link.seen_xid := pg_snapshot_xmax(snapshot);
    SELECT array_agg(id ORDER BY id) INTO due FROM (SELECT l.id FROM audit_log l WHERE l.id >= last.floor
        AND NOT EXISTS (SELECT FROM audit_chain c WHERE c.entry = l.id AND c.entry >= last.floor)
        ORDER BY l.id LIMIT most) AS unsealed;
    sealed := coalesce(cardinality(due), 0);
    IF sealed = 0 THEN
        RETURN;
    END IF;
    SELECT c.sealed_at INTO point FROM audit_chain c
        WHERE c.number > last.number - POINTS_MOST AND c.seen_xid <= pg_snapshot_xmin(snapshot)
        ORDER BY c.number DESC LIMIT 1;
    link.floor := CASE WHEN point IS NULL THEN last.floor
        ELSE greatest(last.floor, least(due[sealed], audit_floor(point))) END;
    link.number := last.number;
    link.hash := last.hash;
    link.version := 1;
    FOR entry IN SELECT l.* FROM audit_log l WHERE l.id = ANY (due) ORDER BY l.id LOOP
        link.number := link.number + 1;
        link.entry := entry.id;
        link.hash := audit_hash(link.hash, link, entry);
        INSERT INTO audit_chain SELECT link.*;
    END LOOP;
    newest := link.number;
    newest_hash := encode(link.hash, 'hex');
    IF sealed = most THEN
        SELECT greatest((extract(epoch FROM clock_timestamp() - l.at) * 1000)::bigint, 1) INTO waiting_ms
            FROM audit_log l WHERE l.id > due[sealed]
            AND NOT EXISTS (SELECT FROM audit_chain c WHERE c.entry = l.id AND c.entry > due[sealed])
            ORDER BY l.id LIMIT 1;
        waiting_ms := coalesce(waiting_ms, 0);
    END IF;
END
$$;
