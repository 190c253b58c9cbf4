-- Revocation: an epoch of each user, and the sessions. A session or access token is valid only while the user has the
-- epoch with which it began. Redis holds copies of both, which it may lose.

-- Grows with the time, so that no epoch returns after a restore of older rows.
ALTER TABLE users ADD COLUMN epoch bigint NOT NULL DEFAULT 1;

CREATE FUNCTION user_epoch_after(former bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT greatest(former + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
$$;

-- A new password, another role, a ban and its end raise the epoch, also by SQL alone. Role and ban thus follow
-- from user and epoch.
CREATE FUNCTION users_raise_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.epoch := user_epoch_after(OLD.epoch);
    RETURN NEW;
END $$;
CREATE TRIGGER users_raise_epoch BEFORE UPDATE ON users FOR EACH ROW
    WHEN (OLD.password_hash <> NEW.password_hash OR OLD.role <> NEW.role OR OLD.banned_at IS DISTINCT FROM NEW.banned_at)
    EXECUTE FUNCTION users_raise_epoch();

-- The id is the hash of the session's token. It is not secret: it cannot authenticate.
CREATE TABLE sessions (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES users (id),
    epoch         bigint NOT NULL,                -- of the user
    sessions_from timestamptz(3) NOT NULL,        -- as in data_timeline; a session with another value has ended
    created_at    timestamptz(3) NOT NULL,
    expires_at    timestamptz(3) NOT NULL,
    address       text NOT NULL,                  -- of the client, for the owner's list
    agent         text NOT NULL                   -- likewise
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at DESC, id DESC);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- A raised epoch ends all sessions, except one that the same statement has carried over to the new epoch.
CREATE FUNCTION users_end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM sessions WHERE user_id = NEW.id AND epoch <> NEW.epoch;
    RETURN NULL;
END $$;
CREATE TRIGGER users_end_sessions AFTER UPDATE ON users FOR EACH ROW
    WHEN (OLD.epoch <> NEW.epoch) EXECUTE FUNCTION users_end_sessions();
