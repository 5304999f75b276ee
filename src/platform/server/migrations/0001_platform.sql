-- Ids are rowids: AUTOINCREMENT never gives one twice, and their order is the order of the lists.
-- `*_key` columns hold the normal form by which names and addresses are unique; the other column keeps what was sent.
-- Times are milliseconds since 1970, UTC.

CREATE TABLE roles (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL,
    name_key      TEXT    NOT NULL UNIQUE,
    description   TEXT,
    custom        INTEGER NOT NULL CHECK (custom IN (0, 1)),
    administrator INTEGER NOT NULL CHECK (administrator IN (0, 1)),
    is_default    INTEGER NOT NULL CHECK (is_default IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX roles_default ON roles (is_default) WHERE is_default = 1;

CREATE TABLE users (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    external_id  TEXT    UNIQUE,
    email        TEXT    NOT NULL,
    email_key    TEXT    NOT NULL UNIQUE,
    given_name   TEXT,
    family_name  TEXT,
    display_name TEXT,
    phone        TEXT,
    active       INTEGER NOT NULL CHECK (active IN (0, 1)),
    role         INTEGER NOT NULL REFERENCES roles (id),
    attributes   TEXT    NOT NULL, -- a JSON object
    tags         TEXT    NOT NULL, -- a JSON array
    mark         TEXT,             -- a JSON object
    created      INTEGER NOT NULL,
    updated      INTEGER NOT NULL,
    version      INTEGER NOT NULL
) STRICT;

CREATE TABLE teams (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL,
    name_key    TEXT    NOT NULL UNIQUE,
    description TEXT,
    owner       TEXT,
    created     INTEGER NOT NULL,
    updated     INTEGER NOT NULL,
    version     INTEGER NOT NULL
) STRICT;

CREATE TABLE inboxes (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL UNIQUE,
    phone_number TEXT UNIQUE,
    owner        TEXT
) STRICT;

CREATE TABLE team_members (
    container INTEGER NOT NULL REFERENCES teams (id),
    user      INTEGER NOT NULL REFERENCES users (id),
    owner     TEXT,
    PRIMARY KEY (container, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox_members (
    container INTEGER NOT NULL REFERENCES inboxes (id),
    user      INTEGER NOT NULL REFERENCES users (id),
    owner     TEXT,
    PRIMARY KEY (container, user)
) STRICT, WITHOUT ROWID;

-- Answers that are kept for requests that are repeated, in the transaction of what they report.
CREATE TABLE kept_answers (
    id          INTEGER PRIMARY KEY,
    account     TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    status      INTEGER NOT NULL,
    etag        TEXT,
    location    TEXT,
    body        BLOB    NOT NULL,
    created     INTEGER NOT NULL,
    UNIQUE (account, key)
) STRICT;

CREATE INDEX kept_answers_created ON kept_answers (created);

-- How many rows there are, so that the `total` of a page costs one lookup. Kept by triggers: no statement can forget them.
CREATE TABLE counters (
    name TEXT    PRIMARY KEY,
    n    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, n)
VALUES ('roles', 0), ('users', 0), ('active_users', 0), ('teams', 0), ('inboxes', 0), ('team_members', 0), ('inbox_members', 0);

CREATE TRIGGER roles_added AFTER INSERT ON roles BEGIN
    UPDATE counters SET n = n + 1 WHERE name = 'roles';
END;

CREATE TRIGGER users_added AFTER INSERT ON users BEGIN
    UPDATE counters SET n = n + 1 WHERE name = 'users';
    UPDATE counters SET n = n + NEW.active WHERE name = 'active_users';
END;

CREATE TRIGGER users_activated AFTER UPDATE OF active ON users WHEN NEW.active <> OLD.active BEGIN
    UPDATE counters SET n = n + NEW.active - OLD.active WHERE name = 'active_users';
END;

CREATE TRIGGER teams_added AFTER INSERT ON teams BEGIN
    UPDATE counters SET n = n + 1 WHERE name = 'teams';
END;

CREATE TRIGGER inboxes_added AFTER INSERT ON inboxes BEGIN
    UPDATE counters SET n = n + 1 WHERE name = 'inboxes';
END;

CREATE TRIGGER team_members_added AFTER INSERT ON team_members BEGIN
    UPDATE counters SET n = n + 1 WHERE name = 'team_members';
END;

CREATE TRIGGER team_members_removed AFTER DELETE ON team_members BEGIN
    UPDATE counters SET n = n - 1 WHERE name = 'team_members';
END;

CREATE TRIGGER inbox_members_added AFTER INSERT ON inbox_members BEGIN
    UPDATE counters SET n = n + 1 WHERE name = 'inbox_members';
END;

CREATE TRIGGER inbox_members_removed AFTER DELETE ON inbox_members BEGIN
    UPDATE counters SET n = n - 1 WHERE name = 'inbox_members';
END;
