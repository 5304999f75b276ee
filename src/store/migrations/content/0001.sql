-- What a store of this version may hold; a test brings it up to date.
INSERT INTO ledgers (owner, platform, connection, known) VALUES ('a', 'https://api.platform.test/', 'acme/a', 1);
INSERT INTO entries VALUES (1, 0, 'u', '', 'd-u', '', '', 1800000000000, NULL);
INSERT INTO held_plans VALUES (1, 'aa', 's-2', 1800000002000, '["too many"]');
INSERT INTO held_removals VALUES (1, 'aa', 1, 'users', 'u', 'd-u', 'u', '', 'no longer in the directory', '', 1800000002000);
INSERT INTO syncs VALUES (1, 's-1', 'Interval', 'Synced', 1800000001000, 1800000001500, '{"usersDeactivated":1}', '');
INSERT INTO removals VALUES (1, 's-1', 'users', 'u', '', 'd-u', 'u', 'no longer in the directory', '', 1800000001000);
