-- Webhooks: addresses that users, and the deployment itself, want events sent to.

--   owner_id    the nil id: the deployment's own, which admins manage; it is told of everybody's events
--   slot        1 to webhooks_max of its owner, so that two calls at once cannot make one too many
--   created_by  who is told when it is switched off
--   secret      what calls are signed with; old_secret signs beside it until old_until
--   off_reason  NULL: it is on. OWNER: its owner switched it off. FAILING: it failed for long. GONE: it answered 410
--   failing_since  of the first failure after the last success
CREATE TABLE webhooks (
    id            uuid PRIMARY KEY,
    owner_id      uuid NOT NULL,
    slot          integer NOT NULL,
    created_by    uuid NOT NULL REFERENCES users (id),
    url           text NOT NULL,
    description   text NOT NULL,
    events        text[] NOT NULL,
    secret        text NOT NULL,
    old_secret    text,
    old_until     timestamptz(3),
    off_reason    text CHECK (off_reason IN ('OWNER', 'FAILING', 'GONE')),
    off_at        timestamptz(3),
    failing_since timestamptz(3),
    created_at    timestamptz(3) NOT NULL,
    updated_at    timestamptz(3) NOT NULL,
    UNIQUE (owner_id, slot)
);

-- --- what is sent ---

-- As everywhere in the contract, whatever the session's time zone.
CREATE FUNCTION webhook_time(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

CREATE FUNCTION webhook_body(kind text, at timestamptz, data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('type', kind, 'timestamp', webhook_time(at), 'data', data)
$$;

-- Whether the nth newest delivery to a webhook is still waiting.
CREATE FUNCTION webhook_waits(hook uuid, nth integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM (SELECT state FROM deliveries WHERE endpoint = hook::text ORDER BY id DESC
        OFFSET nth - 1 LIMIT 1) oldest WHERE state IN ('queued', 'retrying'))
$$;

-- As many deliveries may wait for a webhook; while so many do, further events are not kept for it. Told by the oldest of
-- its newest 10,000: who keeps up has that one behind it, and mostly the hundredth, so that the others need not be read.
CREATE FUNCTION webhook_is_full(hook uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN webhook_waits(hook, 100) THEN webhook_waits(hook, 10000) ELSE false END
$$;

-- Each notification goes to those webhooks of its user that want its kind. In the statement that wrote it, so once.
CREATE FUNCTION notifications_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH hooks AS MATERIALIZED (
        SELECT w.id, w.owner_id, w.events FROM webhooks w JOIN users u ON u.id = w.owner_id AND u.banned_at IS NULL
        WHERE w.owner_id IN (SELECT user_id FROM written) AND w.off_reason IS NULL AND NOT webhook_is_full(w.id))
    INSERT INTO deliveries (id, channel, kind, user_id, notification_id, endpoint, payload, created_at)
    SELECT delivery_id(), 'webhook', n.kind, n.user_id, n.id, h.id::text,
        webhook_body(n.kind, n.created_at, jsonb_build_object('notificationId', n.id, 'userId', n.user_id,
            'auctionId', n.auction_id, 'auctionTitle', a.title, 'amount', n.amount, 'endTime', webhook_time(n.end_time))),
        now()
    FROM hooks h JOIN written n ON n.user_id = h.owner_id AND n.kind = ANY (h.events)
    JOIN users u ON u.id = n.user_id AND n.kind <> ALL (u.unhooked)
    LEFT JOIN auctions a ON a.id = n.auction_id;
    RETURN NULL;
END $$;
CREATE TRIGGER notifications_call AFTER INSERT ON notifications REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION notifications_call();

-- Who does not want a kind in the app may want it here.
CREATE OR REPLACE FUNCTION wanted_elsewhere(who uuid, what text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM users u WHERE u.id = who AND what = ANY (u.mailed) AND u.verified_at IS NOT NULL)
        OR EXISTS (SELECT FROM webhooks w WHERE w.owner_id = who AND w.off_reason IS NULL AND what = ANY (w.events))
$$;

-- That a webhook was switched off (WEBHOOK_OFF) is about no auction.
ALTER TABLE notifications ALTER COLUMN auction_id DROP NOT NULL;
