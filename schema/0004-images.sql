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
