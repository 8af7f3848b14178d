-- Which daemon works for an account; account '' is the planning of the whole campaign. Only a database that several
-- daemons share has rows here: on SQLite the lock file proves that there is one daemon.
CREATE TABLE account_leases (
    account      TEXT   PRIMARY KEY,
    owner        TEXT   NOT NULL,               -- random, new with every start of a daemon
    until        BIGINT NOT NULL                -- from then on another daemon may take it
);

-- Daemons that share this database, so that each takes its part of the accounts and no more.
CREATE TABLE daemons (
    owner        TEXT   PRIMARY KEY,
    until        BIGINT NOT NULL
);
