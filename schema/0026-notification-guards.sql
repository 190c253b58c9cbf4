-- Notifications that nobody wants elsewhere cost little, and queued events are compressed quickly.

-- Few users mute a kind or want one by email. So a batch of notifications finds them at almost no cost.
CREATE INDEX users_with_wishes ON users (id) WHERE muted <> '{}' OR email_kinds <> '{}';
CREATE INDEX webhooks_of_users ON webhooks (owner_id)
    WHERE off_reason IS NULL AND owner_id <> '00000000-0000-0000-0000-000000000000';

-- As before (0008-delivery.sql), but users are looked up one by one, and only if some have wishes. A plan that was made
-- for a small table would read all of a large one.
CREATE OR REPLACE FUNCTION notifications_leave() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM written w CROSS JOIN LATERAL (SELECT FROM users u WHERE u.id = w.user_id
            AND (u.muted <> '{}' OR u.email_kinds <> '{}') OFFSET 0) wishes) THEN
        RETURN NULL;
    END IF;
    UPDATE notifications n SET shown = false FROM written w CROSS JOIN LATERAL
        (SELECT FROM users u WHERE u.id = w.user_id AND w.kind = ANY (u.muted) OFFSET 0) muted
    WHERE n.user_id = w.user_id AND n.id = w.id;
    INSERT INTO deliveries (id, channel, kind, user_id, notification_id, endpoint, payload, created_at)
    SELECT delivery_id(), 'email', w.kind, w.user_id, w.id, u.email,
        jsonb_build_object('auctionId', w.auction_id, 'title', a.title, 'amount', w.amount, 'endTime', w.end_time,
            'createdAt', w.created_at),
        now()
    FROM written w CROSS JOIN LATERAL (SELECT u.email FROM users u WHERE u.id = w.user_id
        AND w.kind = ANY (u.email_kinds) AND u.verified_at IS NOT NULL OFFSET 0) u
    LEFT JOIN auctions a ON a.id = w.auction_id;
    RETURN NULL;
END $$;

-- As before (0020-notification-texts.sql), but only if a user has a webhook.
CREATE OR REPLACE FUNCTION notifications_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhooks WHERE off_reason IS NULL
            AND owner_id <> '00000000-0000-0000-0000-000000000000') THEN
        RETURN NULL;
    END IF;
    WITH hooks AS MATERIALIZED (
        SELECT w.id, w.owner_id, w.events FROM webhooks w JOIN users u ON u.id = w.owner_id AND u.banned_at IS NULL
        WHERE w.owner_id IN (SELECT user_id FROM written) AND w.off_reason IS NULL AND NOT webhook_is_full(w.id))
    INSERT INTO deliveries (id, channel, kind, user_id, notification_id, endpoint, payload, created_at)
    SELECT delivery_id(), 'webhook', n.kind, n.user_id, n.id, h.id::text,
        webhook_body(n.kind, n.created_at, jsonb_build_object('notificationId', n.id, 'userId', n.user_id,
            'auctionId', n.auction_id, 'auctionTitle', a.title, 'amount', n.amount, 'endTime', webhook_time(n.end_time),
            'text', notification_text(n.kind, a.title, n.amount, n.end_time), 'link', notification_link(n.auction_id))),
        now()
    FROM hooks h JOIN written n ON n.user_id = h.owner_id AND n.kind = ANY (h.events)
    JOIN users u ON u.id = n.user_id AND n.kind <> ALL (u.webhook_muted)
    LEFT JOIN auctions a ON a.id = n.auction_id;
    RETURN NULL;
END $$;
DO $$
DECLARE
    place name := current_schema();
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['notifications_leave', 'notifications_call'] LOOP
        EXECUTE format('ALTER FUNCTION %I() SECURITY DEFINER SET search_path = %I, public, pg_temp', name, place);
    END LOOP;
END $$;

-- The events of a batch are up to a few hundred KB for a moment: pglz took longer than all else about their row. A server
-- without lz4 keeps pglz.
DO $$
BEGIN
    ALTER TABLE outbox ALTER COLUMN body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END $$;
