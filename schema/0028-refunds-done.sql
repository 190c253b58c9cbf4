-- The list of refunds that were made: GET /admin/refunds?status=refunded.
CREATE INDEX refunds_done ON refunds (refunded_at DESC, id DESC) WHERE refunded_at IS NOT NULL;
