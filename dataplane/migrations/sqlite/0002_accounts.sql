-- Who has how much money, and why. An entry moves an amount between a tenant's account and the house account that its
-- kind stands for, so the books balance whatever is entered (see the view `postings`).

-- credited is the sum of the account's entries but for usage, kept in the transactions that enter them. What was used is
-- told by the places of the account's allowance (see the view `balances`).
CREATE TABLE accounts (
    account              TEXT    NOT NULL PRIMARY KEY,
    closed_at            INTEGER,
    credited             INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Of usage, id and attempt are those of the usage row; others have a UUIDv7 of their own, attempt 0, and a reference
-- that is unique within the account: what is entered again is entered once.
CREATE TABLE entries (
    id                   BLOB    NOT NULL,
    attempt              INTEGER NOT NULL,
    account              TEXT    NOT NULL,
    kind                 TEXT    NOT NULL
        CHECK (kind IN ('Usage', 'Grant', 'TopUp', 'Expiry', 'Refund', 'Correction')),
    amount               INTEGER NOT NULL
        CHECK (amount <> 0 AND (kind NOT IN ('Grant', 'TopUp', 'Refund') OR amount > 0) AND (kind <> 'Expiry' OR amount < 0)),
    at                   INTEGER NOT NULL,
    reference            TEXT CHECK ((reference IS NULL) = (kind = 'Usage')),
    note                 TEXT,
    PRIMARY KEY (id, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX entries_of_account ON entries (account, at);
CREATE UNIQUE INDEX entries_once ON entries (account, reference) WHERE reference IS NOT NULL;

-- What was given and how much of it was left when credits were last looked at: usage is not told apart by credit as
-- it is entered, but when another credit comes or one lapses. Soonest expiry goes first, then the oldest.
CREATE TABLE credits (
    account              TEXT    NOT NULL,
    reference            TEXT    NOT NULL,
    amount               INTEGER NOT NULL,
    remaining            INTEGER NOT NULL CHECK (remaining BETWEEN 0 AND amount),
    given_at             INTEGER NOT NULL,
    expires_at           INTEGER,
    lapsed               INTEGER NOT NULL,
    PRIMARY KEY (account, reference)
) STRICT, WITHOUT ROWID;
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

-- spent: by holders that were closed.
CREATE TABLE allowances (
    allowance            TEXT    NOT NULL,
    "window"             INTEGER NOT NULL,
    class                TEXT    NOT NULL CHECK (class IN ('Money', 'Rate', 'Held')),
    spent                INTEGER NOT NULL,
    PRIMARY KEY (allowance, "window")
) STRICT, WITHOUT ROWID;

-- epoch: begins at the time of the holder's first word, and rises whenever it is opened again. A holder that has said
-- nothing until expires_at is silent.
CREATE TABLE holders (
    holder               BLOB    NOT NULL PRIMARY KEY,
    epoch                INTEGER NOT NULL,
    expires_at           INTEGER NOT NULL,
    closed_at            INTEGER
) STRICT, WITHOUT ROWID;

-- Written by exchanges alone. granted, returned: since the lease began. spent: what the process says, of rates.
CREATE TABLE leases (
    allowance            TEXT    NOT NULL,
    "window"             INTEGER NOT NULL,
    holder               BLOB    NOT NULL,
    granted              INTEGER NOT NULL,
    returned             INTEGER NOT NULL,
    spent                INTEGER NOT NULL,
    PRIMARY KEY (allowance, "window", holder)
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_of_holder ON leases (holder);

-- Written with usage alone, until the holder is closed. spent: from the lease; unreserved: beside it; suspense: what
-- attempts whose outcome was never learned may have cost.
CREATE TABLE spending (
    allowance            TEXT    NOT NULL,
    "window"             INTEGER NOT NULL,
    holder               BLOB    NOT NULL,
    spent                INTEGER NOT NULL,
    unreserved           INTEGER NOT NULL,
    suspense             INTEGER NOT NULL,
    PRIMARY KEY (allowance, "window", holder)
) STRICT, WITHOUT ROWID;
CREATE INDEX spending_of_holder ON spending (holder);

-- leased: what processes hold of the account and are not known to have spent; frozen: what may have been spent by
-- attempts whose outcome was never learned, as far as it is still held back.
CREATE VIEW balances AS
    SELECT account, closed_at, credited, spent, CAST(credited - spent AS INTEGER) AS balance, leased, frozen FROM (
        SELECT a.account, a.closed_at, a.credited,
            CAST(
                COALESCE((SELECT spent FROM allowances WHERE allowance = 'account:' || a.account AND "window" = 0), 0)
                + COALESCE((SELECT SUM(spent) FROM spending WHERE allowance = 'account:' || a.account AND "window" = 0), 0)
                + COALESCE((SELECT SUM(unreserved) FROM spending WHERE allowance = 'account:' || a.account AND "window" = 0), 0)
            AS INTEGER) AS spent,
            COALESCE((SELECT SUM(suspense) FROM spending WHERE allowance = 'account:' || a.account AND "window" = 0), 0)
            AS frozen,
            COALESCE((
                SELECT SUM(MAX(0, l.granted - l.returned - COALESCE(s.spent, 0) - COALESCE(s.suspense, 0)))
                FROM leases AS l LEFT JOIN spending AS s USING (allowance, "window", holder)
                WHERE l.allowance = 'account:' || a.account AND l."window" = 0
            ), 0) AS leased
        FROM accounts AS a
    );

-- A usage row has its entry, or is not there at all. What is in suspense is not charged. A row that comes again after it
-- was taken away is not charged again.
CREATE TRIGGER usage_is_entered AFTER INSERT ON usage WHEN NEW.price_nanos <> 0 AND NEW.source <> 'Bound'
    AND NOT EXISTS (SELECT 1 FROM entries WHERE id = NEW.request_id AND attempt = NEW.attempt)
BEGIN
    INSERT INTO entries (id, attempt, account, kind, amount, at)
    VALUES (NEW.request_id, NEW.attempt, NEW.account, 'Usage', CAST(-NEW.price_nanos AS INTEGER), NEW.at);
    INSERT INTO accounts (account, credited) VALUES (NEW.account, 0) ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER entries_are_final BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are never edited'); END;
CREATE TRIGGER entries_stay BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;

-- What was used before there were accounts.
INSERT INTO entries (id, attempt, account, kind, amount, at)
SELECT request_id, attempt, account, 'Usage', CAST(-price_nanos AS INTEGER), at FROM usage
WHERE price_nanos <> 0 AND source <> 'Bound';
INSERT INTO accounts (account, credited) SELECT DISTINCT account, 0 FROM entries;
INSERT INTO allowances (allowance, "window", class, spent)
SELECT 'account:' || account, 0, 'Money', CAST(-SUM(amount) AS INTEGER) FROM entries GROUP BY account;
