-- Erasure of an account: what names its user goes, and what the ledger and the audit log need stays under an opaque id.

-- erased_at: the account was erased; it stays banned, so that nothing may bid in its name.
-- erasing: rows of it may be left; the notification worker deletes them (erase_rows).
ALTER TABLE users
    ADD COLUMN erased_at timestamptz(3),
    ADD COLUMN erasing   boolean NOT NULL DEFAULT false;
CREATE INDEX users_erasing ON users (id) WHERE erasing; -- few rows, each for a moment

-- Deletes up to `most` rows of each table that nobody else needs. Returns whether rows may be left.
CREATE FUNCTION erase_rows(who uuid, most integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    deleted integer;
    left_over boolean := false;
BEGIN
    WITH gone AS (DELETE FROM watchlist WHERE (user_id, auction_id) IN
            (SELECT user_id, auction_id FROM watchlist WHERE user_id = who LIMIT most) RETURNING auction_id),
        counted AS (UPDATE watch_counts c SET watchers = c.watchers - 1 FROM gone WHERE c.auction_id = gone.auction_id)
    SELECT count(*) INTO deleted FROM gone;
    left_over := left_over OR deleted = most;
    DELETE FROM notifications WHERE (user_id, id) IN
        (SELECT user_id, id FROM notifications WHERE user_id = who LIMIT most);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    left_over := left_over OR deleted = most;
    DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE user_id = who LIMIT most);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN left_over OR deleted = most;
END $$;

-- Erases the account, unless others depend on it now. The row of the user stays, because auctions and ledger name its
-- id. The ban and the new password raise its epoch, which ends all sessions. All
-- kinds of notifications are muted, so that no later event writes one.
CREATE FUNCTION erase_user(who uuid, old_hash text, at timestamptz, most integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    held users;
BEGIN
    PERFORM FROM users WHERE role = 'admin' AND banned_at IS NULL ORDER BY id FOR UPDATE;
    SELECT * INTO held FROM users WHERE id = who FOR UPDATE;
    PERFORM FROM auctions WHERE seller_id = who AND status = 'draft' FOR UPDATE; -- one may be published at this moment
    IF held.id IS NULL OR held.erased_at IS NOT NULL OR held.password_hash <> old_hash THEN
        RETURN 'CHANGED';
    ELSIF held.role = 'admin' AND NOT EXISTS (SELECT FROM users WHERE role = 'admin' AND banned_at IS NULL AND id <> who)
    THEN
        RETURN 'LAST_ADMIN';
    ELSIF EXISTS (SELECT FROM auctions WHERE seller_id = who AND status IN ('scheduled', 'active', 'ended'))
        OR EXISTS (SELECT FROM bids b JOIN auctions a ON a.id = b.auction_id
            WHERE b.bidder_id = who AND a.leader_id = who AND a.status IN ('active', 'ended'))
    THEN
        RETURN 'IN_USE';
    END IF;
    DELETE FROM account_tokens WHERE user_id = who;
    DELETE FROM login_places WHERE user_id = who;
    DELETE FROM webhooks WHERE owner_id = who;
    DELETE FROM auctions WHERE seller_id = who AND status = 'draft';
    DELETE FROM items i WHERE i.owner_id = who
        AND NOT EXISTS (SELECT FROM auctions a WHERE a.seller_id = who AND a.item_id = i.id);
    UPDATE users SET email = 'erased-' || who || '@erased.invalid', display_name = 'Erased user', password_hash = '*',
        role = 'user', banned_at = at, verified_at = NULL, language = 'en', email_kinds = '{}',
        muted = '{OUTBID,PROXY_EXHAUSTED,WATCHED_BID,AUCTION_EXTENDED,AUCTION_ENDING_SOON,AUCTION_WON,AUCTION_LOST,AUCTION_SOLD,AUCTION_UNSOLD,AUCTION_CANCELLED,BID_VOIDED}',
        webhook_muted = '{}', erased_at = at, erasing = erase_rows(who, most) WHERE id = who;
    RETURN 'ERASED';
END $$;

-- A request that was admitted before an erasure may write after it. So rows of a user are added only while the account
-- exists: the lock waits for an erasure that is under way. Arguments of the trigger: the column with the user, and
-- whether the row is left out ('quietly') or refused with an error, for which statements.c answers 403.
CREATE FUNCTION account_must_exist() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erased timestamptz;
BEGIN
    SELECT erased_at INTO erased FROM users WHERE id = (to_jsonb(NEW) ->> TG_ARGV[0])::uuid FOR KEY SHARE;
    IF erased IS NULL THEN
        RETURN NEW;
    ELSIF TG_ARGV[1] = 'quietly' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the account was erased' USING ERRCODE = 'RO001';
END $$;
DO $$
DECLARE
    each record;
BEGIN
    FOR each IN SELECT * FROM (VALUES ('items', 'owner_id', 'aloud'), ('auctions', 'seller_id', 'aloud'),
        ('webhooks', 'created_by', 'aloud'), ('watchlist', 'user_id', 'aloud'), ('login_places', 'user_id', 'quietly'),
        ('account_tokens', 'user_id', 'quietly')) AS v (on_table, user_column, way) LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT ON %I FOR EACH ROW EXECUTE FUNCTION account_must_exist(%L, %L)',
            each.on_table || '_of_account', each.on_table, each.user_column, each.way);
    END LOOP;
END $$;
SELECT program_may('notifyworker', 'SELECT', 'users', 'erased_at');

SELECT program_may('gateway', 'UPDATE', 'users', 'email erased_at erasing');
SELECT program_may('gateway', 'DELETE', t) FROM unnest(ARRAY['login_places', 'items', 'notifications', 'deliveries']) AS t;
SELECT program_may('notifyworker', 'SELECT UPDATE', 'users', 'erasing');
SELECT program_may('notifyworker', 'DELETE', t) FROM unnest(ARRAY['watchlist', 'notifications']) AS t;
SELECT program_may('notifyworker', 'UPDATE', 'watch_counts', 'watchers');
