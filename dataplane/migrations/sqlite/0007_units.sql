-- What is used beside tokens of text: images, milliseconds of audio or video, characters that are spoken; and the parts
-- of input and output that were images. Rows of earlier versions have none.
ALTER TABLE usage ADD COLUMN image_input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN image_output_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN images INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN image_size TEXT;
ALTER TABLE usage ADD COLUMN image_quality TEXT;
ALTER TABLE usage ADD COLUMN media_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN characters INTEGER NOT NULL DEFAULT 0;

ALTER TABLE usage_hourly ADD COLUMN images INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_hourly ADD COLUMN media_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_hourly ADD COLUMN characters INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_daily ADD COLUMN images INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_daily ADD COLUMN media_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_daily ADD COLUMN characters INTEGER NOT NULL DEFAULT 0;

-- As before, and the units.
DROP TRIGGER hours_begin;
DROP TRIGGER hours_go_on;
CREATE TRIGGER hours_begin AFTER INSERT ON usage_hourly
BEGIN
    INSERT INTO usage_daily (day, tenant, account, provider, model, source, requests, attempts, input_tokens,
        cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, images, media_ms, characters, cost_nanos,
        price_nanos)
    VALUES (NEW.hour - NEW.hour % 86400000, NEW.tenant, NEW.account, NEW.provider, NEW.model, NEW.source, NEW.requests, NEW.attempts,
        NEW.input_tokens, NEW.cached_input_tokens, NEW.cache_write_tokens, NEW.output_tokens,
        NEW.reasoning_tokens, NEW.images, NEW.media_ms, NEW.characters, NEW.cost_nanos, NEW.price_nanos)
    ON CONFLICT DO UPDATE SET
        requests = CAST(usage_daily.requests + excluded.requests AS INTEGER),
        attempts = CAST(usage_daily.attempts + excluded.attempts AS INTEGER),
        input_tokens = CAST(usage_daily.input_tokens + excluded.input_tokens AS INTEGER),
        cached_input_tokens = CAST(usage_daily.cached_input_tokens + excluded.cached_input_tokens AS INTEGER),
        cache_write_tokens = CAST(usage_daily.cache_write_tokens + excluded.cache_write_tokens AS INTEGER),
        output_tokens = CAST(usage_daily.output_tokens + excluded.output_tokens AS INTEGER),
        reasoning_tokens = CAST(usage_daily.reasoning_tokens + excluded.reasoning_tokens AS INTEGER),
        images = CAST(usage_daily.images + excluded.images AS INTEGER),
        media_ms = CAST(usage_daily.media_ms + excluded.media_ms AS INTEGER),
        characters = CAST(usage_daily.characters + excluded.characters AS INTEGER),
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
        images = CAST(images + (NEW.images - OLD.images) AS INTEGER),
        media_ms = CAST(media_ms + (NEW.media_ms - OLD.media_ms) AS INTEGER),
        characters = CAST(characters + (NEW.characters - OLD.characters) AS INTEGER),
        cost_nanos = CAST(cost_nanos + (NEW.cost_nanos - OLD.cost_nanos) AS INTEGER),
        price_nanos = CAST(price_nanos + (NEW.price_nanos - OLD.price_nanos) AS INTEGER)
    WHERE day = NEW.hour - NEW.hour % 86400000 AND tenant = NEW.tenant AND account = NEW.account
        AND provider = NEW.provider AND model = NEW.model AND source = NEW.source;
END;
