//! What must add up, as questions that both stores answer: each gives what differs, what it should be and what it is.

/// A name, and its question.
pub(in crate::ledger) const CHECKS: [(&str, &str); 9] = [
    ("each charged usage row has its entry", ROWS),
    ("each usage entry has its row", ENTRIES),
    ("hourly sums are those of the rows", HOURS),
    ("daily sums are those of the hours", DAYS),
    ("a balance is the sum of its entries", BALANCES),
    ("what was spent of an account is the sum of its usage entries", SPENDING),
    ("holders that were closed hold nothing", LEASES),
    ("credits left are not less than the balance", CREDITS),
    ("all postings add up to nothing", BOOKS),
];

const ROWS: &str = "
    SELECT CAST(u.request_id AS text) || ' ' || u.attempt, -u.price_nanos, e.amount FROM usage AS u
    LEFT JOIN entries AS e ON e.id = u.request_id AND e.attempt = u.attempt AND e.account = u.account AND e.kind = 'Usage'
    WHERE u.source <> 'Bound' AND u.price_nanos <> 0 AND (e.amount IS NULL OR e.amount <> -u.price_nanos)";

/// Of months whose rows are still there: those that were taken away are the oldest.
const ENTRIES: &str = "
    SELECT CAST(e.id AS text) || ' ' || e.attempt, CAST(NULL AS bigint), e.amount FROM entries AS e
    LEFT JOIN usage AS u ON u.request_id = e.id AND u.attempt = e.attempt AND u.source <> 'Bound'
    WHERE e.kind = 'Usage' AND u.request_id IS NULL
    AND e.id >= (SELECT request_id FROM usage ORDER BY request_id LIMIT 1)";

/// By account and hour. Of hours after the first row's: those before were taken away with their months.
const HOURS: &str = "
    SELECT account || ' ' || hour, CAST(SUM(expected) AS bigint), CAST(SUM(found) AS bigint) FROM (
        SELECT account, {hour} AS hour, price_nanos AS expected, 0 AS found FROM usage
        UNION ALL
        SELECT account, hour, 0, price_nanos FROM usage_hourly
        WHERE hour >= (SELECT {hour} FROM usage ORDER BY request_id LIMIT 1)
    ) AS both_sides GROUP BY account, hour HAVING SUM(expected) <> SUM(found)";

/// By account and day.
const DAYS: &str = "
    SELECT account || ' ' || day, CAST(SUM(expected) AS bigint), CAST(SUM(found) AS bigint) FROM (
        SELECT account, {day} AS day, price_nanos AS expected, 0 AS found FROM usage_hourly
        UNION ALL
        SELECT account, day, 0, price_nanos FROM usage_daily
    ) AS both_sides GROUP BY account, day HAVING SUM(expected) <> SUM(found)";

const BALANCES: &str = "
    SELECT name, expected, found FROM (
        SELECT COALESCE(a.account, e.account) AS name, CAST(COALESCE(e.amount, 0) AS bigint) AS expected, a.balance AS found
        FROM (SELECT account, SUM(amount) AS amount FROM entries GROUP BY account) AS e
        FULL JOIN balances AS a ON a.account = e.account
    ) AS both_sides WHERE found IS NULL OR expected <> found";

const SPENDING: &str = "
    SELECT a.account, CAST(COALESCE(e.amount, 0) AS bigint), a.spent FROM balances AS a
    LEFT JOIN (SELECT account, -SUM(amount) AS amount FROM entries WHERE kind = 'Usage' GROUP BY account) AS e
    ON e.account = a.account WHERE a.spent <> COALESCE(e.amount, 0)";

const LEASES: &str = "
    SELECT l.allowance || ' ' || l.\"window\" || ' ' || CAST(l.holder AS text), CAST(NULL AS bigint), l.granted - l.returned
    FROM leases AS l JOIN holders AS h ON h.holder = l.holder WHERE h.closed_at IS NOT NULL";

const CREDITS: &str = "
    SELECT a.account, a.balance, CAST(COALESCE(c.remaining, 0) AS bigint) FROM balances AS a
    LEFT JOIN (SELECT account, SUM(remaining) AS remaining FROM credits GROUP BY account) AS c ON c.account = a.account
    WHERE a.balance > COALESCE(c.remaining, 0)";

const BOOKS: &str = "
    SELECT 'postings', CAST(0 AS bigint), CAST(SUM(amount) AS bigint) FROM postings HAVING SUM(amount) <> 0";
