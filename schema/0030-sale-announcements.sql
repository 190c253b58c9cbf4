-- The leading end worker announces the start of a sale: it inserts the row. The announcement goes on until the start, for
-- those who join after it: the notification worker looks at it again at next_at.
ALTER TABLE sale_fanouts ADD COLUMN next_at timestamptz(3) NOT NULL DEFAULT now();
DROP INDEX sale_fanouts_open;
CREATE INDEX sale_fanouts_open ON sale_fanouts (next_at) WHERE NOT done; -- few rows
SELECT program_may('notifyworker', 'UPDATE', 'sale_fanouts', 'next_at');
SELECT program_may('endworker', 'SELECT INSERT', 'sale_fanouts');
