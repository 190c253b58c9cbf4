-- A session keeps the plan of its first call of a trigger. One that began with a large batch joined by hashes, and then read
-- all users and auctions for each notification. So these look up each row by its key: OFFSET 0 forbids the join.

-- As before (0027-sale-notifications.sql).
CREATE OR REPLACE FUNCTION notifications_leave() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hidden record;
BEGIN
    IF NOT EXISTS (SELECT FROM written w CROSS JOIN LATERAL (SELECT FROM users u WHERE u.id = w.user_id
            AND (u.muted <> '{}' OR u.email_kinds <> '{}') OFFSET 0) wishes) THEN
        RETURN NULL;
    END IF;
    FOR hidden IN SELECT w.user_id, w.id FROM written w CROSS JOIN LATERAL (SELECT FROM users u WHERE u.id = w.user_id
            AND w.kind = ANY (u.muted) OFFSET 0) muted LOOP
        UPDATE notifications n SET shown = false WHERE n.user_id = hidden.user_id AND n.id = hidden.id;
    END LOOP;
    INSERT INTO deliveries (id, channel, kind, user_id, notification_id, endpoint, payload, created_at)
    SELECT delivery_id(), 'email', w.kind, w.user_id, w.id, u.email,
        jsonb_build_object('auctionId', w.auction_id, 'title', coalesce(a.title, p.name), 'amount', w.amount,
            'endTime', w.end_time, 'createdAt', w.created_at, 'saleId', w.sale_id, 'orderId', w.order_id),
        now()
    FROM written w CROSS JOIN LATERAL (SELECT u.email FROM users u WHERE u.id = w.user_id
        AND w.kind = ANY (u.email_kinds) AND u.verified_at IS NOT NULL OFFSET 0) u
    LEFT JOIN LATERAL (SELECT a.title FROM auctions a WHERE a.id = w.auction_id OFFSET 0) a ON true
    LEFT JOIN LATERAL (SELECT p.name FROM flash_sales s JOIN products p ON p.id = s.product_id WHERE s.id = w.sale_id
        OFFSET 0) p ON true;
    RETURN NULL;
END $$;

-- As before (0027-sale-notifications.sql). Whether a webhook is full is still looked at once for each statement.
CREATE OR REPLACE FUNCTION notifications_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhooks WHERE off_reason IS NULL
            AND owner_id <> '00000000-0000-0000-0000-000000000000') THEN
        RETURN NULL;
    END IF;
    WITH owners AS MATERIALIZED (SELECT DISTINCT user_id FROM written),
    hooks AS MATERIALIZED (
        SELECT w.id, w.owner_id, w.events, u.webhook_muted FROM owners o
        CROSS JOIN LATERAL (SELECT w.id, w.owner_id, w.events FROM webhooks w WHERE w.owner_id = o.user_id
            AND w.off_reason IS NULL OFFSET 0) w
        CROSS JOIN LATERAL (SELECT u.webhook_muted FROM users u WHERE u.id = w.owner_id AND u.banned_at IS NULL
            OFFSET 0) u
        WHERE NOT webhook_is_full(w.id))
    INSERT INTO deliveries (id, channel, kind, user_id, notification_id, endpoint, payload, created_at)
    SELECT delivery_id(), 'webhook', n.kind, n.user_id, n.id, h.id::text,
        webhook_body(n.kind, n.created_at, jsonb_build_object('notificationId', n.id, 'userId', n.user_id,
            'auctionId', n.auction_id, 'auctionTitle', a.title, 'flashSaleId', n.sale_id, 'productName', p.name,
            'orderId', n.order_id, 'amount', n.amount, 'endTime', webhook_time(n.end_time),
            'text', notification_text(n.kind, coalesce(a.title, p.name), n.amount, n.end_time),
            'link', notification_link(n.auction_id, n.sale_id, n.order_id))),
        now()
    FROM hooks h JOIN written n ON n.user_id = h.owner_id AND n.kind = ANY (h.events)
        AND n.kind <> ALL (h.webhook_muted)
    LEFT JOIN LATERAL (SELECT a.title FROM auctions a WHERE a.id = n.auction_id OFFSET 0) a ON true
    LEFT JOIN LATERAL (SELECT p.name FROM flash_sales s JOIN products p ON p.id = s.product_id WHERE s.id = n.sale_id
        OFFSET 0) p ON true;
    RETURN NULL;
END $$;
DO $$
DECLARE
    each text;
BEGIN
    FOREACH each IN ARRAY ARRAY['notifications_leave', 'notifications_call'] LOOP
        EXECUTE format('ALTER FUNCTION %I() SECURITY DEFINER SET search_path = %I, public, pg_temp', each,
            current_schema());
    END LOOP;
END $$;
