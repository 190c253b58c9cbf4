-- What leaves the deployment for a person: notifications by email and webhook, and mail about an account. A row of
-- deliveries and its message to the worker are made together, by triggers, with whatever caused them.

-- Also the log of deliveries.
--   id        begins with the time; names the delivery to the other side, so that what comes twice is recognised
--   kind      of the notification, or of mail about an account: VERIFY_EMAIL, PASSWORD_RESET, …
--   user_id   NULL: asked for by an address that may have no account
--   endpoint  email: the address; webhook: the id of the endpoint
--   payload   what is told, as it was when the row was made
--   state     queued; retrying (failed, and waiting for the next try); delivered; failed (a dead letter); dropped
--             (nobody wants it any more, or there is nowhere to send it)
--   tries     of this round; a failed delivery that is queued again begins a new one
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
    last_status     integer,                      -- what the other side answered: of SMTP, of HTTP; NULL: nothing
    last_ms         integer,                      -- that the last try took
    created_at      timestamptz(3) NOT NULL DEFAULT now(),
    tried_at        timestamptz(3)
) WITH (fillfactor = 80);
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint, id DESC);
CREATE INDEX deliveries_by_user ON deliveries (user_id, id DESC);
CREATE INDEX deliveries_by_time ON deliveries (created_at);
-- How many of a kind an address was sent lately.
CREATE INDEX deliveries_of_accounts ON deliveries (endpoint, created_at) WHERE notification_id IS NULL;

-- A version 8 id that begins with this moment.
CREATE FUNCTION delivery_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT overlay(overlay(gen_random_uuid()::text placing
        regexp_replace(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0'), '^(.{8})', '\1-')
        from 1 for 13) placing '8' from 15 for 1)::uuid
$$;

-- What is queued about a delivery that was tried so often. The endpoint is what a cap counts by; that of mail is a
-- person's address, which the broker need not know.
CREATE FUNCTION delivery_message(delivery deliveries) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT json_build_object('v', 1, 'delivery', delivery.id, 'try', delivery.tries, 'endpoint',
        CASE delivery.channel WHEN 'webhook' THEN delivery.endpoint ELSE '' END)::text
$$;

-- An old row of the outbox, so that the next sweep takes it up at once.
CREATE FUNCTION deliveries_queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (exchange, routing_key, body, created_at)
    SELECT 'deliveries', w.channel, delivery_message(ROW(w.*)::deliveries), now() - interval '1 day' FROM written w
    WHERE w.state = 'queued';
    RETURN NULL;
END $$;
CREATE TRIGGER deliveries_queue AFTER INSERT ON deliveries REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION deliveries_queue();

-- --- who wants what ---

-- Kinds wanted by email; kinds not wanted by webhook, where somebody has an endpoint. (muted: not wanted in the app.)
ALTER TABLE users ADD COLUMN mailed text[] NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN unhooked text[] NOT NULL DEFAULT '{}';
-- When the owner of the account showed that the address is theirs. Notifications are mailed to no other.
ALTER TABLE users ADD COLUMN verified_at timestamptz(3);

-- False: it was written for another channel alone, and is not shown in the app.
ALTER TABLE notifications ADD COLUMN shown boolean NOT NULL DEFAULT true;

-- Whether somebody who does not want a kind in the app wants it elsewhere: then it is a notification all the same, whose
-- id sees to it that nobody is told twice. Asked of kinds that are muted only.
CREATE FUNCTION wanted_elsewhere(who uuid, what text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM users u WHERE u.id = who AND what = ANY (u.mailed) AND u.verified_at IS NOT NULL)
$$;

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
    WHERE w.kind = ANY (u.mailed) AND u.verified_at IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER notifications_leave AFTER INSERT ON notifications REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION notifications_leave();

-- --- mail about accounts ---

-- Keys of deployment_keys for it: 'unsubscribe' signs the links that stop mail, 'place' keys the hashes of login_places.

-- What links in such mail carry: the hash alone is kept. A token is made anew for each try of a delivery.
CREATE TABLE account_tokens (
    hash       text PRIMARY KEY,                  -- BLAKE2b, hex
    user_id    uuid NOT NULL REFERENCES users (id),
    purpose    text NOT NULL CHECK (purpose IN ('VERIFY_EMAIL', 'PASSWORD_RESET')),
    expires_at timestamptz NOT NULL
);
CREATE INDEX account_tokens_by_user ON account_tokens (user_id, purpose);
CREATE INDEX account_tokens_by_expiry ON account_tokens (expires_at);

-- Where somebody logged in from: keyed hashes of an address or a browser. What is not here is a new place.
CREATE TABLE login_places (
    user_id uuid NOT NULL REFERENCES users (id),
    place   text NOT NULL,
    seen_at timestamptz(3) NOT NULL,
    PRIMARY KEY (user_id, place)
);
CREATE INDEX login_places_by_age ON login_places (seen_at);
