//! The plan in the ledger: rows appear, follow edits, go with their post, and are never made twice.

use std::collections::{BTreeMap, HashSet};

use watchpost::core::delivery::State;
use watchpost::core::ids::{Occurrence, PostId};
use watchpost::core::plan::Kind;
use watchpost::core::plan::agenda::{Agenda, Wanted};
use watchpost::store::calendar::{Rename, Written};
use watchpost::store::deliveries::Wish;
use watchpost::store::sending::{Ending, Turn};

use crate::base::{Base, arm, claim, eyes, now, plan, post, row, says, seconds, send};

on_both!(
    a_plan_written_twice_changes_nothing,
    a_row_follows_its_posts_edits_until_it_left,
    a_post_that_is_gone_is_cancelled_and_comes_back,
    a_row_nobody_attempted_vanishes_when_its_post_moves,
    a_renamed_post_keeps_its_rows,
    a_text_the_account_showed_is_held,
    a_post_first_seen_after_its_end_says_so,
    history_tells_what_happened,
    overdue_and_held_rows_are_open,
    repeats_to_come_and_what_was_said_are_told,
    what_staff_decided_stays_with_the_post,
    a_plan_of_many_pages_is_written_as_one_of_few,
    a_plan_that_is_slower_than_the_sender_gives_no_slot_twice,
    what_is_held_for_its_time_goes_at_a_new_one,
    what_leaves_in_this_second_was_said_last,
    a_post_that_becomes_another_kind_is_not_said_anew,
);

async fn a_plan_written_twice_changes_nothing(base: &Base) {
    let store = base.daemon().await;
    let rows = [post("a", now() + seconds(60)), post("b", now() + seconds(120))];
    assert_eq!(plan(&store, &rows, now()).await, Written { added: 2, ..Written::default() });
    assert_eq!(plan(&store, &rows, now()).await, Written::default());
    let listed = store.deliveries_between(now(), now() + seconds(3600), 10).await.unwrap();
    let posts: Vec<String> = listed.iter().map(|row| row.payload.text.clone()).collect();
    assert_eq!(posts, ["a", "b"]);
    assert_eq!(store.deliveries_between(now(), now() + seconds(3600), 1).await.unwrap().len(), 1);
    assert_eq!(store.accounts().await.unwrap()[&eyes()].planned_through, Some(now()));
}

/// More rows than one transaction takes: what stands follows, what is gone goes, what is new comes.
async fn a_plan_of_many_pages_is_written_as_one_of_few(base: &Base) {
    const MANY: i64 = 9_000;
    let store = base.daemon().await;
    let mut rows: Vec<_> = (0..MANY).map(|number| post(&format!("p{number}"), now() + seconds(number + 60))).collect();
    assert_eq!(plan(&store, &rows, now()).await, Written { added: 9_000, ..Written::default() });
    assert_eq!(plan(&store, &rows, now()).await, Written::default());
    for place in [0, 4_500, 8_999] {
        rows[place].payload = says("better");
    }
    rows.remove(8_000);
    rows.push(post("new", now() + seconds(30)));
    let written = plan(&store, &rows, now()).await;
    assert_eq!(written, Written { added: 1, changed: 3, withdrawn: 1, already_said: 0 });
    assert_eq!(row(&store, "p8999").await.payload.text, "better");
    assert_eq!(row(&store, "p8000").await.state, State::Cancelled);
    assert_eq!(store.accounts().await.unwrap()[&eyes()].planned_through, Some(now()));
}

async fn a_row_follows_its_posts_edits_until_it_left(base: &Base) {
    let store = base.daemon().await;
    let mut wanted = post("a", now());
    plan(&store, std::slice::from_ref(&wanted), now()).await;
    wanted.payload = says("better");
    wanted.due_at = now() + seconds(30);
    wanted.expires_at = None;
    assert_eq!(plan(&store, std::slice::from_ref(&wanted), now()).await.changed, 1);
    let changed = row(&store, "a").await;
    assert_eq!((changed.payload.text.as_str(), changed.due_at), ("better", now() + seconds(30)));
    assert_eq!((changed.not_before, changed.expires_at), (Some(now() + seconds(30)), None));
    send(&store, "1", now() + seconds(30)).await;
    wanted.payload = says("too late");
    assert_eq!(plan(&store, &[wanted], now() + seconds(31)).await, Written::default());
    assert_eq!(row(&store, "a").await.payload.text, "better");
}

async fn a_post_that_is_gone_is_cancelled_and_comes_back(base: &Base) {
    let store = base.daemon().await;
    let wanted = post("a", now() + seconds(60));
    plan(&store, std::slice::from_ref(&wanted), now()).await;
    assert_eq!(plan(&store, &[], now()).await.withdrawn, 1);
    assert_eq!(row(&store, "a").await.state, State::Cancelled);
    assert_eq!(plan(&store, &[wanted], now()).await.changed, 1);
    assert_eq!(row(&store, "a").await.state, State::Planned);
}

async fn a_row_nobody_attempted_vanishes_when_its_post_moves(base: &Base) {
    let store = base.daemon().await;
    let mut wanted = post("a", now() + seconds(60));
    wanted.occurrence = Occurrence::local(wanted.local);
    wanted.kind = Kind::Every;
    plan(&store, std::slice::from_ref(&wanted), now()).await;
    let written = store
        .write_plan(Agenda::of_rows(Vec::new()), HashSet::from([wanted.post.clone()]), now(), now())
        .await
        .unwrap();
    assert_eq!(written.withdrawn, 1);
    assert!(store.deliveries_of_post(&wanted.post).await.unwrap().is_empty());
}

async fn a_renamed_post_keeps_its_rows(base: &Base) {
    let store = base.daemon().await;
    let posts = |ids: &[&str]| ids.iter().map(|id| (PostId::new(*id), "hash".to_owned())).collect::<BTreeMap<_, _>>();
    assert_eq!(store.note_posts(posts(&["a"])).await.unwrap(), []);
    plan(&store, &[post("a", now() + seconds(60))], now()).await;
    store.steer_post(&PostId::new("a"), Wish::Hold, "not yet", now()).await.unwrap();
    let rename = |from: &str, to: &str, taken| Rename { from: PostId::new(from), to: PostId::new(to), taken };
    assert_eq!(store.note_posts(posts(&["b"])).await.unwrap(), [rename("a", "b", false)]);
    assert_eq!(row(&store, "b").await.state, State::Held);
    assert_eq!(store.post_marks().await.unwrap().get(&PostId::new("b")).map(|mark| mark.state), Some(State::Held));
    assert_eq!(store.note_posts(posts(&["b"])).await.unwrap(), []);
    // Back to a name that bears rows of its own.
    plan(&store, &[post("b", now() + seconds(60)), post("c", now() + seconds(90))], now()).await;
    assert_eq!(store.note_posts(posts(&["c"])).await.unwrap(), [rename("b", "c", true)]);
}

async fn a_text_the_account_showed_is_held(base: &Base) {
    let store = base.daemon().await;
    store.note_said(&eyes(), &["a".to_owned()], None, now()).await.unwrap();
    // The same word twice, and a second time: noted once.
    store.note_said(&eyes(), &["a".to_owned(), "a".to_owned()], None, now()).await.unwrap();
    let written = plan(&store, &[post("a", now() + seconds(60))], now()).await;
    assert_eq!((written.added, written.already_said), (1, 1));
    assert_eq!(row(&store, "a").await.state, State::Held);
    // Said after the row was made: seen when it is claimed.
    plan(&store, &[post("b", now())], now()).await;
    store.note_said(&eyes(), &["b".to_owned()], None, now()).await.unwrap();
    assert!(claim(&store, now()).await.unwrap().already_said);
}

async fn a_post_first_seen_after_its_end_says_so(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now() - chrono::Duration::days(1))], now()).await;
    let expired = row(&store, "a").await;
    assert_eq!(
        (expired.state, expired.reason.as_str()),
        (State::Expired, "its time had passed when it was first seen")
    );
}

async fn history_tells_what_happened(base: &Base) {
    let store = base.daemon().await;
    let mut slot = post("slot", now());
    slot.kind = Kind::Slot;
    let mut evergreen = post("evergreen", now() - seconds(60));
    (evergreen.kind, evergreen.occurrence) = (Kind::Evergreen, Occurrence::local(evergreen.local));
    evergreen.topic = Some("ring".into());
    plan(&store, &[slot, evergreen.clone(), post("later", now() + seconds(60))], now()).await;
    let history = store.history(now()).await.unwrap();
    let taken = |id: &str, occurrence| history.taken.contains(&(eyes(), PostId::new(id), occurrence));
    assert!(taken("slot", Occurrence::once()) && taken("evergreen", evergreen.occurrence.clone()));
    assert!(!taken("later", Occurrence::once()));
    assert!(history.slots_used.contains(&(eyes(), now())));
    assert_eq!(history.last_used.get(&(eyes(), PostId::new("evergreen"))), Some(&evergreen.local));
    let use_of = |id: &str| history.uses.get(&(eyes(), PostId::new(id))).copied();
    assert_eq!((use_of("evergreen"), use_of("slot")), (Some(1), None));
    let said: Vec<_> = history.said.iter().map(|said| (said.post.as_str(), said.at)).collect();
    assert_eq!(said, [("evergreen", now() - seconds(60)), ("slot", now())]);
    assert_eq!(history.last_post.get(&eyes()), Some(&(now(), PostId::new("slot"))));
    assert_eq!(history.last_topic.get(&eyes()), None);
}

async fn repeats_to_come_and_what_was_said_are_told(base: &Base) {
    let store = base.daemon().await;
    let mut every = post("every", now() + seconds(60));
    (every.kind, every.occurrence) = (Kind::Every, Occurrence::local(every.local));
    let mut earlier = post("every", now() - seconds(7_200));
    (earlier.kind, earlier.occurrence) = (Kind::Every, Occurrence::local(earlier.local));
    let rows = [post("a", now()), every.clone(), earlier.clone()];
    plan(&store, &rows, now()).await;
    let coming = store.coming_repeats(now()).await.unwrap();
    let told: Vec<_> =
        coming.iter().map(|placed| (placed.occurrence.clone(), placed.local, placed.zone.as_str())).collect();
    assert_eq!(told, [(every.occurrence, every.local, "UTC")]);
    let history = store.history(now()).await.unwrap();
    assert_eq!(history.uses.get(&(eyes(), PostId::new("every"))), Some(&1), "what is to come has not come round");
    assert_eq!(store.said_since(now() - chrono::Duration::days(60)).await.unwrap(), []);
    send(&store, "1", now()).await;
    let said = store.said_since(now() - chrono::Duration::days(60)).await.unwrap();
    let texts: Vec<_> = said.iter().map(|said| (said.post.as_str(), said.text.as_str())).collect();
    assert_eq!(texts, [("every", "every")], "the longest overdue went first");
    assert_eq!(store.said_since(now()).await.unwrap(), []);
}

async fn overdue_and_held_rows_are_open(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("due", now()), post("held", now() + seconds(60)), post("later", now() + seconds(60))], now())
        .await;
    store.steer_delivery(row(&store, "held").await.id, Wish::Hold, "not yet", now()).await.unwrap();
    let mut open: Vec<(String, Kind)> = store
        .open_occurrences(now())
        .await
        .unwrap()
        .into_iter()
        .map(|placed| (placed.post.to_string(), placed.kind))
        .collect();
    open.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(open, [("due".to_owned(), Kind::At), ("held".to_owned(), Kind::At)]);
}

async fn what_staff_decided_stays_with_the_post(base: &Base) {
    let (daemon, staff) = (base.daemon().await, base.visitor().await);
    plan(&daemon, &[post("a", now()), post("b", now())], now()).await;
    let (a, b) = (PostId::new("a"), PostId::new("b"));
    assert_eq!(staff.steer_post(&a, Wish::Hold, "ask the lawyer", now()).await.unwrap().changed, 1);
    assert_eq!(daemon.post_marks().await.unwrap().get(&a).map(|mark| mark.state), Some(State::Held));
    assert_eq!(row(&daemon, "a").await.reason, "ask the lawyer");
    assert_eq!(staff.steer_post(&a, Wish::Release, "", now()).await.unwrap().changed, 1);
    assert_eq!(daemon.post_marks().await.unwrap().get(&a), None);
    assert_eq!(row(&daemon, "a").await.late, watchpost::core::lateness::WhenLate::Released);
    // Whoever claimed it loses it.
    let claimed = claim(&daemon, now()).await.unwrap().delivery;
    assert_eq!(claimed.payload.text, "a");
    assert_eq!(staff.steer_post(&a, Wish::Cancel, "no", now()).await.unwrap().changed, 1);
    let ending = Ending::Unknown { reason: "late".to_owned() };
    assert!(!daemon.record(claimed.id, claimed.fence, ending, None, now()).await.unwrap());
    assert_eq!(row(&daemon, "a").await.state, State::Cancelled);
    // What may be on its way is not stopped blindly.
    let armed = arm(&daemon, now()).await;
    let granted = staff.steer_post(&b, Wish::Cancel, "no", now()).await.unwrap();
    assert_eq!((granted.changed, granted.left.len()), (0, 1));
    assert_eq!(daemon.delivery(armed.id).await.unwrap().unwrap().state, State::Armed);
}

async fn a_plan_that_is_slower_than_the_sender_gives_no_slot_twice(base: &Base) {
    let store = base.daemon().await;
    let slot = now() + seconds(2);
    let of_kind = |id: &str, kind, at: chrono::DateTime<chrono::Utc>| Wanted { kind, ..post(id, at) };
    plan(&store, &[of_kind("a", Kind::Slot, slot), of_kind("b", Kind::Slot, slot + seconds(3_600))], now()).await;
    send(&store, "1", slot).await;
    // What a plan made of the moment before the send: b or a fresh post stands in the slot that a has used.
    plan(&store, &[of_kind("b", Kind::Slot, slot), of_kind("c", Kind::Evergreen, slot)], now()).await;
    assert_eq!(row(&store, "b").await.due_at, slot + seconds(3_600));
    assert_eq!(store.deliveries_of_post(&PostId::new("c")).await.unwrap(), []);
    assert!(claim(&store, slot + seconds(1)).await.is_none());
    // Exact times take no slot.
    plan(&store, &[post("d", slot)], now()).await;
    assert_eq!(row(&store, "d").await.due_at, slot);
}

async fn what_is_held_for_its_time_goes_at_a_new_one(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("late", now()), post("lawyer", now())], now() - seconds(5)).await;
    store.pause(None, Turn::Posts, Some(now() + seconds(60)), "", now() - seconds(1)).await.unwrap();
    store.steer_post(&PostId::new("lawyer"), Wish::Hold, "the lawyer", now() - seconds(1)).await.unwrap();
    assert_eq!(store.miss_paused(now()).await.unwrap().held, 1);
    // Another time that has passed changes nothing; one to come does, but not what staff hold.
    plan(&store, &[post("late", now() - seconds(1)), post("lawyer", now())], now()).await;
    assert_eq!(row(&store, "late").await.state, State::Held);
    let tomorrow = now() + seconds(86_400);
    plan(&store, &[post("late", tomorrow), post("lawyer", tomorrow)], now()).await;
    let late = row(&store, "late").await;
    assert_eq!((late.state, late.due_at, late.reason.as_str()), (State::Planned, tomorrow, "it has a new time"));
    assert_eq!(row(&store, "lawyer").await.state, State::Held);
}

async fn a_post_that_becomes_another_kind_is_not_said_anew(base: &Base) {
    let store = base.daemon().await;
    let green =
        Wanted { kind: Kind::Evergreen, occurrence: Occurrence::local(now().naive_utc()), ..post("green", now()) };
    plan(&store, &[green, Wanted { kind: Kind::Slot, ..post("slot", now() + seconds(1)) }], now() - seconds(5)).await;
    send(&store, "1", now()).await;
    send(&store, "2", now() + seconds(1)).await;
    // A slot post that becomes evergreen rests first.
    let history = store.history(now() + seconds(2)).await.unwrap();
    let slot = (eyes(), PostId::new("slot"));
    assert_eq!(history.last_used.get(&slot), Some(&(now() + seconds(1)).naive_utc()));
    assert_eq!(history.uses.get(&slot), None);
    // An evergreen one that becomes a slot post was said already.
    let written = plan(&store, &[Wanted { kind: Kind::Slot, ..post("green", now() + seconds(86_400)) }], now()).await;
    assert_eq!(written.already_said, 1);
}

async fn what_leaves_in_this_second_was_said_last(base: &Base) {
    let store = base.daemon().await;
    let mut evergreen = post("green", now());
    (evergreen.kind, evergreen.occurrence) = (Kind::Evergreen, Occurrence::local(evergreen.local));
    plan(&store, &[evergreen], now()).await;
    send(&store, "1", now()).await;
    // The planner read the clock before the slot's second, and the ledger after the send.
    let history = store.history(now() - seconds(1)).await.unwrap();
    let last = history.last_post.get(&eyes()).map(|(_, post)| post.as_str().to_owned());
    assert_eq!(last.as_deref(), Some("green"));
    assert_eq!(history.last_used.len(), 1);
}
