-- Rights: what each program may do with each table and column. docs/rights.md explains the whole.
--
-- A program logs in as a member of the role rostrum_PROGRAM. Roles belong to the server, rights to a database, so several
-- deployments can share a server and its roles. The owner of the tables is another role, with which only
-- `rostrumctl migrate` logs in. A server without these roles is allowed: all programs then log in as the owner.

-- The decisions. A migration that adds a table or a column adds its decisions by program_may, next to it. At its end each
-- `rostrumctl migrate` gives exactly these rights (program_rights_apply), and checks them (program_rights_wrong).
--
--   column_name  '*': the whole table, also columns that are added later
--   program      'nobody': no program uses the table
CREATE TABLE program_rights (
    object      name NOT NULL,                    -- a table or view
    program     text NOT NULL CHECK (program IN ('gateway', 'bidworker', 'endworker', 'notifyworker', 'ctl', 'nobody')),
    privilege   text NOT NULL CHECK (privilege IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')),
    column_name name NOT NULL,
    PRIMARY KEY (object, program, privilege, column_name)
);

-- Which rows a program sees and writes, for tables that programs share; other programs see none. An SQL condition.
CREATE TABLE program_rows (
    object    name NOT NULL,
    program   text NOT NULL,
    condition text NOT NULL,
    PRIMARY KEY (object, program)
);

-- Lists are separated by blanks. Without columns it is the whole table.
CREATE FUNCTION program_may(programs text, privileges text, object text, columns text DEFAULT '*') RETURNS void
    LANGUAGE sql AS $$
    INSERT INTO program_rights (object, program, privilege, column_name)
    SELECT object, p, v, c
    FROM regexp_split_to_table(trim(programs), '\s+') p, regexp_split_to_table(trim(privileges), '\s+') v,
        regexp_split_to_table(trim(columns), '\s+') c
    ON CONFLICT DO NOTHING
$$;

-- --- the roles ---

CREATE VIEW program_roles AS
    SELECT p.program, 'rostrum_' || p.program AS role, r.oid
    FROM unnest(ARRAY['gateway', 'bidworker', 'endworker', 'notifyworker', 'ctl']) AS p (program)
    LEFT JOIN pg_roles r ON r.rolname = 'rostrum_' || p.program;

CREATE VIEW program_objects AS
    SELECT c.oid, c.relname AS object, c.relkind, c.relowner, c.relrowsecurity
    FROM pg_class c
    WHERE c.relnamespace = (SELECT p.relnamespace FROM pg_class p WHERE p.oid = 'program_rights'::regclass)
        AND c.relkind IN ('r', 'p', 'v', 'm');

-- Functions that run with the rights of their owner.
CREATE VIEW owner_functions AS
    SELECT p.oid, p.oid::regprocedure AS function, p.proname, p.proconfig, p.prorettype = 'trigger'::regtype AS triggers
    FROM pg_proc p
    WHERE p.prosecdef AND p.pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'program_rights'::regclass);

-- Gives the roles that exist exactly the decided rights.
CREATE FUNCTION program_rights_apply() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place name := (SELECT nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
                   WHERE c.oid = 'program_rights'::regclass);
    given record;
BEGIN
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', place);
    FOR given IN SELECT role FROM program_roles WHERE oid IS NOT NULL ORDER BY role LOOP
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', place, given.role);
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', place, given.role);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', place, given.role);
    END LOOP;
    FOR given IN
        SELECT p.privilege || CASE WHEN bool_or(p.column_name = '*') OR p.privilege = 'DELETE' THEN ''
                ELSE format(' (%s)', string_agg(quote_ident(p.column_name), ', ')) END AS what, p.object, r.role
        FROM program_rights p JOIN program_roles r USING (program) JOIN program_objects o USING (object)
        WHERE r.oid IS NOT NULL GROUP BY p.privilege, p.object, r.role
    LOOP
        EXECUTE format('GRANT %s ON %I.%I TO %I', given.what, place, given.object, given.role);
    END LOOP;
    FOR given IN SELECT polname, object FROM pg_policy JOIN program_objects o ON o.oid = polrelid
        WHERE polname LIKE 'rostrum\_%' LOOP
        EXECUTE format('DROP POLICY %I ON %I.%I', given.polname, place, given.object);
    END LOOP;
    FOR given IN SELECT w.object, w.condition, r.role FROM program_rows w JOIN program_roles r USING (program)
        WHERE r.oid IS NOT NULL LOOP
        EXECUTE format('CREATE POLICY %I ON %I.%I TO %I USING (%s)', given.role, place, given.object, given.role,
            given.condition);
    END LOOP;
    FOR given IN SELECT function FROM owner_functions LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', given.function);
    END LOOP;
    FOR given IN SELECT function, role FROM owner_functions, program_roles r WHERE triggers AND r.oid IS NOT NULL LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM %I', given.function, given.role);
    END LOOP;
END $$;

-- What differs from the decisions, one sentence each. Superusers and the owner are not limited by rights.
CREATE FUNCTION program_rights_wrong() RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE roles AS MATERIALIZED (
        SELECT * FROM program_roles WHERE oid IS NOT NULL
    ), objects AS MATERIALIZED (
        SELECT * FROM program_objects
    ), columns AS MATERIALIZED (
        SELECT o.oid, o.object, a.attname, a.attnum FROM objects o JOIN pg_attribute a ON a.attrelid = o.oid
        WHERE a.attnum > 0 AND NOT a.attisdropped
    ), decided AS MATERIALIZED (
        SELECT p.program, p.privilege, c.object, c.attname FROM program_rights p
        JOIN columns c ON c.object = p.object AND p.column_name IN (c.attname, '*')
    ), held AS MATERIALIZED (
        SELECT r.program, v.privilege, c.object, c.attname
        FROM roles r, columns c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS v (privilege)
        WHERE has_column_privilege(r.oid, c.oid, c.attnum, v.privilege)
        UNION ALL
        SELECT r.program, v.privilege, o.object, '*'
        FROM roles r, objects o, unnest(ARRAY['DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS v (privilege)
        WHERE has_table_privilege(r.oid, o.oid, v.privilege)
    ), wanted AS MATERIALIZED (
        SELECT d.program, d.privilege, d.object, d.attname FROM decided d JOIN roles r USING (program)
        WHERE d.privilege <> 'DELETE'
        UNION
        SELECT p.program, p.privilege, p.object, '*' FROM program_rights p JOIN roles r USING (program)
        WHERE p.privilege = 'DELETE'
    ), members AS ( -- the roles, and all that can become one of them
        SELECT oid FROM roles
        UNION SELECT m.member FROM pg_auth_members m JOIN members ON m.roleid = members.oid
    ), logins AS MATERIALIZED (
        SELECT p.* FROM members JOIN pg_roles p USING (oid)
    ), owners AS MATERIALIZED (
        SELECT object AS what, relowner AS owner FROM objects
        UNION ALL SELECT 'the schema ' || nspname, nspowner FROM pg_namespace
            WHERE oid = (SELECT relnamespace FROM pg_class WHERE oid = 'program_rights'::regclass)
        UNION ALL SELECT 'the database', datdba FROM pg_database WHERE datname = current_database()
    )
    SELECT format('rostrum_%s may %s %s (%s)', program, privilege, object, string_agg(attname, ', ' ORDER BY attname))
        FROM (SELECT * FROM held EXCEPT SELECT * FROM wanted) AS extra GROUP BY program, privilege, object
    UNION ALL
    SELECT format('rostrum_%s may not %s %s (%s)', program, privilege, object,
            string_agg(attname, ', ' ORDER BY attname))
        FROM (SELECT * FROM wanted EXCEPT SELECT * FROM held) AS missing GROUP BY program, privilege, object
    UNION ALL
    SELECT format('the role %s is missing, although other roles of programs exist', role) FROM program_roles
        WHERE oid IS NULL AND EXISTS (SELECT FROM roles)
    UNION ALL
    SELECT format('%s may %s in the schema', r.role, CASE v.privilege WHEN 'USAGE' THEN 'not look up tables'
            ELSE 'create tables' END)
        FROM roles r, unnest(ARRAY['USAGE', 'CREATE']) AS v (privilege)
        WHERE has_schema_privilege(r.oid, (SELECT relnamespace FROM pg_class WHERE oid = 'program_rights'::regclass),
            v.privilege) <> (v.privilege = 'USAGE')
    UNION ALL
    SELECT format('%s, a login of a program, can act as the owner of %s', l.rolname, min(o.what))
        FROM logins l JOIN owners o ON pg_has_role(l.oid, o.owner, 'MEMBER')
        WHERE NOT l.rolsuper GROUP BY l.rolname
    UNION ALL
    SELECT format('%s, a login of a program, is a superuser, bypasses row security or may create roles', l.rolname)
        FROM logins l WHERE l.rolsuper OR l.rolbypassrls OR l.rolcreaterole
    UNION ALL
    SELECT format('%s has no policy for rostrum_%s', w.object, w.program)
        FROM program_rows w JOIN roles r USING (program) JOIN objects o USING (object)
        WHERE NOT o.relrowsecurity
            OR NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = o.oid AND p.polroles = ARRAY[r.oid])
    UNION ALL
    SELECT format('no rights are decided for %s: see docs/migrations.md', o.object) FROM objects o
        WHERE NOT EXISTS (SELECT FROM program_rights p WHERE p.object = o.object)
    UNION ALL
    SELECT format('the trigger %s of %s is disabled', t.tgname, o.object)
        FROM pg_trigger t JOIN objects o ON o.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgenabled NOT IN ('O', 'A')
    UNION ALL
    SELECT 'audit_log has no trigger that keeps its rows'
        WHERE NOT EXISTS (SELECT FROM pg_trigger t JOIN objects o ON o.oid = t.tgrelid
            WHERE o.object = 'audit_log' AND t.tgname = 'audit_log_append_only')
    UNION ALL
    SELECT format('%s has the policy %s, which was not decided', o.object, p.polname)
        FROM pg_policy p JOIN objects o ON o.oid = p.polrelid
        WHERE NOT EXISTS (SELECT FROM program_rows w JOIN roles r USING (program)
            WHERE w.object = o.object AND p.polname = r.role AND p.polroles = ARRAY[r.oid])
    UNION ALL
    -- A trigger's needs no right to be called by it. With the right, a program calls it by a trigger of a temporary table,
    -- whose rows, and even the types and casts of its columns, are the program's own.
    SELECT format('the function %s runs with its owner''s rights: it needs a fixed search_path, no right for PUBLIC, and'
            ' none for a program if it is a trigger''s', f.proname)
        FROM owner_functions f
        WHERE NOT EXISTS (SELECT FROM unnest(f.proconfig) c WHERE c LIKE 'search_path=%')
            OR has_function_privilege('public', f.oid, 'EXECUTE')
            OR (f.triggers AND EXISTS (SELECT FROM roles r WHERE has_function_privilege(r.oid, f.oid, 'EXECUTE')))
    ORDER BY 1
$$;

-- --- triggers that write what their caller may not write ---

DO $$
DECLARE
    each text;
BEGIN
    FOREACH each IN ARRAY ARRAY['auction_prices_add', 'auction_prices_write', 'search_words_add', 'images_leave',
        'deliveries_queue', 'notifications_leave', 'notifications_call', 'users_end_sessions', 'users_delete_webhooks']
    LOOP
        EXECUTE format('ALTER FUNCTION %I() SECURITY DEFINER SET search_path = %I, public, pg_temp', each,
            current_schema());
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %I() FROM PUBLIC', each);
    END LOOP;
END $$;

-- --- the rights of the tables before this file ---

-- rostrumctl without migrate and restored. It reads everything that `verify` checks, and no password or secret, except
-- the key of the pseudonyms and those that it rotates.
SELECT program_may('ctl', 'SELECT', t) FROM unnest(ARRAY['topology', 'token_keys', 'items', 'auctions', 'terms', 'bids',
    'public_bids', 'watchlist', 'notifications', 'outbox', 'dead_letters', 'audit_log', 'schema_migrations',
    'data_timeline', 'data_server', 'data_epoch', 'program_clocks', 'auction_prices', 'auction_prices_owed', 'suspects',
    'program_rights', 'program_rows', 'program_roles', 'program_objects', 'owner_functions', 'refusal_counts',
    'deployment_keys']) AS t;
SELECT program_may('ctl', 'SELECT', 'users', 'id email display_name role banned_at verified_at created_at');
SELECT program_may('ctl', 'INSERT', 'users', 'id email display_name password_hash role created_at verified_at');
SELECT program_may('ctl', 'INSERT', 'audit_log');
SELECT program_may('ctl', 'INSERT DELETE', 'token_keys');

-- deployment
SELECT program_may('gateway bidworker endworker notifyworker', 'SELECT', t)
    FROM unnest(ARRAY['topology', 'schema_migrations', 'data_epoch']) AS t;
SELECT program_may('gateway', 'SELECT', t) FROM unnest(ARRAY['data_timeline', 'token_keys']) AS t;
SELECT program_may('gateway notifyworker', 'SELECT', 'deployment_keys');
SELECT program_may('gateway endworker', 'SELECT INSERT DELETE', 'program_clocks');
SELECT program_may('gateway endworker', 'UPDATE', 'program_clocks', 'offset_ms measured_at');
INSERT INTO program_rows (object, program, condition) VALUES
    ('deployment_keys', 'gateway', $$name IN ('idempotency', 'pseudonym', 'receipt', 'token', 'unsubscribe', 'place')$$),
    ('deployment_keys', 'notifyworker', $$name = 'unsubscribe'$$),
    ('deployment_keys', 'ctl', $$name = 'pseudonym'$$);
ALTER TABLE deployment_keys ENABLE ROW LEVEL SECURITY;

-- accounts
SELECT program_may('gateway', 'SELECT', 'users');
SELECT program_may('gateway', 'INSERT', 'users', 'id email display_name password_hash created_at');
SELECT program_may('gateway', 'UPDATE', 'users',
    'display_name password_hash role banned_at verified_at muted email_kinds webhook_muted epoch');
SELECT program_may('bidworker', 'SELECT', 'users', 'id banned_at');
SELECT program_may('notifyworker', 'SELECT', 'users',
    'id email display_name banned_at verified_at muted email_kinds webhook_muted');
SELECT program_may('gateway', 'SELECT DELETE', 'account_tokens');
SELECT program_may('notifyworker', 'SELECT INSERT DELETE', 'account_tokens');
SELECT program_may('gateway', 'SELECT INSERT', 'login_places');
SELECT program_may('gateway', 'UPDATE', 'login_places', 'seen_at kind');
SELECT program_may('notifyworker', 'SELECT DELETE', 'login_places');
SELECT program_may('gateway', 'SELECT INSERT DELETE', 'sessions');
SELECT program_may('gateway', 'UPDATE', 'sessions', 'epoch refresh_hash refresh_former refresh_former_until');
SELECT program_may('notifyworker', 'SELECT', 'sessions', 'id expires_at');
SELECT program_may('notifyworker', 'DELETE', 'sessions');

-- auctions and the ledger
SELECT program_may('gateway', 'SELECT INSERT', 'items');
SELECT program_may('gateway bidworker endworker notifyworker', 'SELECT', 'auctions');
SELECT program_may('gateway', 'INSERT', 'auctions', 'id seller_id item_id title description category starting_price
    reserve_price buy_now_price increments bid_increment snipe_window_s snipe_extension_s snipe_max start_time
    original_end_time status end_time minimum_bid created_at updated_at');
SELECT program_may('gateway', 'UPDATE', 'auctions', 'title description category starting_price reserve_price
    buy_now_price increments bid_increment snipe_window_s snipe_extension_s snipe_max start_time original_end_time status
    end_time minimum_bid published_at updated_at version');
SELECT program_may('gateway', 'DELETE', 'auctions');
SELECT program_may('bidworker', 'UPDATE', 'auctions', 'title description category starting_price reserve_price
    buy_now_price increments bid_increment snipe_window_s snipe_extension_s snipe_max start_time original_end_time
    terms_version status end_time extensions_used current_bid minimum_bid bid_count leader_id leader_max leader_bid_id
    leader_by_proxy runner_up_max ledger_seq version winner_id winning_bid_id settled_at updated_at');
SELECT program_may('endworker', 'UPDATE', 'auctions', 'status version winner_id winning_bid_id settled_at updated_at');
SELECT program_may('gateway', 'INSERT', 'terms');
SELECT program_may('bidworker', 'SELECT INSERT', 'terms');
SELECT program_may('gateway bidworker', 'SELECT', 'bids');
SELECT program_may('bidworker', 'INSERT', 'bids', 'auction_id seq bid_id bidder_id kind status reason raise amount
    max_amount end_time voids received_at decided_at');
SELECT program_may('bidworker', 'UPDATE', 'bids',
    'effective effective_status effective_raise effective_amount effective_bidder_id');
SELECT program_may('gateway notifyworker', 'SELECT', 'public_bids');
SELECT program_may('bidworker', 'SELECT INSERT DELETE', 'suspects');
SELECT program_may('bidworker', 'UPDATE', 'suspects', 'attempts');

-- search and images
SELECT program_may('gateway bidworker endworker', 'SELECT', 'auction_prices');
SELECT program_may('bidworker endworker', 'UPDATE', 'auction_prices', 'price');
SELECT program_may('bidworker endworker', 'INSERT', 'auction_prices_owed', 'auctions');
SELECT program_may('endworker', 'SELECT DELETE', 'auction_prices_owed');
SELECT program_may('endworker', 'UPDATE', 'auction_prices_owed', 'auctions');
SELECT program_may('gateway', 'SELECT', 'search_words');
SELECT program_may('gateway', 'SELECT INSERT DELETE', 'images');
SELECT program_may('gateway', 'SELECT DELETE', 'image_leftovers');
SELECT program_may('gateway', 'INSERT', 'image_leftovers', 'file due');
SELECT program_may('gateway', 'UPDATE', 'image_leftovers', 'due removing');

-- notifications
SELECT program_may('gateway', 'SELECT INSERT DELETE', 'watchlist');
SELECT program_may('notifyworker', 'SELECT', 'watchlist');
SELECT program_may('gateway notifyworker', 'SELECT', 'watch_counts');
SELECT program_may('gateway', 'INSERT', 'watch_counts', 'auction_id watchers notified_bids');
SELECT program_may('gateway', 'UPDATE', 'watch_counts', 'watchers notified_bids');
SELECT program_may('notifyworker', 'UPDATE', 'watch_counts', 'notified_bids notified_at open');
SELECT program_may('endworker', 'SELECT INSERT', 'ending_soon');
SELECT program_may('endworker', 'UPDATE', 'ending_soon', 'end_time');
SELECT program_may('gateway notifyworker', 'SELECT', 'notifications');
SELECT program_may('gateway', 'UPDATE', 'notifications', 'read_at');
SELECT program_may('notifyworker', 'INSERT', 'notifications', 'user_id id kind auction_id amount end_time created_at');

-- deliveries. Each program publishes only the messages of exchanges that it may publish to.
SELECT program_may('bidworker endworker notifyworker', 'SELECT DELETE', 'outbox');
SELECT program_may('bidworker endworker notifyworker', 'INSERT', 'outbox', 'exchange routing_key body reason');
SELECT program_may('bidworker endworker notifyworker', 'UPDATE', 'outbox', 'created_at');
SELECT program_may('gateway', 'SELECT', 'outbox', 'id');
SELECT program_may('gateway', 'INSERT', 'outbox', 'exchange routing_key body created_at');
SELECT program_may('gateway', 'SELECT DELETE', 'dead_letters');
SELECT program_may('gateway', 'UPDATE', 'dead_letters', 'requeued_at');
SELECT program_may('notifyworker', 'SELECT', 'dead_letters');
SELECT program_may('notifyworker', 'INSERT', 'dead_letters', 'id routing_key reason body created_at');
SELECT program_may('notifyworker', 'UPDATE', 'dead_letters', 'created_at requeued_at times');
SELECT program_may('gateway notifyworker', 'SELECT', 'deliveries');
SELECT program_may('gateway notifyworker', 'INSERT', 'deliveries', 'id channel kind user_id endpoint payload created_at');
SELECT program_may('gateway', 'UPDATE', 'deliveries', 'state tries');
SELECT program_may('notifyworker', 'UPDATE', 'deliveries', 'state tries last_error last_status last_ms tried_at');
SELECT program_may('notifyworker', 'DELETE', 'deliveries');
SELECT program_may('gateway', 'SELECT DELETE', 'webhooks');
SELECT program_may('gateway', 'INSERT', 'webhooks',
    'id owner_id slot created_by url description events secret created_at updated_at');
SELECT program_may('gateway', 'UPDATE', 'webhooks',
    'url description events secret old_secret old_until off_reason off_at failing_since updated_at');
SELECT program_may('notifyworker', 'SELECT', 'webhooks');
SELECT program_may('notifyworker', 'UPDATE', 'webhooks', 'off_reason off_at failing_since');
INSERT INTO program_rows (object, program, condition) VALUES
    ('outbox', 'gateway', 'true'),
    ('outbox', 'bidworker', $$exchange IN ('events', 'dead')$$),
    ('outbox', 'endworker', $$exchange IN ('events', 'dead') OR exchange LIKE 'bids.shard.%'$$),
    ('outbox', 'notifyworker', $$exchange = 'dead' OR exchange LIKE 'deliveries%'$$),
    ('outbox', 'ctl', 'true');
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;

-- audit
SELECT program_may('gateway', 'SELECT INSERT', 'audit_log');
SELECT program_may('gateway', 'SELECT INSERT DELETE', 'refusal_counts');
SELECT program_may('gateway', 'UPDATE', 'refusal_counts', 'count');
