-- Which places of login_places are addresses, so that admins see who logged in from the same one.

-- A place is a keyed hash: of the address (of IPv6 its network of 64 bits), or of the browser. Nobody can read the
-- address from it, and rows that were not used for 90 days are removed. NULL: written by an older version.
ALTER TABLE login_places ADD COLUMN kind text CHECK (kind IN ('address', 'agent'));

CREATE INDEX login_places_by_address ON login_places (place, user_id) WHERE kind = 'address';
