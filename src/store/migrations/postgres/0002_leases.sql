-- The tables of sqlite/0002_leases.sql, which carries the reasons.

CREATE TABLE account_leases (
    account      TEXT COLLATE "C" PRIMARY KEY,
    owner        TEXT   NOT NULL,
    until        BIGINT NOT NULL
);

CREATE TABLE daemons (
    owner        TEXT COLLATE "C" PRIMARY KEY,
    until        BIGINT NOT NULL
);
