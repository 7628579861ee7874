-- Amounts are whole nano-dollars. Text compares byte by byte (COLLATE "C"), so that all gateways lock in one order.

-- One row an attempt. request_id is a UUIDv7: its first 48 bits are Unix milliseconds, so a range of it is a time.
CREATE TABLE usage (
    request_id           uuid        NOT NULL,
    attempt              bigint      NOT NULL,
    at                   timestamptz NOT NULL,
    tenant               text        COLLATE "C" NOT NULL,
    account              text        COLLATE "C" NOT NULL,
    "key"                text        COLLATE "C" NOT NULL,
    "user"               text        COLLATE "C",
    project              text        COLLATE "C",
    provider             text        COLLATE "C" NOT NULL,
    model                text        COLLATE "C" NOT NULL,
    status               text        COLLATE "C" NOT NULL,
    http_status          bigint      NOT NULL,
    source               text        COLLATE "C" NOT NULL,
    input_tokens         bigint      NOT NULL,
    cached_input_tokens  bigint      NOT NULL,
    cache_write_tokens   bigint      NOT NULL,
    output_tokens        bigint      NOT NULL,
    reasoning_tokens     bigint      NOT NULL,
    audio_input_tokens   bigint      NOT NULL,
    audio_output_tokens  bigint      NOT NULL,
    cost_nanos           bigint      NOT NULL,
    price_nanos          bigint      NOT NULL,
    price_revision       text        COLLATE "C",
    reported_cost_nanos  bigint,
    first_byte_ms        bigint,
    duration_ms          bigint,
    PRIMARY KEY (request_id, attempt)
) PARTITION BY RANGE (request_id);

-- Rows come in about the order of time: this index is a few pages a month.
CREATE INDEX usage_at ON usage USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

-- The sums of the rows that were really inserted. '' stands for no user and no project.
CREATE TABLE usage_hourly (
    hour                 timestamptz NOT NULL,
    tenant               text        COLLATE "C" NOT NULL,
    account              text        COLLATE "C" NOT NULL,
    "key"                text        COLLATE "C" NOT NULL,
    "user"               text        COLLATE "C" NOT NULL,
    project              text        COLLATE "C" NOT NULL,
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
    PRIMARY KEY (hour, tenant, account, "key", "user", project, provider, model, source)
) WITH (fillfactor = 70); -- the running hour's rows are written again and again: room to do so on their page

-- What a row's price_revision stands for: the sheet as JSON.
CREATE TABLE price_sheets (
    revision             text        COLLATE "C" NOT NULL PRIMARY KEY,
    sheet                text        NOT NULL
);

-- What was recorded is never edited; a correction is a new entry.
CREATE FUNCTION refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never edited', TG_ARGV[0];
END $$;
CREATE TRIGGER usage_is_final BEFORE UPDATE ON usage
    FOR EACH ROW EXECUTE FUNCTION refuse_edit('usage');
CREATE TRIGGER price_sheets_are_final BEFORE UPDATE ON price_sheets
    FOR EACH ROW EXECUTE FUNCTION refuse_edit('price_sheets');

-- The least UUID of a time; NULL past the last that 48 bits of milliseconds can say (in the year 10889).
CREATE FUNCTION usage_id(at timestamp) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN ms < (1::bigint << 48) THEN (lpad(to_hex(ms), 12, '0') || repeat('0', 20))::uuid END
    FROM (SELECT (extract(epoch FROM at) * 1000)::bigint AS ms) AS time
$$;

-- Makes the partition of the month that an id is of, and the one after, and returns the bounds of the first. It runs
-- with the rights of its owner, so that who may insert need not be able to make tables. There is no default
-- partition: what is in one would have to be moved, under a lock that stops everything, before the month's own
-- could be made. A partition is made apart and then attached: that lets inserts and readers go on.
CREATE FUNCTION make_usage_partition(id uuid, OUT lower uuid, OUT upper uuid)
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    ms    bigint := ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint;
    month timestamp := date_trunc('month', timestamp 'epoch' + ms * interval '1 millisecond');
    first timestamp := month;
    name  text;
BEGIN
    -- One at a time; the others then find it made.
    PERFORM pg_advisory_xact_lock(hashtextextended('aigne-hub usage partitions', 0));
    FOR ahead IN 0..1 LOOP
        month := first + ahead * interval '1 month';
        CONTINUE WHEN usage_id(month) IS NULL;
        name := 'usage_' || to_char(month, 'FMYYYY_MM');
        IF to_regclass(quote_ident(name)) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE usage INCLUDING ALL)', name);
            EXECUTE format('ALTER TABLE usage ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%s)', name,
                usage_id(month), coalesce(quote_literal(usage_id(month + interval '1 month')), 'MAXVALUE'));
        ELSIF NOT EXISTS (
            SELECT FROM pg_inherits
            WHERE inhrelid = to_regclass(quote_ident(name)) AND inhparent = to_regclass('usage')
        ) AND ahead = 0 THEN
            RAISE EXCEPTION 'table % is not a partition of usage, and there are rows for it', name
                USING HINT = 'Attach it again, or rename it and a new one will be made.';
        END IF;
    END LOOP;
    lower := usage_id(first);
    upper := usage_id(first + interval '1 month');
END $$;
REVOKE ALL ON FUNCTION make_usage_partition FROM PUBLIC;

-- What runs with its owner's rights must not find somebody else's tables under the same names.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION make_usage_partition(uuid) SET search_path = %I, pg_temp', current_schema());
END $$;
