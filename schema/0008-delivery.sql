-- Everything on its way out of the database: messages to the broker, and deliveries by email and webhook.

-- Messages to the broker. Written in the transaction that caused them, removed once the broker confirmed them.
CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange    text NOT NULL,
    routing_key text NOT NULL,
    body        text NOT NULL,
    reason      text,                             -- of a dead letter
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_by_age ON outbox (created_at);

-- Copies of the messages in the queue dead_letters. The id is a hash of key, reason and body: the same message again is
-- the same row.
CREATE TABLE dead_letters (
    id          uuid PRIMARY KEY,
    routing_key text NOT NULL,
    reason      text NOT NULL,
    body        bytea NOT NULL,
    created_at  timestamptz(3) NOT NULL,
    requeued_at timestamptz(3),
    times       integer NOT NULL DEFAULT 1        -- how often it arrived
);
CREATE INDEX dead_letters_by_time ON dead_letters (created_at DESC, id DESC);

-- Deliveries by email and webhook, kept as their log. Triggers write a delivery, and its message to the notification
-- worker, in the transaction that caused it.
--
--   id        begins with the time; the receiver recognises a repeated delivery by it
--   kind      of the notification, or of account mail: VERIFY_EMAIL, PASSWORD_RESET, …
--   user_id   NULL: asked for by an address that may have no account
--   endpoint  email: the address. webhook: the id of the webhook
--   payload   the content at the time of the event
--   state     queued; retrying (failed, waits for the next attempt); delivered; failed (a dead letter); dropped (not
--             wanted any more, or no endpoint left)
--   tries     attempts of this round; queueing a failed delivery again begins a new round
CREATE TABLE deliveries (
    id              uuid PRIMARY KEY,
    channel         text NOT NULL CHECK (channel IN ('email', 'webhook')),
    kind            text NOT NULL,
    user_id         uuid,
    notification_id uuid,
    endpoint        text NOT NULL,
    payload         jsonb NOT NULL DEFAULT '{}',
    state           text NOT NULL DEFAULT 'queued'
                    CHECK (state IN ('queued', 'retrying', 'delivered', 'failed', 'dropped')),
    tries           integer NOT NULL DEFAULT 0,
    last_error      text,
    last_status     integer,                      -- status code of the last SMTP or HTTP answer; NULL: no answer
    last_ms         integer,                      -- duration of the last attempt
    created_at      timestamptz(3) NOT NULL DEFAULT now(),
    tried_at        timestamptz(3)
) WITH (fillfactor = 80);
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint, id DESC);
CREATE INDEX deliveries_by_user ON deliveries (user_id, id DESC);
CREATE INDEX deliveries_by_time ON deliveries (created_at);
-- Counts the recent account mail of one kind to one address.
CREATE INDEX deliveries_of_accounts ON deliveries (endpoint, created_at) WHERE notification_id IS NULL;

-- A UUID of version 8 that begins with the present time.
CREATE FUNCTION delivery_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT overlay(overlay(gen_random_uuid()::text,
        regexp_replace(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0'), '^(.{8})', '\1-'),
        1, 13), '8', 15, 1)::uuid
$$;

-- The message about a delivery. Rate limits count by endpoint; an email address is left out, the broker need not see it.
CREATE FUNCTION delivery_message(delivery deliveries) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT json_build_object('v', 1, 'delivery', delivery.id, 'try', delivery.tries, 'endpoint',
        CASE delivery.channel WHEN 'webhook' THEN delivery.endpoint ELSE '' END)::text
$$;

-- Queues new deliveries. The old creation time makes the next sweep of the outbox publish the message at once.
CREATE FUNCTION deliveries_queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (exchange, routing_key, body, created_at)
    SELECT 'deliveries', w.channel, delivery_message(ROW(w.*)::deliveries), now() - interval '1 day' FROM written w
    WHERE w.state = 'queued';
    RETURN NULL;
END $$;
CREATE TRIGGER deliveries_queue AFTER INSERT ON deliveries REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION deliveries_queue();

-- New notifications: hides those that the user muted in the app, and mails those that the user wants by email.
CREATE FUNCTION notifications_leave() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE notifications n SET shown = false FROM written w JOIN users u ON u.id = w.user_id
    WHERE w.kind = ANY (u.muted) AND n.user_id = w.user_id AND n.id = w.id;
    INSERT INTO deliveries (id, channel, kind, user_id, notification_id, endpoint, payload, created_at)
    SELECT delivery_id(), 'email', w.kind, w.user_id, w.id, u.email,
        jsonb_build_object('auctionId', w.auction_id, 'title', a.title, 'amount', w.amount, 'endTime', w.end_time,
            'createdAt', w.created_at),
        now()
    FROM written w JOIN users u ON u.id = w.user_id LEFT JOIN auctions a ON a.id = w.auction_id
    WHERE w.kind = ANY (u.email_kinds) AND u.verified_at IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER notifications_leave AFTER INSERT ON notifications REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION notifications_leave();
