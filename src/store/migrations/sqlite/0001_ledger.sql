-- The ledger and what stands beside it. Times are UTC milliseconds since 1970; texts are UTF-8; '' means "does not
-- apply" in columns that belong to an identity, NULL means "not yet" elsewhere.

-- One status to be created. src/core/delivery.rs says what each state means and who moves it on.
CREATE TABLE deliveries (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account      TEXT   NOT NULL,
    kind         TEXT   NOT NULL,               -- post | reply
    post_id      TEXT   NOT NULL DEFAULT '',
    occurrence   TEXT   NOT NULL DEFAULT '',
    part         BIGINT NOT NULL DEFAULT 1,     -- 1 is the first
    parts        BIGINT NOT NULL DEFAULT 1,
    mention_uri  TEXT   NOT NULL DEFAULT '',    -- keyed hash of the mention's URI: the identity of a reply
    generation   BIGINT NOT NULL DEFAULT 1,     -- grows only when a person decides anew
    plan_kind    TEXT   NOT NULL DEFAULT '',    -- at | slot | every | evergreen; '' for replies
    state        TEXT   NOT NULL,
    due_at       BIGINT NOT NULL,               -- when it was to go out
    not_before   BIGINT NOT NULL,               -- when it may be tried (again); a later part waits at the end of time
    expires_at   BIGINT,
    local_time   TEXT   NOT NULL DEFAULT '',    -- the nominal local time, as planned
    zone         TEXT   NOT NULL DEFAULT '',
    late         TEXT   NOT NULL DEFAULT 'send',
    was_late     BIGINT NOT NULL DEFAULT 0,     -- 1: left more than 15 min after its time
    payload      TEXT   NOT NULL,               -- core::delivery::Payload as JSON; text emptied by the purge
    payload_hash TEXT   NOT NULL DEFAULT '',    -- of the payload as planned: tells an edited post
    text_hash    TEXT   NOT NULL,               -- of the folded text: "already said"
    topic        TEXT   NOT NULL DEFAULT '',
    facts        TEXT   NOT NULL DEFAULT '',    -- ids, separated by spaces
    person       TEXT   NOT NULL DEFAULT '',    -- keyed hash of the asker's profile URL
    thread       TEXT   NOT NULL DEFAULT '',
    fence        BIGINT NOT NULL DEFAULT 0,     -- grows with every claim; later writes must name it
    attempt      BIGINT NOT NULL DEFAULT 0,
    unclear      BIGINT NOT NULL DEFAULT 0,     -- attempts that may have succeeded
    rekeys       BIGINT NOT NULL DEFAULT 0,     -- new keys taken where a server replays errors
    armed_at     BIGINT,
    baseline     TEXT,                          -- newest own status id known when armed
    media        TEXT   NOT NULL DEFAULT '',    -- attachment ids, frozen when armed, separated by spaces
    status_id    TEXT,
    status_url   TEXT,
    sent_at      BIGINT,
    looks        BIGINT NOT NULL DEFAULT 0,     -- looks that saw the server's own list, since the last attempt
    look_at      BIGINT,                        -- when to look next: for an unknown row, for a sent one, for a twin
    watch_until  BIGINT,                        -- after a resend without a key: a twin may appear until then
    from_post    BIGINT NOT NULL DEFAULT 0,     -- 1: status_id came from our own POST, not from a look
    reason       TEXT   NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    UNIQUE (account, post_id, occurrence, part, mention_uri)
);
CREATE INDEX deliveries_due ON deliveries (account, not_before) WHERE state = 'planned';
CREATE INDEX deliveries_next ON deliveries (not_before) WHERE state = 'planned';
CREATE INDEX deliveries_sent ON deliveries (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX deliveries_looks ON deliveries (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX deliveries_open ON deliveries (state) WHERE state IN ('claimed', 'armed', 'unknown', 'refused', 'held');
CREATE INDEX deliveries_post ON deliveries (post_id) WHERE kind = 'post';
CREATE INDEX deliveries_said ON deliveries (account, text_hash) WHERE kind = 'post';
CREATE INDEX deliveries_person ON deliveries (person, created_at) WHERE kind = 'reply';
CREATE INDEX deliveries_replies ON deliveries (account, created_at) WHERE kind = 'reply';
CREATE INDEX deliveries_thread ON deliveries (thread) WHERE kind = 'reply';
CREATE INDEX deliveries_status ON deliveries (status_id);

-- What each attempt that did not end in `sent` did, in words.
CREATE TABLE attempts (
    delivery     BIGINT NOT NULL,
    attempt      BIGINT NOT NULL,
    armed_at     BIGINT,
    ended_at     BIGINT NOT NULL,
    outcome      TEXT   NOT NULL,
    detail       TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX attempts_delivery ON attempts (delivery);

-- Somebody addressed one of our accounts. A row is written together with its decision: none is without one.
CREATE TABLE mentions (
    account      TEXT   NOT NULL,
    uri          TEXT   NOT NULL,               -- keyed hash: the URI itself names its author
    status_id    TEXT   NOT NULL,               -- emptied by the purge, as are thread and text
    person       TEXT   NOT NULL,
    thread       TEXT   NOT NULL,
    visibility   TEXT   NOT NULL,
    text         TEXT,                          -- NULL for directs, always; for others after the purge
    lang         TEXT   NOT NULL DEFAULT '',
    written_at   BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    decision     TEXT   NOT NULL,               -- answer | command | silent
    command      TEXT   NOT NULL DEFAULT '',
    topic        TEXT   NOT NULL DEFAULT '',
    fact         TEXT   NOT NULL DEFAULT '',
    reason       TEXT   NOT NULL,
    delivery     BIGINT,
    PRIMARY KEY (account, uri)
);
CREATE INDEX mentions_uri ON mentions (uri);
CREATE INDEX mentions_status ON mentions (account, status_id);
CREATE INDEX mentions_seen ON mentions (seen_at);

-- People who said stop, across all accounts. The hash stays as long as the wish.
CREATE TABLE opt_outs (
    person       TEXT   PRIMARY KEY,
    since        BIGINT NOT NULL
);

-- What we know of each account on its server.
CREATE TABLE accounts (
    name            TEXT PRIMARY KEY,
    server          TEXT NOT NULL,
    me              TEXT,                       -- fedi::Me as JSON
    capabilities    TEXT,                       -- fedi::Capabilities as JSON
    capabilities_at BIGINT,
    listening_since BIGINT,                     -- set once, from the server's clock
    walk_mark       TEXT,                       -- notification ids of the newest page of the last completed walk, JSON
    walked_at       BIGINT,
    planned_through BIGINT,                     -- `every` occurrences before this have been placed
    newest_own      TEXT,                       -- newest own status id we know: the baseline of the next attempt
    paused_reason   TEXT,
    wait_until      BIGINT                      -- the server asked us to wait until then
);

-- Texts an account already showed when it was first linked: an empty database does not repeat a campaign.
CREATE TABLE said (
    account      TEXT   NOT NULL,
    text_hash    TEXT   NOT NULL,
    said_at      BIGINT NOT NULL,
    PRIMARY KEY (account, text_hash)
);

-- Posts made by `queue add`; those in files own themselves.
CREATE TABLE queued_posts (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    body         TEXT   NOT NULL,               -- core::post::Queued as JSON
    created_at   BIGINT NOT NULL
);

-- What staff decided about a post from the terminal.
CREATE TABLE post_marks (
    post_id      TEXT   PRIMARY KEY,
    mark         TEXT   NOT NULL,               -- held | cancelled
    reason       TEXT   NOT NULL,
    at           BIGINT NOT NULL
);

-- Post files as last seen: what tells a rename from a removal and a new post.
CREATE TABLE post_files (
    post_id      TEXT   PRIMARY KEY,
    content_hash TEXT   NOT NULL
);

-- Something a person must know or do.
CREATE TABLE notices (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    key          TEXT   NOT NULL UNIQUE,        -- one open notice per matter
    account      TEXT   NOT NULL DEFAULT '',
    text         TEXT   NOT NULL,
    next_step    TEXT   NOT NULL,
    raised_at    BIGINT NOT NULL
);

-- Single values: the fingerprint of the install secret.
CREATE TABLE facts_of_install (
    name         TEXT   PRIMARY KEY,
    value        TEXT   NOT NULL
);
