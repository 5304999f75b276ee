-- The directory's id of the group that a team was made of. Several teams may tell the same one: two connections may read one directory.

ALTER TABLE teams ADD COLUMN external_id TEXT;
