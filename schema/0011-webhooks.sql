-- Webhooks: addresses that users, and the house itself, want events sent to.

--   owner_id    the nil id: the house's own, which admins manage; it is told of everybody's events
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
