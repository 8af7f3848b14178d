-- A post as it was before `queue edit` first changed it since it came in: its table, read again, must not undo the edit.
ALTER TABLE queued_posts ADD COLUMN came_as TEXT;
