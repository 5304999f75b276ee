-- What the operator keeps of each connection. Times are milliseconds since 1970 in UTC; absent text is ''.

-- One row for each owner on each platform.
CREATE TABLE ledgers (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    platform TEXT NOT NULL,
    connection TEXT NOT NULL,
    known BIGINT NOT NULL DEFAULT 0,
    UNIQUE (owner, platform)
);

-- What is ours on the platform.
CREATE TABLE entries (
    ledger BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    id TEXT NOT NULL,
    container TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    role TEXT NOT NULL,
    mapping TEXT NOT NULL,
    since BIGINT NOT NULL,
    deactivated BIGINT,
    PRIMARY KEY (ledger, kind, id, container)
) WITHOUT ROWID;

-- Requests of which nobody knows yet what came of them: JSON.
CREATE TABLE intents (
    ledger BIGINT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (ledger, id)
) WITHOUT ROWID;

-- Plans that wait for a person, and approved ones that aren't carried out to their end.
CREATE TABLE held_plans (
    ledger BIGINT NOT NULL,
    hash TEXT NOT NULL,
    sync TEXT NOT NULL,
    held BIGINT NOT NULL,
    reasons TEXT NOT NULL,
    PRIMARY KEY (ledger, hash)
) WITHOUT ROWID;

CREATE TABLE held_removals (
    ledger BIGINT NOT NULL,
    hash TEXT NOT NULL,
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,
    user_id TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    user_text TEXT NOT NULL,
    container TEXT NOT NULL,
    from_text TEXT NOT NULL,
    to_text TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (ledger, hash, number)
) WITHOUT ROWID;

CREATE TABLE decisions (
    ledger BIGINT NOT NULL,
    hash TEXT NOT NULL,
    decision TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    decided BIGINT,
    spent_by TEXT NOT NULL DEFAULT '',
    spent BIGINT,
    finished BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (ledger, hash)
) WITHOUT ROWID;

CREATE TABLE syncs (
    ledger BIGINT NOT NULL,
    id TEXT NOT NULL,
    cause TEXT NOT NULL,
    outcome TEXT NOT NULL,
    started BIGINT NOT NULL,
    ended BIGINT,
    counts TEXT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (ledger, id)
) WITHOUT ROWID;

CREATE INDEX syncs_by_time ON syncs (ledger, started);

-- What each sync took.
CREATE TABLE removals (
    ledger BIGINT NOT NULL,
    sync TEXT NOT NULL,
    kind TEXT NOT NULL,
    user_id TEXT NOT NULL,
    container TEXT NOT NULL,
    directory_id TEXT NOT NULL,
    user_text TEXT NOT NULL,
    from_text TEXT NOT NULL,
    to_text TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (ledger, sync, kind, user_id, container)
) WITHOUT ROWID;
