-- Who has how much money, and why. An entry moves an amount between a tenant's account and the house account that its
-- kind stands for, so the books balance whatever is entered (see the view `postings`).

-- Amounts end at 64 bits; they never turn around, and never fail.
CREATE FUNCTION saturated(amount numeric) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(least(amount, 9223372036854775807), -9223372036854775808)::bigint
$$;

-- credited is the sum of the account's entries but for usage, kept in the transactions that enter them. What was used is
-- told by the places of the account's allowance (see the view `balances`): this row is not touched by usage, as all
-- gateways would wait for it. House accounts have no row.
CREATE TABLE accounts (
    account              text        COLLATE "C" NOT NULL PRIMARY KEY,
    closed_at            timestamptz,
    credited             bigint      NOT NULL
);

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

-- What may be spent: rates, budgets and balances, each within its window (Unix milliseconds at which it began; 0: it has
-- none). A balance is the allowance 'account:ACCOUNT', in window 0. A process that leases parts of it is a holder.
--
-- All locks are taken in one order, so nobody waits for another in a circle:
-- * An exchange, and whoever closes a holder: the holder's row, allowances that are new, allowances, each in the order of
--   their key; the rows of leases need no lock but these. Closing also locks the holder's rows of spending, at last.
-- * Whoever inserts usage: usage rows, hourly sums, rows of spending, each in the order of their key; none of another
--   holder's, no allowance and no lease.

-- spent: by holders that were closed. This is the row that an exchange locks.
CREATE TABLE allowances (
    allowance            text        COLLATE "C" NOT NULL,
    "window"             bigint      NOT NULL,
    class                text        COLLATE "C" NOT NULL CHECK (class IN ('Money', 'Rate', 'Held')),
    spent                bigint      NOT NULL,
    PRIMARY KEY (allowance, "window")
) WITH (fillfactor = 70);

-- epoch: begins at the time of the holder's first word, in milliseconds, and rises whenever it is opened again. A holder that has said
-- nothing until expires_at is silent.
CREATE TABLE holders (
    holder               uuid        NOT NULL PRIMARY KEY,
    epoch                bigint      NOT NULL,
    expires_at           timestamptz NOT NULL,
    closed_at            timestamptz
) WITH (fillfactor = 50); -- written again and again: room to do so on their page

-- Written by exchanges alone. granted, returned: since the lease began. spent: what the process says, of rates.
CREATE TABLE leases (
    allowance            text        COLLATE "C" NOT NULL,
    "window"             bigint      NOT NULL,
    holder               uuid        NOT NULL,
    granted              bigint      NOT NULL,
    returned             bigint      NOT NULL,
    spent                bigint      NOT NULL,
    PRIMARY KEY (allowance, "window", holder)
) WITH (fillfactor = 70);
CREATE INDEX leases_of_holder ON leases (holder);

-- Written with usage alone, until the holder is closed. spent: from the lease; unreserved: beside it; suspense: what
-- attempts whose outcome was never learned may have cost.
CREATE TABLE spending (
    allowance            text        COLLATE "C" NOT NULL,
    "window"             bigint      NOT NULL,
    holder               uuid        NOT NULL,
    spent                bigint      NOT NULL,
    unreserved           bigint      NOT NULL,
    suspense             bigint      NOT NULL,
    PRIMARY KEY (allowance, "window", holder)
) WITH (fillfactor = 50);
CREATE INDEX spending_of_holder ON spending (holder);

-- leased: what processes hold of the account and are not known to have spent; frozen: what may have been spent by
-- attempts whose outcome was never learned, as far as it is still held back.
CREATE VIEW balances AS
    SELECT a.account, a.closed_at, a.credited, saturated(s.spent) AS spent, saturated(a.credited - s.spent) AS balance,
        saturated(l.leased) AS leased, saturated(s.suspense) AS frozen
    FROM accounts AS a
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(spent), 0) AS spent, coalesce(sum(suspense), 0) AS suspense FROM (
            SELECT spent::numeric, 0 AS suspense FROM allowances WHERE allowance = 'account:' || a.account AND "window" = 0
            UNION ALL
            SELECT spent::numeric + unreserved, suspense FROM spending
            WHERE allowance = 'account:' || a.account AND "window" = 0
        ) AS parts
    ) AS s
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(greatest(0, l.granted::numeric - l.returned - coalesce(s.spent, 0) - coalesce(s.suspense, 0))), 0)
            AS leased
        FROM leases AS l LEFT JOIN spending AS s USING (allowance, "window", holder)
        WHERE l.allowance = 'account:' || a.account AND l."window" = 0
    ) AS l;

-- A usage row has its entry and its place in the balance, or is not there at all, whichever version inserts it: versions
-- that settle what they insert say so by `aigne_hub.settles`; for others it is done here, beside all leases. What is in
-- suspense is not charged. It runs with the rights of its owner, so that who may insert usage needs no right to enter
-- anything else.
CREATE FUNCTION enter_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    WITH entered AS (
        INSERT INTO entries (id, attempt, account, kind, amount, at)
        SELECT request_id, attempt, account, 'Usage', -greatest(price_nanos, -9223372036854775807), at
        FROM inserted WHERE price_nanos <> 0 AND source <> 'Bound' ORDER BY request_id, attempt
        ON CONFLICT DO NOTHING -- a row that comes again when its month was taken away is not charged again
        RETURNING account, amount
    ), opened AS (
        INSERT INTO accounts (account, credited) SELECT DISTINCT account, 0 FROM entered ORDER BY 1 ON CONFLICT DO NOTHING
    )
    INSERT INTO spending AS kept (allowance, "window", holder, spent, unreserved, suspense)
    SELECT 'account:' || account, 0, '00000000-0000-0000-0000-000000000000', 0, saturated(-sum(amount)), 0
    FROM entered WHERE current_setting('aigne_hub.settles', true) IS DISTINCT FROM 'yes' GROUP BY account ORDER BY account
    ON CONFLICT (allowance, "window", holder) DO UPDATE SET
        unreserved = saturated(kept.unreserved::numeric + excluded.unreserved);
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
INSERT INTO accounts (account, credited) SELECT DISTINCT account, 0 FROM entries;
INSERT INTO allowances (allowance, "window", class, spent)
SELECT 'account:' || account, 0, 'Money', saturated(-sum(amount)) FROM entries GROUP BY account;
