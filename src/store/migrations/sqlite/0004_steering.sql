-- What staff decide from the terminal, beside the hold and cancel of post_marks: who approved what, in which order the
-- queue goes, and when nothing is said at all.

-- Every word somebody gave on a post, oldest first; the last one counts, for exactly the content it was given on.
CREATE TABLE approvals (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    post_id      TEXT   NOT NULL,
    verdict      TEXT   NOT NULL,               -- approved | rejected
    name         TEXT   NOT NULL,               -- as staff gave it
    note         TEXT   NOT NULL DEFAULT '',
    content_hash TEXT   NOT NULL,               -- of all that would be said, shown, and when
    at           BIGINT NOT NULL
);
CREATE INDEX approvals_post ON approvals (post_id, id);

-- Where a post was put among those that wait for a slot. What is NULL or '' is as its file says.
CREATE TABLE post_order (
    post_id      TEXT   PRIMARY KEY,
    priority     BIGINT,
    slot         TEXT,                          -- the nominal local time of the slot that is kept for it
    side         TEXT   NOT NULL DEFAULT '',    -- before | after | first | last
    beside       TEXT   NOT NULL DEFAULT '',    -- the post it was put beside
    seq          BIGINT NOT NULL DEFAULT 0      -- moves are made in this order
);

-- Times in which nothing is said. Ended ones stay for a while: what was due in them was missed.
CREATE TABLE pauses (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account      TEXT   NOT NULL,               -- '' is every account
    kind         TEXT   NOT NULL,               -- post | reply, as in deliveries
    since        BIGINT NOT NULL,
    until        BIGINT,                        -- NULL: until somebody resumes
    reason       TEXT   NOT NULL DEFAULT ''
);

-- What `queue list` shows, in time order.
CREATE INDEX deliveries_queue ON deliveries (due_at, id) WHERE kind = 'post';
