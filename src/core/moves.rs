//! The order staff gave to posts, move by move. Each move takes one post out of the row and puts it in again somewhere
//! else; the order of all others stays as it was.
//!
//! Invariants: a move that names nobody known changes nothing. A post that is gone keeps its place for those that were
//! put beside it. Nothing here knows priorities or slots.

use std::collections::HashMap;

use crate::core::ids::PostId;

/// Where a post was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Just before that post.
    Before(PostId),
    /// Just after that post.
    After(PostId),
    /// Before all.
    First,
    /// After all.
    Last,
}

/// The order of `posts` (their places in the list) after all moves, the oldest first. Of two posts with one id the first
/// is moved.
#[must_use]
pub fn ordered<'a>(posts: impl ExactSizeIterator<Item = &'a PostId>, moves: &'a [(PostId, Move)]) -> Vec<usize> {
    let count = posts.len();
    let mut row = Row::of(count);
    let mut numbers: HashMap<&PostId, usize> = HashMap::with_capacity(count);
    for (number, id) in posts.enumerate() {
        numbers.entry(id).or_insert(number);
    }
    for (post, to) in moves {
        let number = match (numbers.get(post), to) {
            (Some(number), _) => *number,
            // Its file is gone, and others may stand beside it: it takes part without being there.
            (None, _) => {
                let number = row.add();
                numbers.insert(post, number);
                number
            }
        };
        let beside = |other: &PostId| numbers.get(other).copied().filter(|other| *other != number && row.holds(*other));
        let after = match to {
            Move::First => Some(row.head()),
            Move::Last => Some(row.last_but(number)),
            Move::Before(other) => beside(other).map(|other| row.before(other, number)),
            Move::After(other) => beside(other),
        };
        if let Some(after) = after {
            row.put(number, after);
        }
    }
    row.order().filter(|number| *number < count).collect()
}

/// A row in which taking out and putting in cost the same wherever it happens: each knows its neighbours. The place
/// before the first and after the last is the row's own end.
struct Row {
    next: Vec<usize>,
    previous: Vec<usize>,
    /// How many there were to begin with; the end of the row bears this number.
    end: usize,
}

impl Row {
    fn of(count: usize) -> Self {
        let next = (0..=count).map(|place| if place == count { 0 } else { place + 1 }).collect();
        let previous = (0..=count).map(|place| if place == 0 { count } else { place - 1 }).collect();
        Self { next, previous, end: count }
    }

    /// One more that stands nowhere yet: its own neighbour.
    fn add(&mut self) -> usize {
        let number = self.next.len();
        self.next.push(number);
        self.previous.push(number);
        number
    }

    fn head(&self) -> usize {
        self.end
    }

    fn holds(&self, number: usize) -> bool {
        self.next.get(number).is_some_and(|next| *next != number)
    }

    fn last_but(&self, number: usize) -> usize {
        self.before(self.end, number)
    }

    /// Who stands before that one, were this one not there.
    fn before(&self, other: usize, number: usize) -> usize {
        let of = |place: usize| self.previous.get(place).copied().unwrap_or(self.end);
        let found = of(other);
        if found == number { of(found) } else { found }
    }

    fn put(&mut self, number: usize, after: usize) {
        if after == number {
            return;
        }
        let of = |list: &[usize], place: usize| list.get(place).copied().unwrap_or(place);
        let (before, behind) = (of(&self.previous, number), of(&self.next, number));
        self.join(before, behind);
        let behind = of(&self.next, after);
        self.join(after, number);
        self.join(number, behind);
    }

    fn join(&mut self, one: usize, other: usize) {
        if let (Some(next), Some(previous)) = (self.next.get_mut(one), self.previous.get_mut(other)) {
            *next = other;
            *previous = one;
        }
    }

    fn order(&self) -> impl Iterator<Item = usize> + '_ {
        let following = |place: usize| self.next.get(place).copied().filter(|next| *next != self.end);
        std::iter::successors(following(self.end), move |place| following(*place))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(names: &str) -> Vec<PostId> {
        names.chars().map(|name| PostId::new(name.to_string())).collect()
    }

    /// `d^` first, `d$` last, `d<b` before b, `d>b` after b.
    fn moves(written: &str) -> Vec<(PostId, Move)> {
        let one = |word: &str| {
            let (post, rest) = word.split_at(1);
            let (side, beside) = rest.split_at(1);
            let to = match side {
                "^" => Move::First,
                "$" => Move::Last,
                "<" => Move::Before(PostId::from(beside)),
                _ => Move::After(PostId::from(beside)),
            };
            (PostId::from(post), to)
        };
        written.split_whitespace().map(one).collect()
    }

    fn check(written: &str, expected: &str) {
        let posts = ids("abcd");
        let order: String =
            ordered(posts.iter(), &moves(written)).into_iter().map(|place| posts[place].as_str()).collect();
        assert_eq!(order, expected, "{written}");
    }

    #[test]
    fn each_move_is_made_after_the_one_before_it() {
        check("", "abcd");
        check("d^", "dabc");
        check("a$", "bcda");
        check("d<b", "adbc");
        check("a>c", "bcad");
        check("a<b", "abcd");
        check("b>a", "abcd");
        check("d$", "abcd");
        check("a^", "abcd");
        check("d^ c<d", "cdab");
        check("b>b", "abcd");
        check("b>x", "abcd");
    }

    #[test]
    fn moving_one_post_moves_no_other() {
        check("a<d d^", "dbca");
        check("a>d d<b", "dbca");
    }

    #[test]
    fn who_stands_beside_a_post_that_is_gone_stays_there() {
        check("x>c a<x", "bcad");
        check("x^ a<x b>x", "abcd");
        check("x^ d>x", "dabc");
    }

    fn any_moves() -> impl Strategy<Value = Vec<(usize, u8, usize)>> {
        prop::collection::vec((0_usize..8, 0_u8..4, 0_usize..8), 0..40)
    }

    proptest! {
        #[test]
        fn moves_are_what_a_person_does_with_a_list(moves in any_moves()) {
            let posts = ids("abcdef");
            let all = ids("abcdefxy");
            let mut list: Vec<usize> = (0..6).collect();
            let mut said = Vec::new();
            for (post, side, beside) in moves {
                let to = match side {
                    0 => Move::First,
                    1 => Move::Last,
                    2 => Move::Before(all[beside].clone()),
                    _ => Move::After(all[beside].clone()),
                };
                said.push((all[post].clone(), to));
                if side > 1 && (beside == post || !list.contains(&beside)) {
                    continue;
                }
                list.retain(|other| *other != post);
                let place = match side {
                    0 => 0,
                    1 => list.len(),
                    2 => list.iter().position(|other| *other == beside).unwrap(),
                    _ => list.iter().position(|other| *other == beside).unwrap() + 1,
                };
                list.insert(place, post);
            }
            list.retain(|post| *post < 6);
            prop_assert_eq!(&ordered(posts.iter(), &said), &list);
            // What the database forgets when a post goes to an end has no say: its moves after which nobody was put
            // beside it.
            let mut kept: Vec<(PostId, Move)> = Vec::new();
            for (post, to) in said {
                let is_beside = |(_, to): &(PostId, Move)| match to {
                    Move::Before(other) | Move::After(other) => *other == post,
                    Move::First | Move::Last => false,
                };
                let last = kept.iter().rposition(is_beside).map_or(0, |place| place + 1);
                let mut place = 0;
                let is_sure = matches!(to, Move::First | Move::Last);
                kept.retain(|(other, _)| {
                    place += 1;
                    place <= last || *other != post || !is_sure
                });
                kept.push((post, to));
            }
            prop_assert_eq!(&ordered(posts.iter(), &kept), &list);
        }
    }
}
