-- What the operator reads, and all that it knows of the ledger: columns may come, and none of these goes.

-- What is left of each account, in nano-dollars.
CREATE VIEW hub_balances AS
    SELECT a.account, saturated(a.credited - (
        SELECT coalesce(sum(spent), 0) FROM (
            SELECT spent::numeric FROM allowances WHERE allowance = 'account:' || a.account AND "window" = 0
            UNION ALL
            SELECT spent::numeric + unreserved FROM spending WHERE allowance = 'account:' || a.account AND "window" = 0
        ) AS parts
    )) AS balance
    FROM accounts AS a;

-- What was spent of each allowance in each of its windows. There may be several rows of one: they add up (so that
-- whoever asks for a few is answered by their index).
CREATE VIEW hub_spend AS
    SELECT allowance, "window", spent::numeric AS spent FROM allowances
    UNION ALL
    SELECT allowance, "window", spent::numeric + unreserved FROM spending;

-- The months of usage, also those that are no part of it any more. partition: quoted where needed; month: 2026-03;
-- detaching: somebody began to take it away and did not end; remark: the table's comment.
CREATE VIEW hub_usage_months AS
    SELECT c.oid::regclass::text AS partition, replace(substr(c.relname, 7), '_', '-') AS month,
        i.inhrelid IS NOT NULL AS attached, coalesce(i.inhdetachpending, false) AS detaching,
        obj_description(c.oid, 'pg_class') AS remark
    FROM pg_class AS c
    LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid AND i.inhparent = 'usage'::regclass
    WHERE c.relkind = 'r' AND c.relname ~ '^usage_[0-9]{4}_[0-9]{2}$'
        AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'usage'::regclass);

-- What screens of one tenant ask for: its sums by time, and its last rows.
CREATE INDEX usage_hourly_of_tenant ON usage_hourly (tenant, hour);
CREATE INDEX usage_of_tenant ON usage (tenant, request_id);
