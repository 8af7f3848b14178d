//! Rows whose post changed while it was on its way: another kind, a draft for a moment, a slip in the middle of a thread;
//! and rows of accounts that cannot speak.

use std::collections::{HashMap, HashSet};

use watchpost::core::delivery::State;
use watchpost::core::ids::{Occurrence, PostId};
use watchpost::core::plan::Kind;
use watchpost::core::plan::agenda::{Agenda, Wanted};
use watchpost::store::Store;
use watchpost::store::planning::Files;

use crate::base::{Base, claim, ears, eyes, now, plan, post, row, seconds, send};

on_both!(
    what_was_said_as_evergreen_is_not_said_again_as_a_post_of_its_own,
    what_was_said_as_another_kind_rests_as_evergreen,
    a_row_says_whether_its_post_is_a_draft_shorter_or_gone,
    a_thread_goes_on_when_a_slip_in_its_file_is_mended,
    a_slot_that_was_used_meanwhile_is_not_used_twice,
    what_an_account_cannot_say_expires_all_the_same,
);

async fn what_was_said_as_evergreen_is_not_said_again_as_a_post_of_its_own(base: &Base) {
    let store = base.daemon().await;
    let mut green = post("a", now());
    (green.kind, green.occurrence) = (Kind::Evergreen, Occurrence::local(green.local));
    plan(&store, &[green], now()).await;
    send(&store, "1", now()).await;
    let later = now() + chrono::Duration::days(5);
    let mut own = post("a", later);
    own.kind = Kind::Slot;
    assert_eq!(plan(&store, &[own], later - seconds(60)).await.already_said, 1);
    let rows = store.deliveries_of_post(&PostId::new("a")).await.unwrap();
    let held: Vec<State> = rows.iter().map(|row| row.state).filter(|state| *state == State::Held).collect();
    assert_eq!((rows.len(), held.len()), (2, 1));
}

async fn what_was_said_as_another_kind_rests_as_evergreen(base: &Base) {
    let store = base.daemon().await;
    let mut slot = post("a", now());
    slot.kind = Kind::Slot;
    plan(&store, &[slot.clone()], now()).await;
    send(&store, "1", now()).await;
    let history = store.history(now() + chrono::Duration::days(6)).await.unwrap();
    assert_eq!(history.last_used.get(&(eyes(), PostId::new("a"))), Some(&slot.local));
    // That was no use as an evergreen post: how often it may be said is counted from then on.
    assert!(history.uses.is_empty());
}

fn files(present: &[&str], drafts: &[&str], unreadable: &[&str]) -> Files {
    let ids = |names: &[&str]| names.iter().map(|name| PostId::new(*name)).collect::<HashSet<_>>();
    let unreadable: HashMap<PostId, String> =
        ids(unreadable).into_iter().map(|post| (post, "line 2: no such key".to_owned())).collect();
    Files { present: ids(present), unreadable, drafts: ids(drafts) }
}

async fn write(store: &Store, rows: &[Wanted], files: Files, now: chrono::DateTime<chrono::Utc>) {
    store.write_plan(Agenda::of_rows(rows.to_vec()), files, now, now).await.unwrap();
}

fn thread(id: &str, parts: i64) -> Vec<Wanted> {
    (1..=parts).map(|part| Wanted { part, parts, ..post(id, now()) }).collect()
}

async fn a_row_says_whether_its_post_is_a_draft_shorter_or_gone(base: &Base) {
    let store = base.daemon().await;
    let soon = now() + seconds(60);
    let mut rows = vec![post("draft", soon), post("gone", soon)];
    rows.extend(thread("short", 2));
    plan(&store, &rows, now()).await;
    write(&store, &thread("short", 1), files(&["short"], &["draft"], &[]), now()).await;
    let reason = async |id: &str, part: usize| {
        let rows = store.deliveries_of_post(&PostId::new(id)).await.unwrap();
        (rows[part].state, rows[part].reason.clone())
    };
    assert_eq!(reason("draft", 0).await, (State::Cancelled, "its post is a draft again".to_owned()));
    assert_eq!(reason("gone", 0).await, (State::Cancelled, "its post was removed".to_owned()));
    assert_eq!(reason("short", 1).await, (State::Cancelled, "its post has fewer parts now".to_owned()));
    // All of them come back with their posts.
    plan(&store, &rows, now()).await;
    for (id, part) in [("draft", 0), ("gone", 0), ("short", 1)] {
        assert_eq!(reason(id, part).await.0, State::Planned, "{id}");
    }
}

async fn a_thread_goes_on_when_a_slip_in_its_file_is_mended(base: &Base) {
    let store = base.daemon().await;
    let rows = thread("t", 3);
    plan(&store, &rows, now()).await;
    for (part, status) in [(1, "1"), (2, "2")] {
        let at = now() + seconds(part * 10);
        send(&store, status, at).await;
        if part == 2 {
            // While the second part is on its way staff save the file with a slip in it.
            write(&store, &[], files(&[], &[], &["t"]), at).await;
        }
        let open = store.open_looks(&eyes(), at + seconds(5), 40).await.unwrap();
        assert_eq!(store.verified(&open.iter().collect::<Vec<_>>(), at + seconds(5)).await.unwrap(), 1);
    }
    let third = async || store.deliveries_of_post(&PostId::new("t")).await.unwrap().remove(2);
    assert_eq!(third().await.state, State::Cancelled);
    let mended = now() + seconds(40);
    // What planning adds to its plan because it stands already: a thread of which something is out.
    let open = store.open_occurrences(mended).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].post.as_str(), open[0].due_at), ("t", now()));
    plan(&store, &rows, mended).await;
    assert_eq!(third().await.state, State::Planned);
    assert_eq!(claim(&store, mended).await.unwrap().delivery.id, third().await.id);
}

async fn a_slot_that_was_used_meanwhile_is_not_used_twice(base: &Base) {
    let store = base.daemon().await;
    let green = |id: &str| {
        let row = post(id, now());
        Wanted { kind: Kind::Evergreen, occurrence: Occurrence::local(row.local), ..row }
    };
    plan(&store, &[green("a")], now() - seconds(60)).await;
    send(&store, "1", now()).await;
    // A plan that was made from what stood before.
    assert_eq!(plan(&store, &[green("b")], now() - seconds(1)).await.added, 0);
    let elsewhere = Wanted { account: ears(), ..green("b") };
    assert_eq!(plan(&store, &[elsewhere], now() - seconds(1)).await.added, 1);
}

async fn what_an_account_cannot_say_expires_all_the_same(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now()), Wanted { account: ears(), ..post("b", now()) }], now()).await;
    let later = now() + chrono::Duration::hours(5);
    assert!(store.overdue_accounts(later).await.unwrap().is_empty());
    let over = now() + chrono::Duration::hours(6);
    assert_eq!(store.overdue_accounts(over).await.unwrap(), [ears(), eyes()]);
    crate::base::renew(&store, over).await;
    store.expire_due(&ears(), over).await.unwrap();
    assert_eq!((row(&store, "a").await.state, row(&store, "b").await.state), (State::Planned, State::Expired));
    assert_eq!(store.notices().await.unwrap().len(), 1);
}
