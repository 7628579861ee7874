-- What is to be told to others (Stripe, an event broker, a webhook), and who has changed what.

-- A row stands for everybody who is told. Nothing is kept for who is not here.
CREATE TABLE sinks (
    sink                 text        COLLATE "C" NOT NULL PRIMARY KEY,
    since                timestamptz NOT NULL DEFAULT now()
);

-- One row for each sink and entry (or event) that it has not accepted yet. Whoever sends it claims it by moving free_at
-- ahead: a claim of somebody who is gone lapses by itself. `event` is JSON; without one the message is the entry.
CREATE TABLE outbox (
    sequence             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sink                 text        COLLATE "C" NOT NULL,
    id                   uuid        NOT NULL,
    attempt              bigint      NOT NULL,
    event                text,
    at                   timestamptz NOT NULL DEFAULT now(),
    tries                bigint      NOT NULL DEFAULT 0,
    free_at              timestamptz NOT NULL DEFAULT now(),
    parked_at            timestamptz,
    why                  text
) WITH (fillfactor = 70);
CREATE INDEX outbox_waiting ON outbox (sink, sequence) WHERE parked_at IS NULL;
CREATE INDEX outbox_parked ON outbox (sink, sequence) WHERE parked_at IS NOT NULL;

-- An entry and what is to be told of it are one transaction, whoever enters it. It runs with the rights of its owner, so
-- that who may enter needs none on the outbox.
CREATE FUNCTION tell_sinks() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO outbox (sink, id, attempt)
    SELECT s.sink, i.id, i.attempt FROM inserted AS i CROSS JOIN sinks AS s ORDER BY i.id, i.attempt;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_are_told AFTER INSERT ON entries REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION tell_sinks();

-- What was last said of an account's balance, so that each crossing is said once, however many gateways look.
CREATE TABLE balance_alerts (
    account              text        COLLATE "C" NOT NULL PRIMARY KEY,
    level                text        COLLATE "C" NOT NULL CHECK (level IN ('Fine', 'Low', 'Exhausted')),
    at                   timestamptz NOT NULL
);

-- Who has changed what by a command.
CREATE TABLE audit (
    id                   uuid        NOT NULL PRIMARY KEY,
    at                   timestamptz NOT NULL,
    actor                text        NOT NULL,
    command              text        NOT NULL,
    account              text        COLLATE "C",
    detail               text        NOT NULL
);
CREATE INDEX audit_of_account ON audit (account, id);
CREATE TRIGGER audit_is_final BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_edit('audit');

-- When a sheet was first in use here; of those before now: now.
ALTER TABLE price_sheets ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();

-- What runs with its owner's rights must not find somebody else's tables under the same names.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION tell_sinks() SET search_path = %I, pg_temp', current_schema());
END $$;
