-- A mention may name several topics. The best is answered; one fact of each further topic, best first, stands here, for
-- whoever asks for more.
ALTER TABLE deliveries ADD COLUMN also TEXT NOT NULL DEFAULT '';

-- A person goes by several names (profile, identity, name@host): a stop is kept for each. The row of the first has ''
-- here, the others the first.
ALTER TABLE opt_outs ADD COLUMN alias_of TEXT NOT NULL DEFAULT '';
