-- Webhooks of a user whose address was not verified.

-- Somebody may register with the address of another person and make a webhook. It must not get the notifications of the
-- person who later proves to own the address, by its first verification or by a reset of the password.
CREATE FUNCTION users_delete_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM webhooks WHERE owner_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER users_delete_webhooks AFTER UPDATE ON users FOR EACH ROW
    WHEN (OLD.verified_at IS NULL AND NEW.verified_at IS NOT NULL) EXECUTE FUNCTION users_delete_webhooks();
