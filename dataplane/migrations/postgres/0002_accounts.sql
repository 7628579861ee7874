-- Who has how much money, and why. An entry moves an amount between a tenant's account and the house account that its
-- kind stands for, so the books balance whatever is entered (see the view `postings`).

-- balance is the sum of the account's entries, kept in the transactions that enter them. House accounts have none: they
-- would be the rows that every gateway waits for.
CREATE TABLE accounts (
    account              text        COLLATE "C" NOT NULL PRIMARY KEY,
    closed_at            timestamptz,
    balance              bigint      NOT NULL
) WITH (fillfactor = 50); -- written again and again: room to do so on their page

-- Of usage, id and attempt are those of the usage row; others have a UUIDv7 of their own, attempt 0, and a reference
-- that is unique within the account: what is entered again is entered once.
CREATE TABLE entries (
    id                   uuid        NOT NULL,
    attempt              bigint      NOT NULL,
    account              text        COLLATE "C" NOT NULL,
    kind                 text        COLLATE "C" NOT NULL
        CHECK (kind IN ('Usage', 'Grant', 'TopUp', 'Expiry', 'Refund', 'Correction')),
    amount               bigint      NOT NULL
        CHECK (amount <> 0 AND (kind NOT IN ('Grant', 'TopUp', 'Refund') OR amount > 0) AND (kind <> 'Expiry' OR amount < 0)),
    at                   timestamptz NOT NULL,
    reference            text        COLLATE "C" CHECK ((reference IS NULL) = (kind = 'Usage')),
    note                 text        COLLATE "C",
    PRIMARY KEY (id, attempt)
);
CREATE INDEX entries_of_account ON entries (account, at);
CREATE UNIQUE INDEX entries_once ON entries (account, reference) WHERE reference IS NOT NULL;

-- What was given and how much of it was left when credits were last looked at: usage is not told apart by credit as
-- it is entered, but when another credit comes or one lapses. Soonest expiry goes first, then the oldest.
CREATE TABLE credits (
    account              text        COLLATE "C" NOT NULL,
    reference            text        COLLATE "C" NOT NULL,
    amount               bigint      NOT NULL,
    remaining            bigint      NOT NULL CHECK (remaining BETWEEN 0 AND amount),
    given_at             timestamptz NOT NULL,
    expires_at           timestamptz,
    lapsed               boolean     NOT NULL,
    PRIMARY KEY (account, reference)
);
CREATE INDEX credits_due ON credits (expires_at) WHERE expires_at IS NOT NULL AND NOT lapsed;

-- Both sides of each entry.
CREATE VIEW postings AS
    SELECT id, attempt, at, kind, account, amount FROM entries
    UNION ALL
    SELECT id, attempt, at, kind, CASE kind
        WHEN 'Usage' THEN 'house:revenue' WHEN 'Refund' THEN 'house:revenue' WHEN 'Grant' THEN 'house:grants'
        WHEN 'TopUp' THEN 'house:payments' WHEN 'Expiry' THEN 'house:expired' ELSE 'house:corrections' END, -amount
    FROM entries;

-- A usage row has its entry and its place in the balance, or is not there at all, whichever version inserts it. What is
-- in suspense is not charged. Balances come in the order of their key, and last: usage rows, hourly sums, balances is
-- the order in which all gateways take locks. It runs with the rights of its owner, so that who may insert usage needs
-- no right to change a balance. A balance ends at 64 bits; it never turns around and never fails.
CREATE FUNCTION enter_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    WITH entered AS (
        INSERT INTO entries (id, attempt, account, kind, amount, at)
        SELECT request_id, attempt, account, 'Usage', -greatest(price_nanos, -9223372036854775807), at
        FROM inserted WHERE price_nanos <> 0 AND source <> 'Bound' ORDER BY request_id, attempt
        ON CONFLICT DO NOTHING -- a row that comes again when its month was taken away is not charged again
        RETURNING account, amount
    )
    INSERT INTO accounts AS kept (account, balance)
    SELECT account, greatest(least(sum(amount), 9223372036854775807), -9223372036854775808)
    FROM entered GROUP BY account ORDER BY account
    ON CONFLICT (account) DO UPDATE SET balance =
        greatest(least(kept.balance::numeric + excluded.balance, 9223372036854775807), -9223372036854775808);
    RETURN NULL;
END $$;

-- What runs with its owner's rights must not find somebody else's tables under the same names.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION enter_usage() SET search_path = %I, pg_temp', current_schema());
END $$;

CREATE TRIGGER entries_are_final BEFORE UPDATE OR DELETE ON entries
    FOR EACH ROW EXECUTE FUNCTION refuse_edit('entries');

-- What was used before there were accounts. Nobody inserts meanwhile: the trigger wants a lock on usage.
CREATE TRIGGER usage_is_entered AFTER INSERT ON usage REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION enter_usage();
INSERT INTO entries (id, attempt, account, kind, amount, at)
SELECT request_id, attempt, account, 'Usage', -greatest(price_nanos, -9223372036854775807), at FROM usage
WHERE price_nanos <> 0 AND source <> 'Bound';
INSERT INTO accounts (account, balance)
SELECT account, greatest(least(sum(amount), 9223372036854775807), -9223372036854775808) FROM entries GROUP BY account;
