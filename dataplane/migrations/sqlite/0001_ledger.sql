-- Amounts are whole nano-dollars, times Unix milliseconds, hours their first millisecond.

-- One row an attempt. request_id is a UUIDv7, so rows are appended in the order of time.
CREATE TABLE usage (
    request_id           BLOB    NOT NULL,
    attempt              INTEGER NOT NULL,
    at                   INTEGER NOT NULL,
    tenant               TEXT    NOT NULL,
    account              TEXT    NOT NULL,
    "key"                TEXT    NOT NULL,
    "user"               TEXT,
    project              TEXT,
    provider             TEXT    NOT NULL,
    model                TEXT    NOT NULL,
    status               TEXT    NOT NULL,
    http_status          INTEGER NOT NULL,
    source               TEXT    NOT NULL,
    input_tokens         INTEGER NOT NULL,
    cached_input_tokens  INTEGER NOT NULL,
    cache_write_tokens   INTEGER NOT NULL,
    output_tokens        INTEGER NOT NULL,
    reasoning_tokens     INTEGER NOT NULL,
    audio_input_tokens   INTEGER NOT NULL,
    audio_output_tokens  INTEGER NOT NULL,
    cost_nanos           INTEGER NOT NULL,
    price_nanos          INTEGER NOT NULL,
    price_revision       TEXT,
    reported_cost_nanos  INTEGER,
    first_byte_ms        INTEGER,
    duration_ms          INTEGER,
    PRIMARY KEY (request_id, attempt)
) STRICT, WITHOUT ROWID;

-- The sums of the rows that were really inserted. '' stands for no user and no project.
CREATE TABLE usage_hourly (
    hour                 INTEGER NOT NULL,
    tenant               TEXT    NOT NULL,
    account              TEXT    NOT NULL,
    "key"                TEXT    NOT NULL,
    "user"               TEXT    NOT NULL,
    project              TEXT    NOT NULL,
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
    PRIMARY KEY (hour, tenant, account, "key", "user", project, provider, model, source)
) STRICT, WITHOUT ROWID;

-- What a row's price_revision stands for: the sheet as JSON.
CREATE TABLE price_sheets (
    revision             TEXT    NOT NULL PRIMARY KEY,
    sheet                TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- What was recorded is never edited; a correction is a new entry.
CREATE TRIGGER usage_is_final BEFORE UPDATE ON usage
BEGIN SELECT RAISE(ABORT, 'usage rows are never edited'); END;
CREATE TRIGGER price_sheets_are_final BEFORE UPDATE ON price_sheets
BEGIN SELECT RAISE(ABORT, 'price sheets are never edited'); END;
