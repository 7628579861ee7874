-- Daily sums, for screens about many tenants: without key, user and project, so a day has few rows, however many hours.
CREATE TABLE usage_daily (
    day                  INTEGER NOT NULL,
    tenant               TEXT    NOT NULL,
    account              TEXT    NOT NULL,
    provider             TEXT    NOT NULL,
    model                TEXT    NOT NULL,
    source               TEXT    NOT NULL,
    requests             INTEGER NOT NULL,
    attempts             INTEGER NOT NULL,
    input_tokens         INTEGER NOT NULL,
    cached_input_tokens  INTEGER NOT NULL,
    cache_write_tokens   INTEGER NOT NULL,
    output_tokens        INTEGER NOT NULL,
    reasoning_tokens     INTEGER NOT NULL,
    cost_nanos           INTEGER NOT NULL,
    price_nanos          INTEGER NOT NULL,
    PRIMARY KEY (day, tenant, account, provider, model, source)
) STRICT, WITHOUT ROWID;

-- Days are added to with the hours, whichever version adds to those. A sum beyond 64 bits becomes a float, and the cast
-- its largest integer again.
CREATE TRIGGER hours_begin AFTER INSERT ON usage_hourly
BEGIN
    INSERT INTO usage_daily
    VALUES (NEW.hour - NEW.hour % 86400000, NEW.tenant, NEW.account, NEW.provider, NEW.model, NEW.source, NEW.requests, NEW.attempts,
        NEW.input_tokens, NEW.cached_input_tokens, NEW.cache_write_tokens, NEW.output_tokens,
        NEW.reasoning_tokens, NEW.cost_nanos, NEW.price_nanos)
    ON CONFLICT DO UPDATE SET
        requests = CAST(usage_daily.requests + excluded.requests AS INTEGER),
        attempts = CAST(usage_daily.attempts + excluded.attempts AS INTEGER),
        input_tokens = CAST(usage_daily.input_tokens + excluded.input_tokens AS INTEGER),
        cached_input_tokens = CAST(usage_daily.cached_input_tokens + excluded.cached_input_tokens AS INTEGER),
        cache_write_tokens = CAST(usage_daily.cache_write_tokens + excluded.cache_write_tokens AS INTEGER),
        output_tokens = CAST(usage_daily.output_tokens + excluded.output_tokens AS INTEGER),
        reasoning_tokens = CAST(usage_daily.reasoning_tokens + excluded.reasoning_tokens AS INTEGER),
        cost_nanos = CAST(usage_daily.cost_nanos + excluded.cost_nanos AS INTEGER),
        price_nanos = CAST(usage_daily.price_nanos + excluded.price_nanos AS INTEGER);
END;
CREATE TRIGGER hours_go_on AFTER UPDATE ON usage_hourly
BEGIN
    UPDATE usage_daily SET
        requests = CAST(requests + (NEW.requests - OLD.requests) AS INTEGER),
        attempts = CAST(attempts + (NEW.attempts - OLD.attempts) AS INTEGER),
        input_tokens = CAST(input_tokens + (NEW.input_tokens - OLD.input_tokens) AS INTEGER),
        cached_input_tokens = CAST(cached_input_tokens + (NEW.cached_input_tokens - OLD.cached_input_tokens) AS INTEGER),
        cache_write_tokens = CAST(cache_write_tokens + (NEW.cache_write_tokens - OLD.cache_write_tokens) AS INTEGER),
        output_tokens = CAST(output_tokens + (NEW.output_tokens - OLD.output_tokens) AS INTEGER),
        reasoning_tokens = CAST(reasoning_tokens + (NEW.reasoning_tokens - OLD.reasoning_tokens) AS INTEGER),
        cost_nanos = CAST(cost_nanos + (NEW.cost_nanos - OLD.cost_nanos) AS INTEGER),
        price_nanos = CAST(price_nanos + (NEW.price_nanos - OLD.price_nanos) AS INTEGER)
    WHERE day = NEW.hour - NEW.hour % 86400000 AND tenant = NEW.tenant AND account = NEW.account
        AND provider = NEW.provider AND model = NEW.model AND source = NEW.source;
END;

INSERT INTO usage_daily
SELECT hour - hour % 86400000, tenant, account, provider, model, source, requests, attempts, input_tokens,
    cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nanos, price_nanos
FROM usage_hourly WHERE true -- without it, ON would be read as a join's
ON CONFLICT DO UPDATE SET
    requests = CAST(usage_daily.requests + excluded.requests AS INTEGER),
    attempts = CAST(usage_daily.attempts + excluded.attempts AS INTEGER),
    input_tokens = CAST(usage_daily.input_tokens + excluded.input_tokens AS INTEGER),
    cached_input_tokens = CAST(usage_daily.cached_input_tokens + excluded.cached_input_tokens AS INTEGER),
    cache_write_tokens = CAST(usage_daily.cache_write_tokens + excluded.cache_write_tokens AS INTEGER),
    output_tokens = CAST(usage_daily.output_tokens + excluded.output_tokens AS INTEGER),
    reasoning_tokens = CAST(usage_daily.reasoning_tokens + excluded.reasoning_tokens AS INTEGER),
    cost_nanos = CAST(usage_daily.cost_nanos + excluded.cost_nanos AS INTEGER),
    price_nanos = CAST(usage_daily.price_nanos + excluded.price_nanos AS INTEGER);

CREATE INDEX usage_daily_of_tenant ON usage_daily (tenant, day);
-- What is in suspense of an account: few rows.
CREATE INDEX usage_daily_bound ON usage_daily (account) WHERE source = 'Bound';
