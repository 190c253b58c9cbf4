-- Notifications about flash sales and orders.

-- sale_id: of the sale; auction_id is then NULL. order_id: of the order. end_time: when the turn or the reservation runs
-- out, or the start of the sale. amount: the total price of the order, or the money to be returned.
ALTER TABLE notifications ADD COLUMN sale_id uuid, ADD COLUMN order_id uuid;
SELECT program_may('notifyworker', 'INSERT', 'notifications', 'sale_id order_id');

-- A refund that is due is notified to all admins.
SELECT program_may('notifyworker', 'SELECT', 'users', 'role');

-- Notifications to all who wait in the line of a sale. They are written a page at a time, in the order of the line, so
-- that a long line makes no long transaction. One row for each sale and kind, ever: nobody is notified twice.
CREATE TABLE sale_fanouts (
    sale_id   uuid NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('SALE_STARTING_SOON', 'SALE_SOLD_OUT')),
    at        timestamptz(3) NOT NULL,            -- of the event
    after_seq bigint NOT NULL DEFAULT 0,          -- places up to this one are done
    done      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (sale_id, kind)
);
CREATE INDEX sale_fanouts_open ON sale_fanouts (at) WHERE NOT done; -- few rows, each for a moment
SELECT program_may('notifyworker', 'SELECT INSERT', 'sale_fanouts');
SELECT program_may('notifyworker', 'UPDATE', 'sale_fanouts', 'after_seq done');

-- All kinds that a user can mute: NOTIFICATION_KINDS in common/protocol/notification_kinds.h.
CREATE FUNCTION notification_kinds() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY['OUTBID', 'PROXY_EXHAUSTED', 'WATCHED_BID', 'AUCTION_EXTENDED', 'AUCTION_ENDING_SOON', 'AUCTION_WON',
        'AUCTION_LOST', 'AUCTION_SOLD', 'AUCTION_UNSOLD', 'AUCTION_CANCELLED', 'BID_VOIDED', 'TURN_STARTED',
        'TURN_EXPIRED', 'ORDER_RESERVED', 'ORDER_CONFIRMED', 'ORDER_EXPIRED', 'SALE_STARTING_SOON', 'SALE_SOLD_OUT',
        'REFUND_DUE']
$$;
UPDATE users SET muted = notification_kinds() WHERE erased_at IS NOT NULL;

-- As before (0021-erasure.sql), with all kinds.
CREATE OR REPLACE FUNCTION erase_user(who uuid, old_hash text, at timestamptz, most integer) RETURNS text LANGUAGE plpgsql AS $$
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
        muted = notification_kinds(),
        webhook_muted = '{}', erased_at = at, erasing = erase_rows(who, most) WHERE id = who;
    RETURN 'ERASED';
END $$;

-- --- texts and links ---

-- As before (0020-notification-texts.sql), with the kinds of flash sales.
CREATE OR REPLACE FUNCTION notification_text(kind text, title text, amount numeric, end_time timestamptz) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE kind
        WHEN 'OUTBID' THEN format('You were outbid on “%s”.', title) || coalesce(price, '')
        WHEN 'PROXY_EXHAUSTED' THEN format('Your maximum on “%s” was outbid.', title) || coalesce(price, '')
        WHEN 'WATCHED_BID' THEN format('There are new bids on “%s”.', title) || coalesce(price, '')
        WHEN 'AUCTION_EXTENDED' THEN format('“%s” was extended.', title) || coalesce(' It now ends at ' || at, '')
        WHEN 'AUCTION_ENDING_SOON' THEN format('“%s” ends soon.', title) || coalesce(' It now ends at ' || at, '')
        WHEN 'AUCTION_WON' THEN format('You won “%s”.', title) || coalesce(price, '')
        WHEN 'AUCTION_LOST' THEN format('“%s” is over, and you did not win it.', title) || coalesce(price, '')
        WHEN 'AUCTION_SOLD' THEN format('“%s” was sold.', title) || coalesce(price, '')
        WHEN 'AUCTION_UNSOLD' THEN format('“%s” ended without a sale.', title)
        WHEN 'AUCTION_CANCELLED' THEN format('“%s” was cancelled.', title)
        WHEN 'BID_VOIDED' THEN format('A bid on “%s” was voided.', title) || coalesce(price, '')
        WHEN 'TURN_STARTED' THEN format('It is your turn for “%s”.', title) || coalesce(' Order until ' || at, '')
        WHEN 'TURN_EXPIRED' THEN format('Your turn for “%s” has run out.', title)
        WHEN 'ORDER_RESERVED' THEN format('Your order of “%s” is reserved.', title)
            || coalesce(' Confirm it until ' || at, '') || coalesce(total, '')
        WHEN 'ORDER_CONFIRMED' THEN format('Your order of “%s” is confirmed.', title) || coalesce(total, '')
        WHEN 'ORDER_EXPIRED' THEN format('The reservation of your order of “%s” has run out.', title)
        WHEN 'SALE_STARTING_SOON' THEN format('The sale of “%s” starts soon.', title)
            || coalesce(' It starts at ' || at, '')
        WHEN 'SALE_SOLD_OUT' THEN format('“%s” is sold out.', title)
        WHEN 'REFUND_DUE' THEN format('A payment for “%s” has to be returned.', title)
            || coalesce(' It is ' || amount || ' USD.', '')
        WHEN 'WEBHOOK_OFF' THEN 'One of your webhooks was switched off.'
        ELSE kind
        END
    FROM (SELECT ' The price is ' || amount || ' USD.' AS price, ' The total is ' || amount || ' USD.' AS total,
        to_char(end_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC."') AS at WHERE true) said
$$;

-- The link of a notification: to its order, sale or auction.
CREATE FUNCTION notification_link(auction uuid, sale uuid, sale_order uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN sale_order IS NOT NULL THEN
            coalesce(current_setting('rostrum.public_url', true), '') || '/api/v1/orders/' || sale_order
        WHEN sale IS NOT NULL THEN
            coalesce(current_setting('rostrum.public_url', true), '') || '/api/v1/flash-sales/' || sale
        ELSE notification_link(auction) END
$$;

-- --- what leaves with a notification ---

-- As before (0026-notification-guards.sql), with sale and order.
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
        jsonb_build_object('auctionId', w.auction_id, 'title', coalesce(a.title, p.name), 'amount', w.amount,
            'endTime', w.end_time, 'createdAt', w.created_at, 'saleId', w.sale_id, 'orderId', w.order_id),
        now()
    FROM written w CROSS JOIN LATERAL (SELECT u.email FROM users u WHERE u.id = w.user_id
        AND w.kind = ANY (u.email_kinds) AND u.verified_at IS NOT NULL OFFSET 0) u
    LEFT JOIN auctions a ON a.id = w.auction_id
    LEFT JOIN flash_sales s ON s.id = w.sale_id LEFT JOIN products p ON p.id = s.product_id;
    RETURN NULL;
END $$;

-- As before (0026-notification-guards.sql), with sale and order.
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
            'auctionId', n.auction_id, 'auctionTitle', a.title, 'flashSaleId', n.sale_id, 'productName', p.name,
            'orderId', n.order_id, 'amount', n.amount, 'endTime', webhook_time(n.end_time),
            'text', notification_text(n.kind, coalesce(a.title, p.name), n.amount, n.end_time),
            'link', notification_link(n.auction_id, n.sale_id, n.order_id))),
        now()
    FROM hooks h JOIN written n ON n.user_id = h.owner_id AND n.kind = ANY (h.events)
    JOIN users u ON u.id = n.user_id AND n.kind <> ALL (u.webhook_muted)
    LEFT JOIN auctions a ON a.id = n.auction_id
    LEFT JOIN flash_sales s ON s.id = n.sale_id LEFT JOIN products p ON p.id = s.product_id;
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
