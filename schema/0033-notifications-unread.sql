-- The number and list of a user's unread notifications. Most notifications are read.
CREATE INDEX notifications_unread ON notifications (user_id, id) WHERE shown AND read_at IS NULL;
