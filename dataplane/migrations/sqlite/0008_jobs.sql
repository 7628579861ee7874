-- Jobs that were paid for and whose end nobody has seen: a gateway looks at them, and gives back what failed. They come in
-- with their usage row and go when they have ended. `id` is the client's: only who has the provider's credential reads it.
CREATE TABLE jobs (
    request_id           BLOB    NOT NULL PRIMARY KEY,
    id                   TEXT    NOT NULL,
    account              TEXT    NOT NULL,
    charged              INTEGER NOT NULL,
    made_at              INTEGER NOT NULL,
    next_look            INTEGER NOT NULL,
    looks                INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_due ON jobs (next_look);
