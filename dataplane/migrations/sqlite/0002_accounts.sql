-- Who has how much money, and why. An entry moves an amount between a tenant's account and the house account that its
-- kind stands for, so the books balance whatever is entered (see the view `postings`).

-- balance is the sum of the account's entries, kept in the transactions that enter them.
CREATE TABLE accounts (
    account              TEXT    NOT NULL PRIMARY KEY,
    closed_at            INTEGER,
    balance              INTEGER NOT NULL
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

-- A usage row has its entry and its place in the balance, or is not there at all. What is in suspense is not charged.
-- A row that comes again after it was taken away is not charged again. A balance ends at 64 bits; it never turns around
-- and never fails.
CREATE TRIGGER usage_is_entered AFTER INSERT ON usage WHEN NEW.price_nanos <> 0 AND NEW.source <> 'Bound'
    AND NOT EXISTS (SELECT 1 FROM entries WHERE id = NEW.request_id AND attempt = NEW.attempt)
BEGIN
    INSERT INTO entries (id, attempt, account, kind, amount, at)
    VALUES (NEW.request_id, NEW.attempt, NEW.account, 'Usage', CAST(-NEW.price_nanos AS INTEGER), NEW.at);
    INSERT INTO accounts (account, balance) VALUES (NEW.account, CAST(-NEW.price_nanos AS INTEGER))
    ON CONFLICT (account) DO UPDATE SET balance = CAST(balance + excluded.balance AS INTEGER);
END;

CREATE TRIGGER entries_are_final BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are never edited'); END;
CREATE TRIGGER entries_stay BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;

-- What was used before there were accounts.
INSERT INTO entries (id, attempt, account, kind, amount, at)
SELECT request_id, attempt, account, 'Usage', CAST(-price_nanos AS INTEGER), at FROM usage
WHERE price_nanos <> 0 AND source <> 'Bound';
INSERT INTO accounts (account, balance) SELECT account, SUM(amount) FROM entries GROUP BY account;
