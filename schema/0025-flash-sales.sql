-- Flash sales: products at a fixed price, in limited number, first come first served (common/rules/sale_rules.h).

-- Things that are sold in flash sales. Admins write them.
CREATE TABLE products (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    category    text NOT NULL DEFAULT '',
    base_price  numeric(12, 2) NOT NULL CHECK (base_price > 0), -- the ordinary price of one unit
    version     bigint NOT NULL DEFAULT 1,
    created_by  uuid NOT NULL,
    created_at  timestamptz(3) NOT NULL,
    updated_at  timestamptz(3) NOT NULL,
    search      tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', category), 'B')
        || setweight(to_tsvector('english', description), 'C')) STORED
);
CREATE INDEX products_by_age      ON products (created_at DESC, id DESC);
CREATE INDEX products_by_category ON products (category, created_at DESC, id DESC);
CREATE INDEX products_by_words    ON products USING gin (search);

-- As table images, for products. Files may be shared with images of auctions.
CREATE TABLE product_images (
    product_id uuid NOT NULL REFERENCES products (id),
    position   integer NOT NULL CHECK (position > 0), -- order within the product; a removed image leaves a gap
    id         uuid NOT NULL,
    files      uuid[] NOT NULL CHECK (cardinality(files) = 4),
    created_at timestamptz(3) NOT NULL,
    PRIMARY KEY (product_id, position),
    UNIQUE (product_id, id)
);
CREATE INDEX product_images_by_file ON product_images USING gin (files);

-- The sale worker writes the state while it holds the row's lock.
CREATE TABLE flash_sales (
    id              uuid PRIMARY KEY,
    product_id      uuid NOT NULL REFERENCES products (id),
    created_by      uuid NOT NULL,
    -- terms
    price           numeric(12, 2) NOT NULL CHECK (price > 0), -- of one unit
    quantity        bigint NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
    per_user_limit  bigint NOT NULL CHECK (per_user_limit >= 1),
    join_time       timestamptz(3) NOT NULL,
    start_time      timestamptz(3) NOT NULL,
    end_time        timestamptz(3) NOT NULL,      -- moved by extend and close
    turn_s          integer NOT NULL CHECK (turn_s BETWEEN 1 AND 86400),
    reservation_s   integer NOT NULL CHECK (reservation_s BETWEEN 1 AND 86400),
    payment         text NOT NULL CHECK (payment IN ('none', 'callback')),
    -- state
    status          text NOT NULL DEFAULT 'upcoming'
                    CHECK (status IN ('upcoming', 'open', 'active', 'ended', 'settled', 'sold_out', 'cancelled')),
    claimed         bigint NOT NULL DEFAULT 0 CHECK (claimed >= 0),  -- units of turns
    reserved        bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0), -- units of orders that are not confirmed yet
    sold            bigint NOT NULL DEFAULT 0 CHECK (sold >= 0),
    waiting         bigint NOT NULL DEFAULT 0 CHECK (waiting >= 0),  -- places without a turn
    head_seq        bigint NOT NULL DEFAULT 0,    -- no place with a lower seq waits: the line is read from here
    ledger_seq      bigint NOT NULL DEFAULT 0,    -- number of the newest ledger entry
    ledger_hash     bytea,                        -- of that entry
    decided_at      timestamptz(3),               -- of that entry; never falls. NULL: none
    version         bigint NOT NULL DEFAULT 1,    -- rises by one with each committed batch
    created_at      timestamptz(3) NOT NULL,
    updated_at      timestamptz(3) NOT NULL,
    CHECK (join_time <= start_time AND start_time < end_time),
    CHECK (claimed + reserved + sold <= quantity)
) WITH (fillfactor = 70);

-- No index holds a column that an ordinary command changes (counters, version, updated_at): see auctions.
CREATE INDEX flash_sales_by_start   ON flash_sales (status, start_time, id);
CREATE INDEX flash_sales_by_age     ON flash_sales (created_at DESC, id DESC);
CREATE INDEX flash_sales_by_product ON flash_sales (product_id, created_at DESC, id DESC);
-- Those in which something can still become due. Few rows, so the end worker reads all of them.
CREATE INDEX flash_sales_live       ON flash_sales (id) WHERE status IN ('upcoming', 'open', 'active', 'ended');

-- Places in the waiting lines, kept as history. A place of a sale that is over counts as closed, whatever it says.
CREATE TABLE queue_entries (
    sale_id         uuid NOT NULL,
    seq             bigint NOT NULL,              -- the place: the ledger's seq of the JOIN
    id              uuid NOT NULL,                -- of the JOIN
    user_id         uuid NOT NULL,
    wanted          bigint NOT NULL CHECK (wanted >= 1),
    claim           bigint NOT NULL DEFAULT 0 CHECK (claim BETWEEN 0 AND wanted), -- units of the turn; 0 before
    status          text NOT NULL CHECK (status IN ('waiting', 'turn', 'ordered', 'expired', 'left')),
    turn_expires_at timestamptz(3),               -- NULL before the turn
    joined_at       timestamptz(3) NOT NULL,
    PRIMARY KEY (sale_id, seq)
);
CREATE INDEX queue_entries_waiting ON queue_entries (sale_id, seq) WHERE status = 'waiting';
CREATE INDEX queue_entries_turns ON queue_entries (sale_id, seq) INCLUDE (turn_expires_at) WHERE status = 'turn';
CREATE UNIQUE INDEX queue_entries_live ON queue_entries (sale_id, user_id) WHERE status IN ('waiting', 'turn');
CREATE INDEX queue_entries_by_user ON queue_entries (user_id, joined_at DESC, sale_id, seq);

-- How many places wait, for each 256 numbers of the ledger. An exact position is a sum of these and a count within one
-- block, so that nothing reads the whole line. A block without waiting places may have no row.
CREATE TABLE sale_line_blocks (
    sale_id uuid NOT NULL,
    block   bigint NOT NULL,                      -- seq / 256
    waiting integer NOT NULL CHECK (waiting BETWEEN 0 AND 256),
    PRIMARY KEY (sale_id, block)
) WITH (fillfactor = 50);

-- Orders. A pending one has no row: its command is in the queue. A reserved order of a cancelled sale counts as
-- cancelled, whatever it says.
CREATE TABLE orders (
    id          uuid PRIMARY KEY,                 -- that of its command
    sale_id     uuid NOT NULL,
    seq         bigint NOT NULL,                  -- the ledger's seq of its command
    user_id     uuid NOT NULL,
    quantity    bigint NOT NULL,
    total_price numeric(12, 2) NOT NULL,          -- of a rejected order what it would have been, or 0
    status      text NOT NULL CHECK (status IN
        ('reserved', 'confirmed', 'cancelled', 'failed', 'expired', 'rejected', 'refund_due', 'refunded')),
    reason      text CHECK ((reason IS NOT NULL) = (status = 'rejected')),
    expires_at  timestamptz(3),                   -- of the reservation; NULL: rejected
    payment_id  uuid,                             -- the CONFIRM that brought the money; NULL: none
    payment_ref text,                             -- of the payment provider
    created_at  timestamptz(3) NOT NULL,          -- receipt of the command
    updated_at  timestamptz(3) NOT NULL,
    UNIQUE (sale_id, seq)
);
CREATE INDEX orders_by_user ON orders (user_id, created_at DESC, id DESC);
CREATE INDEX orders_held ON orders (sale_id, user_id) WHERE status IN ('reserved', 'confirmed');
CREATE INDEX orders_reserved ON orders (sale_id, seq) INCLUDE (expires_at) WHERE status = 'reserved';
CREATE INDEX orders_refund_due ON orders (updated_at, id) WHERE status = 'refund_due';

-- The ledger: every command that was decided, once, and every turn, in order. Rows are appended, never changed or
-- removed. The columns are those of struct sale_row (common/rules/sale_set.h).
CREATE TABLE sale_ledger (
    sale_id      uuid NOT NULL,
    seq          bigint NOT NULL,                 -- 1, 2, 3, … within the sale
    command_id   uuid,                            -- NULL: a turn
    kind         text NOT NULL CHECK (kind IN
        ('turn', 'open', 'start', 'join', 'leave', 'order', 'confirm', 'fail', 'cancel', 'expire', 'fence', 'update',
         'extend', 'close', 'abort')),
    status       text NOT NULL CHECK (status IN ('accepted', 'unchanged', 'rejected')),
    reason       text CHECK ((reason IS NOT NULL) = (status = 'rejected')),
    paid         boolean NOT NULL DEFAULT false,  -- confirm, fail: by a payment callback
    user_id      uuid,
    quantity     bigint NOT NULL DEFAULT 0,
    place        bigint,                          -- seq of the user's place that was added, answered, changed or granted
    order_id     uuid,
    amount       numeric(12, 2),                  -- of the payment
    end_time     timestamptz(3),                  -- extend: the end asked for
    refused_ms   bigint NOT NULL DEFAULT 0,       -- of the command: time in which the deployment refused
    received_at  timestamptz(3) NOT NULL,
    decided_at   timestamptz(3) NOT NULL,
    hash_version smallint NOT NULL,
    hash         bytea NOT NULL,                  -- SHA-256 over the columns and the hash before
    PRIMARY KEY (sale_id, seq),
    UNIQUE (sale_id, command_id)
);

-- Terms that are not the present terms of a sale, as table terms for auctions. id = a command's id: the new terms of an
-- update, written before the command is published. id = sale_id: the first terms, written by the first accepted update,
-- extend or close, before it changes them: a replay begins with them.
CREATE TABLE sale_terms (
    sale_id        uuid NOT NULL,
    id             uuid NOT NULL,
    price          numeric(12, 2) NOT NULL CHECK (price > 0),
    quantity       bigint NOT NULL,
    per_user_limit bigint NOT NULL,
    join_time      timestamptz(3) NOT NULL,
    start_time     timestamptz(3) NOT NULL,
    end_time       timestamptz(3) NOT NULL,
    turn_s         integer NOT NULL,
    reservation_s  integer NOT NULL,
    payment        text NOT NULL,
    created_at     timestamptz(3) NOT NULL,
    PRIMARY KEY (sale_id, id)
);

-- Money that has to go back: the order got no units, or the payment matched no order. The sale worker writes a row with
-- the decision; an admin marks it as refunded.
CREATE TABLE refunds (
    id          uuid PRIMARY KEY,                 -- of the CONFIRM
    sale_id     uuid NOT NULL,
    order_id    uuid NOT NULL,
    user_id     uuid,                             -- NULL: the order is unknown
    amount      numeric(12, 2) NOT NULL,
    reference   text NOT NULL,                    -- of the payment provider
    created_at  timestamptz(3) NOT NULL,
    refunded_at timestamptz(3),                   -- NULL: still due
    refunded_by uuid
);
CREATE INDEX refunds_due ON refunds (created_at, id) WHERE refunded_at IS NULL;
CREATE INDEX refunds_by_order ON refunds (order_id);

-- As table suspects, for commands to sales.
CREATE TABLE sale_suspects (
    sale_id    uuid NOT NULL,
    command_id uuid NOT NULL,
    attempts   integer NOT NULL DEFAULT 1,
    PRIMARY KEY (sale_id, command_id)
);

-- --- the program `saleworker`, and the rights ---

ALTER TABLE program_rights DROP CONSTRAINT program_rights_program_check;
ALTER TABLE program_rights ADD CONSTRAINT program_rights_program_check
    CHECK (program IN ('gateway', 'bidworker', 'saleworker', 'endworker', 'notifyworker', 'ctl', 'nobody'));
CREATE OR REPLACE VIEW program_roles AS
    SELECT p.program, 'rostrum_' || p.program AS role, r.oid
    FROM unnest(ARRAY['gateway', 'bidworker', 'saleworker', 'endworker', 'notifyworker', 'ctl']) AS p (program)
    LEFT JOIN pg_roles r ON r.rolname = 'rostrum_' || p.program;

SELECT program_may('saleworker', 'SELECT', t) FROM unnest(ARRAY['topology', 'schema_migrations', 'data_epoch']) AS t;
SELECT program_may('saleworker', 'SELECT', 'users', 'id banned_at');
SELECT program_may('saleworker', 'SELECT DELETE', 'outbox');
SELECT program_may('saleworker', 'INSERT', 'outbox', 'exchange routing_key body reason');
SELECT program_may('saleworker', 'UPDATE', 'outbox', 'created_at');
INSERT INTO program_rows (object, program, condition) VALUES ('outbox', 'saleworker', $$exchange IN ('events', 'dead')$$);
UPDATE program_rows SET condition = condition || $$ OR exchange LIKE 'sales.shard.%'$$
    WHERE object = 'outbox' AND program = 'endworker';

SELECT program_may('gateway', 'SELECT', t) FROM unnest(ARRAY['products', 'product_images', 'flash_sales', 'queue_entries',
    'sale_line_blocks', 'orders', 'sale_ledger', 'sale_terms', 'refunds']) AS t;
SELECT program_may('gateway', 'INSERT', 'products', 'id name description category base_price created_by created_at
    updated_at');
SELECT program_may('gateway', 'UPDATE', 'products', 'name description category base_price version updated_at');
SELECT program_may('gateway', 'INSERT DELETE', 'product_images');
SELECT program_may('gateway', 'INSERT', 'flash_sales', 'id product_id created_by price quantity per_user_limit join_time
    start_time end_time turn_s reservation_s payment created_at updated_at');
SELECT program_may('gateway', 'INSERT', 'sale_terms');
SELECT program_may('gateway', 'UPDATE', 'orders', 'status updated_at');
SELECT program_may('gateway', 'UPDATE', 'refunds', 'refunded_at refunded_by');

SELECT program_may('saleworker', 'SELECT', t) FROM unnest(ARRAY['flash_sales', 'queue_entries', 'sale_line_blocks',
    'orders', 'sale_ledger', 'sale_terms', 'refunds', 'sale_suspects']) AS t;
SELECT program_may('saleworker', 'UPDATE', 'flash_sales', 'price quantity per_user_limit join_time start_time end_time
    turn_s reservation_s payment status claimed reserved sold waiting head_seq ledger_seq ledger_hash decided_at version
    updated_at');
SELECT program_may('saleworker', 'INSERT', t)
    FROM unnest(ARRAY['queue_entries', 'sale_line_blocks', 'orders', 'sale_ledger', 'sale_terms']) AS t;
SELECT program_may('saleworker', 'INSERT', 'refunds', 'id sale_id order_id user_id amount reference created_at');
SELECT program_may('saleworker', 'UPDATE', 'queue_entries', 'claim status turn_expires_at');
SELECT program_may('saleworker', 'UPDATE', 'sale_line_blocks', 'waiting');
SELECT program_may('saleworker', 'UPDATE', 'orders', 'status reason expires_at payment_id payment_ref updated_at');
SELECT program_may('saleworker', 'INSERT DELETE', 'sale_suspects');
SELECT program_may('saleworker', 'UPDATE', 'sale_suspects', 'attempts');

SELECT program_may('endworker notifyworker', 'SELECT', t)
    FROM unnest(ARRAY['flash_sales', 'queue_entries', 'orders']) AS t;
SELECT program_may('notifyworker', 'SELECT', 'products');
SELECT program_may('ctl', 'SELECT', t) FROM unnest(ARRAY['products', 'flash_sales', 'queue_entries', 'sale_line_blocks',
    'orders', 'sale_ledger', 'sale_terms', 'refunds', 'sale_suspects']) AS t;
