-- Lower is spent first; then the soonest expiry, then the oldest.
ALTER TABLE credits ADD COLUMN priority INTEGER NOT NULL DEFAULT 50 CHECK (priority BETWEEN 0 AND 100);
