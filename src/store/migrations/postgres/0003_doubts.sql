-- The columns of sqlite/0003_doubts.sql, which carries the reasons.
ALTER TABLE deliveries ADD COLUMN doubted_at BIGINT;
ALTER TABLE deliveries ADD COLUMN parent_missed BIGINT NOT NULL DEFAULT 0;
