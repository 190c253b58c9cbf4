-- Accounts of users, and what mail about an account needs.

-- Each kind of notification can be shown in the app, mailed, and sent to the user's webhooks. The three lists hold only
-- the kinds that differ from the default.
CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL UNIQUE,           -- lower case
    display_name  text NOT NULL,
    password_hash text NOT NULL,
    role          text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
    banned_at     timestamptz(3),
    verified_at   timestamptz(3),                 -- when the user proved to own the address; no notification mail before
    muted         text[] NOT NULL DEFAULT '{}',   -- kinds that are not shown in the app; default: all are shown
    email_kinds   text[] NOT NULL DEFAULT '{}',   -- kinds that are mailed; default: none is mailed
    webhook_muted text[] NOT NULL DEFAULT '{}',   -- kinds that are not sent to webhooks; default: all are sent
    created_at    timestamptz(3) NOT NULL
);

-- Few users are banned, so a batch of bids finds them at almost no cost.
CREATE INDEX users_banned ON users (id) WHERE banned_at IS NOT NULL;
-- Few users are admins. A ban reads all of them, so that the last admin cannot be banned.
CREATE INDEX users_admins ON users (id) WHERE role = 'admin';
CREATE INDEX users_by_creation ON users (created_at DESC, id DESC);

-- Tokens in the links of account mail. Only the hash is kept. Each delivery attempt makes a new token.
CREATE TABLE account_tokens (
    hash       text PRIMARY KEY,                  -- BLAKE2b, hex
    user_id    uuid NOT NULL REFERENCES users (id),
    purpose    text NOT NULL CHECK (purpose IN ('VERIFY_EMAIL', 'PASSWORD_RESET')),
    expires_at timestamptz NOT NULL
);
CREATE INDEX account_tokens_by_user ON account_tokens (user_id, purpose);
CREATE INDEX account_tokens_by_expiry ON account_tokens (expires_at);

-- Places that a user logged in from: keyed hashes of addresses and browsers. A login from another place sends a mail.
CREATE TABLE login_places (
    user_id uuid NOT NULL REFERENCES users (id),
    place   text NOT NULL,
    seen_at timestamptz(3) NOT NULL,
    PRIMARY KEY (user_id, place)
);
CREATE INDEX login_places_by_age ON login_places (seen_at);
