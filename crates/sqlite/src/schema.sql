CREATE TABLE IF NOT EXISTS onehorizon_version (version INTEGER NOT NULL, oldest_user INTEGER NOT NULL);
-- Times are microseconds since 1970.
CREATE TABLE IF NOT EXISTS onehorizon_event (
    scope        TEXT NOT NULL,
    event_id     TEXT NOT NULL,
    token        BLOB NOT NULL,
    leased_until INTEGER NOT NULL,
    done_at      INTEGER,
    PRIMARY KEY (scope, event_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS onehorizon_event_age ON onehorizon_event (scope, coalesce(done_at, leased_until));
-- A row without tokens was cleared: its version goes on counting.
CREATE TABLE IF NOT EXISTS onehorizon_token (
    scope       TEXT NOT NULL,
    login       TEXT NOT NULL,
    version     INTEGER NOT NULL,
    tokens      TEXT,
    guard       BLOB,
    guard_until INTEGER,
    interrupted INTEGER NOT NULL DEFAULT 0,
    saved_by    BLOB,
    PRIMARY KEY (scope, login)
) WITHOUT ROWID;
-- One row for each event: the queue while it is open, the memory of what was seen afterwards.
CREATE TABLE IF NOT EXISTS onehorizon_inbox (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    scope       TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    resource    TEXT,
    label       TEXT,
    body        TEXT,                        -- null when done: payloads do not outlive their use
    state       INTEGER NOT NULL DEFAULT 0,  -- 0 open, 1 done, 2 dead, 3 replaced by a later one
    attempts    INTEGER NOT NULL DEFAULT 0,
    visible_at  INTEGER NOT NULL,            -- next try, or the end of the lease
    token       BLOB,
    last_error  TEXT,
    received_at INTEGER NOT NULL,
    done_at     INTEGER,
    UNIQUE (scope, event_id)
);
CREATE INDEX IF NOT EXISTS onehorizon_inbox_open ON onehorizon_inbox (scope, visible_at) WHERE state = 0;
CREATE INDEX IF NOT EXISTS onehorizon_inbox_resource ON onehorizon_inbox (scope, resource, seq) WHERE state = 0;
CREATE INDEX IF NOT EXISTS onehorizon_inbox_dead ON onehorizon_inbox (scope, received_at) WHERE state = 2;
CREATE INDEX IF NOT EXISTS onehorizon_inbox_done ON onehorizon_inbox (scope, done_at) WHERE state IN (1, 3);
