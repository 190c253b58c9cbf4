-- Watching, preferences, keys of access tokens, dead letters, and the audit log.

-- Who watches what. Neither the count nor a reference touches the auction's row, which is the bid worker's to lock;
-- told_* say up to which bid, and when, the watchers were told last.
CREATE TABLE watchlist (
    user_id    uuid NOT NULL REFERENCES users (id),
    auction_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL,
    PRIMARY KEY (user_id, auction_id)
);
CREATE INDEX watchlist_by_auction ON watchlist (auction_id);
CREATE INDEX watchlist_by_time ON watchlist (user_id, created_at DESC, auction_id DESC);

CREATE TABLE watch_counts (
    auction_id uuid PRIMARY KEY,
    watchers   integer NOT NULL CHECK (watchers >= 0),
    notified_bids  integer NOT NULL,                  -- bid_count of the auction then
    notified_at    timestamptz(3),
    open       boolean NOT NULL DEFAULT true      -- false once the auction is over: nobody is told any more
);
CREATE INDEX watch_counts_open ON watch_counts (auction_id) WHERE open;

-- Kinds of notifications that the user does not want.
ALTER TABLE users ADD COLUMN muted text[] NOT NULL DEFAULT '{}';
CREATE INDEX users_by_creation ON users (created_at DESC, id DESC);
-- Few; a ban looks at all of them, so that the last one stays.
CREATE INDEX users_admins ON users (id) WHERE role = 'admin';

CREATE INDEX auctions_by_age ON auctions (created_at DESC, id DESC);

-- Ed25519 seeds of access tokens, hex. The newest one signs once every gateway has had time to read it; all verify.
CREATE TABLE token_keys (
    secret     text PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO token_keys (secret) SELECT secret FROM deployment_keys WHERE name = 'token';

-- What was set aside, mirrored from queue dead_letters. The id is made from key, reason and body: the same letter again
-- is the same row.
CREATE TABLE dead_letters (
    id          uuid PRIMARY KEY,
    routing_key text NOT NULL,
    reason      text NOT NULL,
    body        bytea NOT NULL,
    created_at  timestamptz(3) NOT NULL,
    requeued_at timestamptz(3),
    times       integer NOT NULL DEFAULT 1        -- that it came
);
CREATE INDEX dead_letters_by_time ON dead_letters (created_at DESC, id DESC);

-- Who did what: every call of an admin, every change with its old and new value, every login and refusal. Append only,
-- by privilege: the role that the programs use may insert and read, and nothing else.
CREATE TABLE audit_log (
    id         uuid PRIMARY KEY,                  -- begins with the time
    at         timestamptz(3) NOT NULL,
    actor_id   uuid,                              -- NULL: nobody known
    action     text NOT NULL,
    subject    text NOT NULL DEFAULT '',          -- an id, or a hash of an address that has no account
    old_value  jsonb,
    new_value  jsonb,
    reason     text NOT NULL DEFAULT '',
    address    text NOT NULL,
    agent      text NOT NULL,
    request_id text NOT NULL
);
CREATE INDEX audit_log_by_actor ON audit_log (actor_id, id DESC);
CREATE INDEX audit_log_by_subject ON audit_log (subject, id DESC);
CREATE INDEX audit_log_by_action ON audit_log (action, id DESC);

-- Stops also those whom no privilege binds: an owner, a superuser.
CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse();

-- Who owns a table can give itself every right on it. So the table is given away to the role rostrum_audit, in which
-- nobody can log in, and our own membership in that role, which only this needs, is given up: from here on not even
-- `migrate` can change what was logged. The role is made, and granted WITH ADMIN OPTION, by who makes the database
-- (deploy/private, or a database administrator). Without it the rights are given up all the same, but the table stays
-- ours.
DO $$
DECLARE
    me    name := current_user;
    place name := current_schema();
    kept  boolean;
BEGIN
    kept := NOT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
                        WHERE r.rolname = 'rostrum_audit' AND u.rolname = me AND m.admin_option);
    IF kept THEN
        EXECUTE format('REVOKE ALL ON audit_log FROM %I', me);
        EXECUTE format('GRANT SELECT, INSERT ON audit_log TO %I', me);
        RETURN;
    END IF;
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO rostrum_audit', place);
    ALTER FUNCTION audit_log_refuse() OWNER TO rostrum_audit;
    ALTER TABLE audit_log OWNER TO rostrum_audit;
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM rostrum_audit', place);
    SET LOCAL ROLE rostrum_audit;
    EXECUTE format('GRANT SELECT, INSERT ON audit_log TO %I', me);
    RESET ROLE;
    EXECUTE format('REVOKE rostrum_audit FROM %I', me);
END
$$;
