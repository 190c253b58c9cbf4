-- The language of a user, a tag as in RFC 5646. What has no text in it is in English.

ALTER TABLE users ADD COLUMN language text NOT NULL DEFAULT 'en';
SELECT program_may('gateway', 'UPDATE', 'users', 'language');
