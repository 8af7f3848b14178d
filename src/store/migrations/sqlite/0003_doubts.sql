-- Since when a row may have been sent without this database knowing: the database was restored from a backup, or is
-- not the one that was used here last. Such a row is looked for on its server before it is sent; NULL when it was.
ALTER TABLE deliveries ADD COLUMN doubted_at BIGINT;

-- Attempts that met "no such status" while the server shows the status they answer. Waits and other failures between
-- them do not count.
ALTER TABLE deliveries ADD COLUMN parent_missed BIGINT NOT NULL DEFAULT 0;
