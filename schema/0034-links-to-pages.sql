-- The links of notifications lead to the pages if the gateway serves them. The programs set rostrum.pages to "on" for their
-- sessions then (setting web_root), and rostrum.public_url as before.

-- The address of a thing: below `page` with pages, else below `api`. The settings are read once for each link.
CREATE FUNCTION public_link(page text, api text, id uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('rostrum.public_url', true), '')
        || CASE current_setting('rostrum.pages', true) WHEN 'on' THEN page ELSE api END || id
$$;

CREATE OR REPLACE FUNCTION notification_link(auction uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT public_link('/auctions/', '/api/v1/auctions/', auction)
$$;

CREATE OR REPLACE FUNCTION notification_link(auction uuid, sale uuid, sale_order uuid) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN sale_order IS NOT NULL THEN public_link('/orders/', '/api/v1/orders/', sale_order)
        WHEN sale IS NOT NULL THEN public_link('/sales/', '/api/v1/flash-sales/', sale)
        ELSE notification_link(auction) END
$$;
