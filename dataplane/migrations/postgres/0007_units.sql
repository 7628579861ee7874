-- What is used beside tokens of text: images, milliseconds of audio or video, characters that are spoken; and the parts
-- of input and output that were images. Rows of earlier versions have none.

ALTER TABLE usage
    ADD COLUMN image_input_tokens  bigint NOT NULL DEFAULT 0,
    ADD COLUMN image_output_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN images              bigint NOT NULL DEFAULT 0,
    ADD COLUMN image_size          text   COLLATE "C",
    ADD COLUMN image_quality       text   COLLATE "C",
    ADD COLUMN media_ms            bigint NOT NULL DEFAULT 0,
    ADD COLUMN characters          bigint NOT NULL DEFAULT 0;

-- Months that were taken away for a while could not come back without them. Who has given one to somebody else, has it so.
DO $$
DECLARE
    month text;
BEGIN
    FOR month IN SELECT partition FROM hub_usage_months WHERE NOT attached LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s
                ADD COLUMN IF NOT EXISTS image_input_tokens  bigint NOT NULL DEFAULT 0,
                ADD COLUMN IF NOT EXISTS image_output_tokens bigint NOT NULL DEFAULT 0,
                ADD COLUMN IF NOT EXISTS images              bigint NOT NULL DEFAULT 0,
                ADD COLUMN IF NOT EXISTS image_size          text   COLLATE "C",
                ADD COLUMN IF NOT EXISTS image_quality       text   COLLATE "C",
                ADD COLUMN IF NOT EXISTS media_ms            bigint NOT NULL DEFAULT 0,
                ADD COLUMN IF NOT EXISTS characters          bigint NOT NULL DEFAULT 0', month);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'table % is somebody else''s, and gets no columns', month;
        END;
    END LOOP;
END $$;

ALTER TABLE usage_hourly
    ADD COLUMN images              bigint NOT NULL DEFAULT 0,
    ADD COLUMN media_ms            bigint NOT NULL DEFAULT 0,
    ADD COLUMN characters          bigint NOT NULL DEFAULT 0;
ALTER TABLE usage_daily
    ADD COLUMN images              bigint NOT NULL DEFAULT 0,
    ADD COLUMN media_ms            bigint NOT NULL DEFAULT 0,
    ADD COLUMN characters          bigint NOT NULL DEFAULT 0;

-- As before, and the units.
CREATE OR REPLACE FUNCTION add_to_days() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO usage_daily AS kept (day, tenant, account, provider, model, source, requests, attempts, input_tokens,
        cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, images, media_ms, characters, cost_nanos,
        price_nanos)
    SELECT date_trunc('day', at, 'UTC'), tenant, account, provider, model, source, count(*) FILTER (WHERE attempt = 1),
        count(*), saturated(sum(input_tokens)), saturated(sum(cached_input_tokens)), saturated(sum(cache_write_tokens)),
        saturated(sum(output_tokens)), saturated(sum(reasoning_tokens)), saturated(sum(images)), saturated(sum(media_ms)),
        saturated(sum(characters)), saturated(sum(cost_nanos)), saturated(sum(price_nanos))
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
        images = saturated(kept.images::numeric + excluded.images),
        media_ms = saturated(kept.media_ms::numeric + excluded.media_ms),
        characters = saturated(kept.characters::numeric + excluded.characters),
        cost_nanos = saturated(kept.cost_nanos::numeric + excluded.cost_nanos),
        price_nanos = saturated(kept.price_nanos::numeric + excluded.price_nanos);
    RETURN NULL;
END $$;

-- What runs with its owner's rights must not find somebody else's tables under the same names: said anew, as the function is.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION add_to_days() SET search_path = %I, pg_temp', current_schema());
END $$;
