-- Images of auctions, and the files they are kept in (see gateway/images.c). A file is named by its content; several
-- images may share one.

CREATE TABLE images (
    auction_id uuid NOT NULL,
    position   integer NOT NULL CHECK (position > 0), -- sorts the auction's images; has gaps after a removal
    id         uuid NOT NULL,
    files      uuid[] NOT NULL CHECK (cardinality(files) = 4), -- full, then within 1600, 640 and 160 pixels
    created_at timestamptz(3) NOT NULL,
    PRIMARY KEY (auction_id, position),
    UNIQUE (auction_id, id)
);
CREATE INDEX images_by_file ON images USING gin (files);

-- Files that may be in the store without an image: noted before they are written and when their image is removed,
-- struck off when an image has them. What is overdue and has no image is removed from the store by a sweep, which marks
-- it first (removing), so that nobody writes the same file at that moment.
CREATE TABLE image_leftovers (
    file     uuid PRIMARY KEY,
    due      timestamptz NOT NULL,
    removing boolean NOT NULL DEFAULT false
);
CREATE INDEX image_leftovers_by_due ON image_leftovers (due);

-- A deleted auction, which only a draft can be, takes its images along. Not by a foreign key: that would lose the names
-- of the files, and lock the row that bids wait for with each image. A statement of a trigger sees what was committed
-- while the deletion waited for it.
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
