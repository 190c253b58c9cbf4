-- Sales that have not ended long ago: a sale worker reads their snapshots again, page by page. As for auctions, no index
-- on flash_sales holds a column that each command changes.
CREATE INDEX flash_sales_by_end ON flash_sales (end_time, id);
