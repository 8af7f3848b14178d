//! Every crash point of claim → arm → send → record → verify, times every outcome, server class and restart delay.
//!
//! All cells of [`cells`] are played by the test command, in parts: one test for each server and kind of delivery, so
//! that they run side by side and a failure says where. Left out are only cells that say what another cell says;
//! [`is_worth_playing`] names them. `WATCHPOST_CELL='Mastodon, kind: Reply, outcome: CutAfter'` plays those cells of a
//! part whose description contains the words.

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

/// Cells at once: some wait for a time-out.
const SIDE_BY_SIDE: usize = 8;

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

fn cells(server: Server, kinds: &[Kind]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for kind in kinds.iter().copied() {
        for outcome in Outcome::ALL {
            for crash in CRASHES {
                for back_after in BACK_AFTER {
                    let cell = Cell { server, kind, outcome, crash, back_after };
                    if is_worth_playing(cell) {
                        cells.push(cell);
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
        // Before a reply goes a second time its mention is looked at, and the first one stands below it.
        Crash::At(Point::TakenBack) => {
            is_post && cell.outcome == Outcome::LateBeforeTheSecond && !cell.server.has_keys()
        }
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
        // What these do with keys, or with time, shows in the second attempt.
        Server::Other(_) => {
            let crash = matches!(cell.crash, Crash::Nowhere | Crash::At(Point::Armed | Point::Answered));
            crash && cell.outcome.is_plain()
        }
    };
    comes_there && says_more && differs_here && cell.is_possible()
}

async fn check(server: Server, kinds: &[Kind]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let now = DateTime::parse_from_rfc3339("2026-11-23T09:00:00Z").unwrap().to_utc();
    let campaign = watchpost::campaign::load(root, now).unwrap().campaign.unwrap();
    let template = tempfile::tempdir_in(memory()).unwrap();
    Machine::template(&template.path().join("watchpost.db")).await.unwrap();
    let shared = &Shared {
        http: Http::new().unwrap(),
        hasty: Http::without_pool(Duration::from_secs(2)).unwrap(),
        mind: Arc::new(watchpost::app::mind(&campaign, None)),
        template,
    };
    let mut cells = cells(server, kinds);
    #[expect(clippy::disallowed_methods, reason = "a person who plays some cells again says so")]
    let only = std::env::var("WATCHPOST_CELL").ok();
    cells.retain(|cell| only.as_ref().is_none_or(|only| format!("{cell:?}").contains(only.as_str())));
    // What waits longest comes first, so that nothing waits for it at the end.
    cells.sort_by_key(|cell| !cell.outcome.times_out());
    let count = cells.len();
    let mut ended: BTreeMap<&str, usize> = BTreeMap::new();
    let mut broken = Vec::new();
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

/// A part of the grid: the server and the kinds it plays.
macro_rules! parts {
    ($($name:ident: $server:expr, $kinds:expr;)+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            check($server, &$kinds).await;
        })+
    };
}

// Each ends in exactly once, or in a row that says why.
parts! {
    a_post_on_mastodon: Server::Mastodon, [Kind::Post];
    a_post_that_expires_on_mastodon: Server::Mastodon, [Kind::ShortLived];
    the_first_part_of_a_thread_on_mastodon: Server::Mastodon, [Kind::Thread(1)];
    the_second_part_of_a_thread_on_mastodon: Server::Mastodon, [Kind::Thread(2)];
    a_reply_on_mastodon: Server::Mastodon, [Kind::Reply];
    a_direct_reply_on_mastodon: Server::Mastodon, [Kind::DirectReply];
    a_reply_that_waits_its_turn_on_mastodon: Server::Mastodon, [Kind::ReplyInTurn];
    a_post_on_a_keyless_server: Server::Keyless, [Kind::Post];
    a_post_that_expires_on_a_keyless_server: Server::Keyless, [Kind::ShortLived];
    the_first_part_of_a_thread_on_a_keyless_server: Server::Keyless, [Kind::Thread(1)];
    the_second_part_of_a_thread_on_a_keyless_server: Server::Keyless, [Kind::Thread(2)];
    a_reply_on_a_keyless_server: Server::Keyless, [Kind::Reply];
    a_direct_reply_on_a_keyless_server: Server::Keyless, [Kind::DirectReply];
    a_reply_that_waits_its_turn_on_a_keyless_server: Server::Keyless, [Kind::ReplyInTurn];
    a_direct_reply_on_a_keyless_server_that_hides_it: Server::KeylessShy, [Kind::DirectReply];
    where_a_repeated_key_answers_500: Server::Other("mastodon-4.6"), [Kind::Post, Kind::Thread(2), Kind::Reply];
    where_every_status_comes_late: Server::Other("mastodon-late"), [Kind::Post, Kind::Thread(2), Kind::Reply];
    where_the_own_list_lags: Server::Other("mastodon-lagging"), [Kind::Post, Kind::Thread(2), Kind::Reply];
    where_a_young_parent_is_unknown: Server::Other("mastodon-young-parents"), [Kind::Thread(2), Kind::Reply];
    where_errors_are_replayed: Server::Other("pleroma"), [Kind::Post, Kind::Thread(2), Kind::Reply];
    where_keys_belong_to_nobody: Server::Other("pleroma-old"), [Kind::Post, Kind::Thread(2), Kind::Reply];
    where_keys_are_kept_in_memory: Server::Other("mitra"), [Kind::Post, Kind::Thread(2), Kind::Reply];
    where_overlapping_requests_both_post: Server::Other("hollo"), [Kind::Post, Kind::Thread(2), Kind::Reply];
    where_a_repeated_key_answers_400: Server::Other("pixelfed"), [Kind::Post, Kind::Thread(2), Kind::Reply];
    where_mentions_come_out_of_order: Server::Other("snac"), [Kind::Post, Kind::Thread(2), Kind::Reply];
    where_warnings_become_titles: Server::Other("friendica"), [Kind::Post, Kind::Thread(2), Kind::Reply];
}
