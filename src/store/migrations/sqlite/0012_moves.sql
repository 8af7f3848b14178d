-- What was put where among the posts that wait for a slot, move by move: the order is that of the files with every move
-- made in turn, so that moving one post moves no other. In post_order, side, beside and seq are no longer used.
CREATE TABLE post_moves (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    post_id      TEXT   NOT NULL,
    side         TEXT   NOT NULL,               -- before | after | first | last
    beside       TEXT   NOT NULL DEFAULT ''     -- the post it was put beside
);
CREATE INDEX post_moves_beside ON post_moves (beside);
INSERT INTO post_moves (post_id, side, beside)
    SELECT post_id, side, beside FROM post_order WHERE side <> '' ORDER BY seq, post_id;
