-- Late posts are counted at every claim; they are few, and without this all of an account's posts are read for it.
CREATE INDEX deliveries_late ON deliveries (account, sent_at) WHERE was_late = 1;
