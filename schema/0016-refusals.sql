-- Refusals of a minute, counted, so that a flood of them does not flood the audit log.

-- The gateways add to it each second. When the minute is over, one of them moves each row to audit_log, as one entry.
CREATE TABLE refusal_counts (
    minute     timestamptz(0) NOT NULL, -- its begin, by the database's clock
    action     text NOT NULL,           -- as in audit_log
    actor_id   uuid NOT NULL,           -- nil: several users together
    address    text NOT NULL,           -- '': several addresses together
    subject    text NOT NULL,           -- this and the next two are those of the first refusal
    agent      text NOT NULL,
    request_id text NOT NULL,
    count      bigint NOT NULL,
    PRIMARY KEY (minute, action, actor_id, address)
);
