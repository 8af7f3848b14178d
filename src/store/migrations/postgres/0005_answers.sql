-- Answers: which wording of a fact was said, what is withheld from the ledger, and what staff wish to be answered.

ALTER TABLE deliveries ADD COLUMN wording BIGINT NOT NULL DEFAULT 0;   -- 0 is the fact's text, then its variants

-- 1: the reply keeps the content warning of a private mention, which is not stored; it is read again before sending.
ALTER TABLE deliveries ADD COLUMN withheld BIGINT NOT NULL DEFAULT 0;

-- A mention left to a human that staff want answered with a fact. The daemon turns it into a delivery, once.
CREATE TABLE mention_wishes (
    account      TEXT   NOT NULL,
    uri          TEXT   NOT NULL,               -- as in mentions
    fact         TEXT   NOT NULL,
    wished_at    BIGINT NOT NULL,
    PRIMARY KEY (account, uri)
);
