-- The audit log: every call of an admin, every change with its old and new value, every login and every refusal.

-- Append only by privilege: the role of the programs may insert and read, nothing else.
CREATE TABLE audit_log (
    id         uuid PRIMARY KEY,                  -- begins with the time
    at         timestamptz(3) NOT NULL,
    actor_id   uuid,                              -- NULL: not logged in
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

-- Also stops the table's owner and superusers, who are not limited by privileges.
CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse();

-- The owner of a table can grant itself every right on it. So the table goes to the role rostrum_audit, in which nobody
-- can log in, and we then give up our membership in that role. From here on not even `migrate` can change the log.
--
-- Who makes the database (deploy/private, or a database administrator) also makes that role, and grants it to us WITH
-- ADMIN OPTION. Without the role the table stays ours, and only our other rights on it are given up.
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
