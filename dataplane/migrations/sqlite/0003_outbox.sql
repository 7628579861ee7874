-- What is to be told to others (Stripe, an event broker, a webhook), and who has changed what.

-- A row stands for everybody who is told. Nothing is kept for who is not here.
CREATE TABLE sinks (
    sink                 TEXT    NOT NULL PRIMARY KEY,
    since                INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each sink and entry (or event) that it has not accepted yet. Whoever sends it claims it by moving free_at
-- ahead: a claim of somebody who is gone lapses by itself. `event` is JSON; without one the message is the entry.
CREATE TABLE outbox (
    sequence             INTEGER PRIMARY KEY AUTOINCREMENT,
    sink                 TEXT    NOT NULL,
    id                   BLOB    NOT NULL,
    attempt              INTEGER NOT NULL,
    event                TEXT,
    at                   INTEGER NOT NULL,
    tries                INTEGER NOT NULL DEFAULT 0,
    free_at              INTEGER NOT NULL DEFAULT 0,
    parked_at            INTEGER,
    why                  TEXT
) STRICT;
CREATE INDEX outbox_waiting ON outbox (sink, sequence) WHERE parked_at IS NULL;
CREATE INDEX outbox_parked ON outbox (sink, sequence) WHERE parked_at IS NOT NULL;

-- An entry and what is to be told of it are one transaction, whoever enters it.
CREATE TRIGGER entries_are_told AFTER INSERT ON entries
BEGIN
    INSERT INTO outbox (sink, id, attempt, at)
    SELECT sink, NEW.id, NEW.attempt, CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM sinks;
END;

-- What was last said of an account's balance, so that each crossing is said once.
CREATE TABLE balance_alerts (
    account              TEXT    NOT NULL PRIMARY KEY,
    level                TEXT    NOT NULL CHECK (level IN ('Fine', 'Low', 'Exhausted')),
    at                   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who has changed what by a command.
CREATE TABLE audit (
    id                   BLOB    NOT NULL PRIMARY KEY,
    at                   INTEGER NOT NULL,
    actor                TEXT    NOT NULL,
    command              TEXT    NOT NULL,
    account              TEXT,
    detail               TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_of_account ON audit (account, id);
CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit lines are never edited'); END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit lines are never deleted'); END;

-- When a sheet was first in use here; of those before now: 0.
ALTER TABLE price_sheets ADD COLUMN recorded_at INTEGER NOT NULL DEFAULT 0;
