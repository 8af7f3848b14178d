//! How many of what, as people read it: the one place that knows `1 post` from `2 posts`.

/// A count with its noun: `1 line`, `2 lines`, `0 deliveries`. `what` is one of them.
#[must_use]
pub fn many(count: impl TryInto<i64>, what: &str) -> String {
    let count = count.try_into().unwrap_or(i64::MAX);
    if count == 1 { format!("1 {what}") } else { format!("{count} {}", plural(what)) }
}

fn plural(what: &str) -> String {
    match what.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        Some(_) | None if what.ends_with('s') => format!("{what}es"),
        Some(_) | None => format!("{what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_all_others_are_many() {
        for (count, what, expected) in [
            (1, "post", "1 post"),
            (0, "post", "0 posts"),
            (2, "delivery", "2 deliveries"),
            (3, "day", "3 days"),
            (2, "status", "2 statuses"),
        ] {
            assert_eq!(many(count, what), expected);
        }
        assert_eq!(many(u64::MAX, "row"), format!("{} rows", i64::MAX));
    }
}
