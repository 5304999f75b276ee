-- Users can be deleted, with their memberships, which are found by the user.

CREATE INDEX team_members_user ON team_members (user);
CREATE INDEX inbox_members_user ON inbox_members (user);

CREATE TRIGGER users_removed AFTER DELETE ON users BEGIN
    UPDATE counters SET n = n - 1 WHERE name = 'users';
    UPDATE counters SET n = n - OLD.active WHERE name = 'active_users';
END;

-- A mark says when its owner deactivated the user, no longer only that it did: then, as far as can be told.
UPDATE users
SET mark = CASE json_extract(mark, '$.deactivated')
    WHEN 1 THEN json_remove(
        json_set(mark, '$.deactivatedTime', strftime('%Y-%m-%dT%H:%M:%SZ', updated / 1000, 'unixepoch')), '$.deactivated')
    ELSE json_remove(mark, '$.deactivated')
    END
WHERE mark IS NOT NULL AND json_type(mark, '$.deactivated') IS NOT NULL;
