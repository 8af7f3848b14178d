//! Every crash point of claim → arm → send → record → verify, times every outcome, server class and restart delay.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use futures_util::{StreamExt, stream};
use watchpost::cli::sim::daemon::Machine;
use watchpost::fedi::Http;
use watchpost::jobs::points::Point;

use crate::cell::{Cell, Crash, Kind, Server, Shared, memory};
use crate::outcome::Outcome;

/// Cells at once: most of a cell is waiting.
const SIDE_BY_SIDE: usize = 32;

const SERVERS: [Server; 10] = [
    Server::Mastodon,
    Server::Keyless,
    Server::KeylessShy,
    Server::Other("mastodon-4.6"),
    Server::Other("pleroma"),
    Server::Other("pleroma-old"),
    Server::Other("mitra"),
    Server::Other("snac"),
    Server::Other("hollo"),
    Server::Other("friendica"),
];

const KINDS: [Kind; 7] =
    [Kind::Post, Kind::ShortLived, Kind::Thread(1), Kind::Thread(2), Kind::Reply, Kind::DirectReply, Kind::ReplyInTurn];

const CRASHES: [Crash; 10] = [
    Crash::Nowhere,
    Crash::At(Point::Heard),
    Crash::At(Point::Claimed),
    Crash::At(Point::Armed),
    Crash::InFlight,
    Crash::At(Point::Answered),
    Crash::At(Point::Recorded),
    Crash::At(Point::Looked),
    Crash::At(Point::Settled),
    Crash::At(Point::TakenBack),
];

const BACK_AFTER: [i64; 4] = [0, 1, 31, 61];

/// How much is played: the test command plays every server, kind, outcome and crash point, each with one restart delay
/// in turn, so that every pair of a delay with anything else is there; `WATCHPOST_GRID=all` plays all four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delays {
    InTurn,
    All,
}

fn cells(delays: Delays) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (s, server) in SERVERS.into_iter().enumerate() {
        for (k, kind) in KINDS.into_iter().enumerate() {
            for (o, outcome) in Outcome::ALL.into_iter().enumerate() {
                for (c, crash) in CRASHES.into_iter().enumerate() {
                    for (d, back_after) in BACK_AFTER.into_iter().enumerate() {
                        let cell = Cell { server, kind, outcome, crash, back_after };
                        let its_turn = crash == Crash::Nowhere || d == (s + k + o + c) % BACK_AFTER.len();
                        if is_worth_playing(cell) && (its_turn || delays == Delays::All) {
                            cells.push(cell);
                        }
                    }
                }
            }
        }
    }
    cells
}

/// Cells that say something no other cell says.
fn is_worth_playing(cell: Cell) -> bool {
    let is_post = !cell.is_asked();
    let in_turn = cell.kind == Kind::ReplyInTurn;
    let comes_there = match cell.crash {
        // No crash, no delay.
        Crash::Nowhere => cell.back_after == 0,
        Crash::At(Point::Heard) => !is_post,
        // A reply that is decided while a place is free is armed in the same transaction.
        Crash::At(Point::Claimed) => is_post || in_turn,
        // The answer is lost with the daemon, or stands in the ledger as one word for many answers: only what the
        // server did makes a difference.
        Crash::InFlight | Crash::At(Point::Answered | Point::Looked | Point::Settled) => {
            cell.outcome.is_one_of_its_kind()
        }
        Crash::At(Point::TakenBack) => cell.outcome == Outcome::LateBeforeTheSecond && !cell.server.has_keys(),
        Crash::At(_) => true,
    };
    let says_more = match cell.kind {
        Kind::Post | Kind::Thread(2) | Kind::Reply | Kind::DirectReply => true,
        // These differ from the first four in expiry, in the part, in the way to the attempt.
        Kind::ShortLived | Kind::Thread(_) | Kind::ReplyInTurn => cell.outcome.is_plain(),
    };
    let differs_here = match cell.server {
        Server::Mastodon | Server::Keyless => true,
        // It differs from the second in direct replies only.
        Server::KeylessShy => cell.kind == Kind::DirectReply,
        // What these do with keys shows in the second attempt.
        Server::Other(_) => {
            let crash = matches!(cell.crash, Crash::Nowhere | Crash::At(Point::Armed | Point::Answered));
            crash && cell.outcome.is_plain() && matches!(cell.kind, Kind::Post | Kind::Reply)
        }
    };
    comes_there && says_more && differs_here
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_crash_point_every_outcome_ends_in_exactly_once_or_a_row_that_says_why() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let now = DateTime::parse_from_rfc3339("2026-11-23T09:00:00Z").unwrap().to_utc();
    let campaign = watchpost::campaign::load(root, now).unwrap().campaign.unwrap();
    let template = tempfile::tempdir_in(memory()).unwrap();
    Machine::template(&template.path().join("watchpost.db")).await.unwrap();
    let shared = Shared {
        http: Http::new().unwrap(),
        hasty: Http::with_time_outs(Duration::from_secs(10), Duration::from_secs(2)).unwrap(),
        mind: Arc::new(watchpost::app::mind(&campaign)),
        template,
    };
    // What waits longest comes first, so that nothing waits for it at the end.
    let asked_for = |name: &str| {
        #[expect(clippy::disallowed_methods, reason = "a person who plays all cells, or some, says so")]
        std::env::var(name).ok()
    };
    let delays =
        if asked_for("WATCHPOST_GRID").is_some_and(|word| word == "all") { Delays::All } else { Delays::InTurn };
    let mut cells = cells(delays);
    let only = asked_for("WATCHPOST_CELL");
    cells.retain(|cell| only.as_ref().is_none_or(|only| format!("{cell:?}").contains(only.as_str())));
    cells.sort_by_key(|cell| cell.outcome.hangs().is_none());
    let count = cells.len();
    let mut ended: BTreeMap<&str, usize> = BTreeMap::new();
    let mut broken = Vec::new();
    let shared = &shared;
    let play = |cell: Cell| async move { (cell, cell.play(shared).await) };
    let mut under_way = stream::iter(cells).map(play).buffer_unordered(SIDE_BY_SIDE);
    while let Some((cell, found)) = under_way.next().await {
        match found {
            Ok(found) => {
                *ended.entry("exactly once").or_default() += usize::from(found.once);
                *ended.entry("twin taken back").or_default() += usize::from(found.taken_back);
                *ended.entry("twin with a notice").or_default() += usize::from(found.noticed);
            }
            Err(words) => broken.push(format!("{cell:?}: {words}")),
        }
    }
    drop(under_way);
    println!("{count} cells: {ended:?}");
    broken.sort();
    assert!(broken.is_empty(), "{} of {count} cells break the law:\n{}", broken.len(), broken.join("\n"));
}
