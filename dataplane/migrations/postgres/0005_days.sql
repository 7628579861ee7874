-- Daily sums, for screens about many tenants: without key, user and project, so a day has few rows, however many hours.

CREATE TABLE usage_daily (
    day                  timestamptz NOT NULL,
    tenant               text        COLLATE "C" NOT NULL,
    account              text        COLLATE "C" NOT NULL,
    provider             text        COLLATE "C" NOT NULL,
    model                text        COLLATE "C" NOT NULL,
    source               text        COLLATE "C" NOT NULL,
    requests             bigint      NOT NULL,
    attempts             bigint      NOT NULL,
    input_tokens         bigint      NOT NULL,
    cached_input_tokens  bigint      NOT NULL,
    cache_write_tokens   bigint      NOT NULL,
    output_tokens        bigint      NOT NULL,
    reasoning_tokens     bigint      NOT NULL,
    cost_nanos           bigint      NOT NULL,
    price_nanos          bigint      NOT NULL,
    PRIMARY KEY (day, tenant, account, provider, model, source)
) WITH (fillfactor = 70); -- the running day's rows are written again and again: room to do so on their page

-- Days are added to with the rows, whichever version inserts them. These are the last locks of whoever inserts usage, in
-- the order of their key: nobody who waits for one holds anything that is waited for by who has it. It runs with the
-- rights of its owner, so that who may insert usage needs none on days.
CREATE FUNCTION add_to_days() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO usage_daily AS kept (day, tenant, account, provider, model, source, requests, attempts, input_tokens,
        cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nanos, price_nanos)
    SELECT date_trunc('day', at, 'UTC'), tenant, account, provider, model, source, count(*) FILTER (WHERE attempt = 1),
        count(*), saturated(sum(input_tokens)), saturated(sum(cached_input_tokens)), saturated(sum(cache_write_tokens)),
        saturated(sum(output_tokens)), saturated(sum(reasoning_tokens)), saturated(sum(cost_nanos)),
        saturated(sum(price_nanos))
    FROM inserted
    GROUP BY 1, 2, 3, 4, 5, 6
    ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (day, tenant, account, provider, model, source) DO UPDATE SET
        requests = kept.requests + excluded.requests,
        attempts = kept.attempts + excluded.attempts,
        input_tokens = saturated(kept.input_tokens::numeric + excluded.input_tokens),
        cached_input_tokens = saturated(kept.cached_input_tokens::numeric + excluded.cached_input_tokens),
        cache_write_tokens = saturated(kept.cache_write_tokens::numeric + excluded.cache_write_tokens),
        output_tokens = saturated(kept.output_tokens::numeric + excluded.output_tokens),
        reasoning_tokens = saturated(kept.reasoning_tokens::numeric + excluded.reasoning_tokens),
        cost_nanos = saturated(kept.cost_nanos::numeric + excluded.cost_nanos),
        price_nanos = saturated(kept.price_nanos::numeric + excluded.price_nanos);
    RETURN NULL;
END $$;

-- What runs with its owner's rights must not find somebody else's tables under the same names.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION add_to_days() SET search_path = %I, pg_temp', current_schema());
END $$;

-- Triggers run in the order of their names: after entries and `spending`. Nobody inserts until the end of this
-- transaction: the trigger wants a lock on usage.
CREATE TRIGGER usage_is_summed AFTER INSERT ON usage REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION add_to_days();
INSERT INTO usage_daily
SELECT date_trunc('day', hour, 'UTC'), tenant, account, provider, model, source, sum(requests), sum(attempts),
    saturated(sum(input_tokens)), saturated(sum(cached_input_tokens)), saturated(sum(cache_write_tokens)),
    saturated(sum(output_tokens)), saturated(sum(reasoning_tokens)), saturated(sum(cost_nanos)),
    saturated(sum(price_nanos))
FROM usage_hourly GROUP BY 1, 2, 3, 4, 5, 6;

CREATE INDEX usage_daily_of_tenant ON usage_daily (tenant, day);
-- What is in suspense of an account: few rows.
CREATE INDEX usage_daily_bound ON usage_daily (account) WHERE source = 'Bound';

-- Who may read hours may read days: gateways are often given their rights one by one, and are not given new ones today.
DO $$
DECLARE
    reader text;
BEGIN
    FOR reader IN
        SELECT DISTINCT CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END
        FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
        WHERE c.oid = 'usage_hourly'::regclass AND acl.privilege_type = 'SELECT'
    LOOP
        EXECUTE 'GRANT SELECT ON usage_daily TO ' || reader;
    END LOOP;
END $$;
