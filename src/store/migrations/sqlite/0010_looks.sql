-- Looks are asked for account by account; after a crowd was answered thousands wait, and none but the due ones is read.
DROP INDEX deliveries_looks;
CREATE INDEX deliveries_looks ON deliveries (account, look_at) WHERE look_at IS NOT NULL;
