-- Webhooks: URLs that events are sent to, of users and of the deployment itself.

--   owner_id       the nil UUID: the deployment's own webhook. Admins manage it, and it gets the events of all users
--   slot           1 to webhooks_max of its owner; two calls at once cannot make one webhook too many
--   created_by     who is notified when the webhook is switched off
--   secret         signs the calls; old_secret signs as well until old_until
--   off_reason     NULL: on. OWNER: switched off by its owner. FAILING: it failed for too long. GONE: it answered 410
--   failing_since  time of the first failure after the last success
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

-- Whether a user who muted this kind in the app wants it by email or webhook. If so, the notification is still written:
-- its id prevents duplicates. Called only for kinds that the user muted.
CREATE FUNCTION wanted_elsewhere(who uuid, what text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM users u WHERE u.id = who AND what = ANY (u.email_kinds) AND u.verified_at IS NOT NULL)
        OR EXISTS (SELECT FROM webhooks w WHERE w.owner_id = who AND w.off_reason IS NULL AND what = ANY (w.events))
$$;

-- --- the content of a call ---

-- A time as in the API, whatever the session's time zone.
CREATE FUNCTION webhook_time(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

CREATE FUNCTION webhook_body(kind text, at timestamptz, data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('type', kind, 'timestamp', webhook_time(at), 'data', data)
$$;

-- --- who is called ---

-- Whether the nth newest delivery to a webhook still waits.
CREATE FUNCTION webhook_waits(hook uuid, nth integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM (SELECT state FROM deliveries WHERE endpoint = hook::text ORDER BY id DESC
        OFFSET nth - 1 LIMIT 1) oldest WHERE state IN ('queued', 'retrying'))
$$;

-- Whether 10,000 deliveries wait for a webhook. Further events for it are then not kept. A webhook that keeps up has
-- mostly delivered its 100th newest, so the second and longer look is rare.
CREATE FUNCTION webhook_is_full(hook uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN webhook_waits(hook, 100) THEN webhook_waits(hook, 10000) ELSE false END
$$;

-- New notifications: queues each to those webhooks of its user that want its kind. The webhooks of all users of one
-- statement are read once.
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
    JOIN users u ON u.id = n.user_id AND n.kind <> ALL (u.webhook_muted)
    LEFT JOIN auctions a ON a.id = n.auction_id;
    RETURN NULL;
END $$;
CREATE TRIGGER notifications_call AFTER INSERT ON notifications REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION notifications_call();
