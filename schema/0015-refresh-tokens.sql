-- Refresh tokens: what clients without cookies keep. Each use of one replaces it by the next one of its session.

ALTER TABLE sessions
    ADD COLUMN refresh_hash         text,           -- hash of the present refresh token; NULL: the session has none
    ADD COLUMN refresh_former       text,           -- of the one before, whose client may not have got the present one
    ADD COLUMN refresh_former_until timestamptz(3); -- until then it still works

-- Uses a refresh token. The next one follows from the given one, so a repetition gets the same. REUSED: the token was
-- replaced too long ago, or its successor was used. Its user may be a thief, so the session ends.
CREATE FUNCTION session_refresh(of_session uuid, given text, successor text, grace_s integer) RETURNS text
    LANGUAGE plpgsql AS $$
DECLARE
    held sessions;
BEGIN
    SELECT * INTO held FROM sessions WHERE id = of_session FOR UPDATE;
    IF held.refresh_hash = given THEN
        UPDATE sessions SET refresh_hash = successor, refresh_former = given,
            refresh_former_until = clock_timestamp() + grace_s * interval '1 second' WHERE id = of_session;
        RETURN 'USED';
    ELSIF held.refresh_hash = successor AND held.refresh_former = given
        AND held.refresh_former_until > clock_timestamp() THEN
        RETURN 'USED';
    END IF;
    DELETE FROM sessions WHERE id = of_session;
    RETURN 'REUSED';
END $$;
