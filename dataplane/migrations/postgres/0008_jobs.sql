-- Jobs that were paid for and whose end nobody has seen: a gateway looks at them, and gives back what failed. They come in
-- with their usage row and go when they have ended. `id` is the client's: only who has the provider's credential reads it.
CREATE TABLE jobs (
    request_id           uuid        NOT NULL PRIMARY KEY,
    id                   text        COLLATE "C" NOT NULL,
    account              text        COLLATE "C" NOT NULL,
    charged              bigint      NOT NULL,
    made_at              timestamptz NOT NULL,
    next_look            timestamptz NOT NULL,
    looks                bigint      NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX jobs_due ON jobs (next_look);
