-- Images of auctions, and the files that hold them (gateway/image). A file is named by a hash of its content, so several
-- images may share a file.

CREATE TABLE images (
    auction_id uuid NOT NULL,
    position   integer NOT NULL CHECK (position > 0), -- order within the auction; a removed image leaves a gap
    id         uuid NOT NULL,
    files      uuid[] NOT NULL CHECK (cardinality(files) = 4), -- full size, then within 1600, 640 and 160 pixels
    created_at timestamptz(3) NOT NULL,
    PRIMARY KEY (auction_id, position),
    UNIQUE (auction_id, id)
);
CREATE INDEX images_by_file ON images USING gin (files);

-- Files that may be in the store without an image. A file is entered before it is written, and again when its image is
-- removed. The entry goes when an image has the file. A sweep removes the overdue files that no image has. It first
-- sets `removing`, so that nobody writes the same file at that moment.
CREATE TABLE image_leftovers (
    file     uuid PRIMARY KEY,
    due      timestamptz NOT NULL,
    removing boolean NOT NULL DEFAULT false
);
CREATE INDEX image_leftovers_by_due ON image_leftovers (due);

-- A deleted auction (only a draft can be deleted) loses its images. A foreign key cannot do this: the names of the files
-- would be lost, and each new image would lock the auction's row, which bids wait for. A statement in a trigger also
-- sees the images that were committed while the deletion waited.
CREATE FUNCTION images_leave() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH gone AS (DELETE FROM images WHERE auction_id = OLD.id RETURNING files)
    INSERT INTO image_leftovers (file, due)
        SELECT DISTINCT f.file, now() + interval '1 hour' FROM gone, unnest(gone.files) f (file) ORDER BY 1
        ON CONFLICT (file) DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER auctions_leave_images AFTER DELETE ON auctions FOR EACH ROW EXECUTE FUNCTION images_leave();
