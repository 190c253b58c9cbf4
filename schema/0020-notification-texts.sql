-- The sentence and link of each notification, and the state of notifications to watchers about extensions.

-- The only place with these sentences. Mails have texts of their own (conf/templates). English only.
CREATE FUNCTION notification_text(kind text, title text, amount numeric, end_time timestamptz) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE kind
        WHEN 'OUTBID' THEN format('You were outbid on “%s”.', title) || coalesce(price, '')
        WHEN 'PROXY_EXHAUSTED' THEN format('Your maximum on “%s” was outbid.', title) || coalesce(price, '')
        WHEN 'WATCHED_BID' THEN format('There are new bids on “%s”.', title) || coalesce(price, '')
        WHEN 'AUCTION_EXTENDED' THEN format('“%s” was extended.', title) || coalesce(at, '')
        WHEN 'AUCTION_ENDING_SOON' THEN format('“%s” ends soon.', title) || coalesce(at, '')
        WHEN 'AUCTION_WON' THEN format('You won “%s”.', title) || coalesce(price, '')
        WHEN 'AUCTION_LOST' THEN format('“%s” is over, and you did not win it.', title) || coalesce(price, '')
        WHEN 'AUCTION_SOLD' THEN format('“%s” was sold.', title) || coalesce(price, '')
        WHEN 'AUCTION_UNSOLD' THEN format('“%s” ended without a sale.', title)
        WHEN 'AUCTION_CANCELLED' THEN format('“%s” was cancelled.', title)
        WHEN 'BID_VOIDED' THEN format('A bid on “%s” was voided.', title) || coalesce(price, '')
        WHEN 'WEBHOOK_OFF' THEN 'One of your webhooks was switched off.'
        ELSE kind
        END
    FROM (SELECT ' The price is ' || amount || ' USD.' AS price,
        to_char(end_time AT TIME ZONE 'UTC', '" It now ends at" YYYY-MM-DD HH24:MI:SS "UTC."') AS at
        WHERE true) said
$$;

-- The programs set rostrum.public_url for their sessions ([mail] public_url). NULL: about no auction.
CREATE FUNCTION notification_link(auction uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('rostrum.public_url', true), '') || '/api/v1/auctions/' || auction
$$;

-- As before (0009-webhooks.sql), with `text` and `link`.
CREATE OR REPLACE FUNCTION notifications_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
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
BEGIN
    EXECUTE format('ALTER FUNCTION notifications_call() SECURITY DEFINER SET search_path = %I, public, pg_temp',
        current_schema());
END $$;

-- The last notification of all watchers about an extension. Many extensions make one notification in five minutes.
ALTER TABLE watch_counts
    ADD COLUMN notified_end      timestamptz(3), -- end of the auction at that time; NULL: none, by an older version
    ADD COLUMN notified_end_at   timestamptz(3);
SELECT program_may('gateway', 'INSERT UPDATE', 'watch_counts', 'notified_end');
SELECT program_may('notifyworker', 'UPDATE', 'watch_counts', 'notified_end notified_end_at');
