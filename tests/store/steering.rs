//! What staff decide beside the plan: pauses, approvals, the order of the queue, and how they look at it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use watchpost::core::approval::{Approval, Verdict};
use watchpost::core::delivery::State;
use watchpost::core::ids::{Occurrence, PostId};
use watchpost::core::plan::Kind;
use watchpost::core::post::{Post, When};
use watchpost::store::calendar::{NOT_APPROVED, Wanted};
use watchpost::store::deliveries::Wish;
use watchpost::store::order::{Move, Place};
use watchpost::store::pauses::Missed;
use watchpost::store::sending::{Lateness, Turn};
use watchpost::store::sought::Sought;

use crate::base::{Base, arm, claim, ears, eyes, now, plan, post, renew, row, says, seconds};

on_both!(
    nothing_is_claimed_or_armed_in_a_pause,
    a_pause_is_of_posts_or_replies_of_one_account_or_all,
    a_pause_ends_by_itself_or_when_somebody_resumes,
    what_was_due_in_a_pause_is_missed_also_when_it_has_ended,
    what_a_person_released_in_a_pause_goes_after_it,
    the_last_word_on_a_post_counts_and_all_are_kept,
    what_nobody_approved_expires_and_comes_back_with_a_new_time,
    an_edit_that_nobody_approved_takes_the_standing_row_with_it,
    moves_are_made_in_the_order_in_which_they_were_said,
    what_was_decided_follows_a_renamed_post,
    the_queue_is_filtered_and_cut_by_the_database,
    a_cancelled_post_is_brought_back_by_nobody_in_silence,
    an_edit_replaces_what_its_editor_began_with,
);

async fn nothing_is_claimed_or_armed_in_a_pause(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now())], now()).await;
    let claimed = claim(&store, now()).await.unwrap();
    store.pause(None, Turn::Posts, None, "a disaster in the news", now()).await.unwrap();
    let armed = store.arm(claimed.delivery, Vec::new(), Lateness::InTime, now(), Duration::ZERO).await.unwrap();
    assert!(armed.is_none(), "it was paused between the claim and the arm");
    assert_eq!(row(&store, "a").await.state, State::Planned);
    assert!(claim(&store, now()).await.is_none());
    assert!(store.due_accounts(now()).await.unwrap().is_empty());
    // Another process sees the same: a pause is a row.
    assert_eq!(base.visitor().await.pauses(now()).await.unwrap().len(), 1);
    store.resume(None, Turn::Posts, now()).await.unwrap();
    assert_eq!(store.due_accounts(now()).await.unwrap(), [eyes()]);
}

async fn a_pause_is_of_posts_or_replies_of_one_account_or_all(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now())], now()).await;
    store.pause(Some(&ears()), Turn::Posts, None, "", now()).await.unwrap();
    store.pause(None, Turn::Replies, None, "", now()).await.unwrap();
    let claimed = claim(&store, now()).await;
    assert!(claimed.is_some(), "neither is about the posts of eyes");
    let listed = store.pauses(now()).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed[0].is_of(&eyes()) && listed[0].turn == Turn::Replies);
    assert!(!listed[1].is_of(&eyes()) && listed[1].is_of(&ears()));
}

async fn a_pause_ends_by_itself_or_when_somebody_resumes(base: &Base) {
    let store = base.visitor().await;
    let hour = seconds(3600);
    store.pause(None, Turn::Posts, Some(now() + hour), "one", now()).await.unwrap();
    // The same again has the later end and its reason, and is still one.
    store.pause(None, Turn::Posts, Some(now() + hour + hour), "two", now() + seconds(1)).await.unwrap();
    store.pause(None, Turn::Posts, Some(now() + seconds(60)), "lunch", now() + seconds(2)).await.unwrap();
    let listed = store.pauses(now() + hour).await.unwrap();
    assert_eq!((listed.len(), listed[0].reason.as_str(), listed[0].since), (1, "two", now()));
    assert!(store.pauses(now() + hour + hour).await.unwrap().is_empty());
    store.pause(Some(&eyes()), Turn::Posts, None, "a disaster", now()).await.unwrap();
    store.pause(Some(&eyes()), Turn::Posts, Some(now() + seconds(3)), "lunch", now()).await.unwrap();
    let open_ended = store.pauses(now() + hour).await.unwrap();
    let ends: Vec<_> = open_ended.iter().filter(|pause| pause.account.is_some()).collect();
    assert_eq!(
        (ends[0].until, ends[0].reason.as_str()),
        (None, "a disaster"),
        "who pauses for lunch ends no other pause"
    );
    store.pause(Some(&ears()), Turn::Posts, None, "", now()).await.unwrap();
    assert_eq!(store.resume(Some(&eyes()), Turn::Replies, now() + seconds(5)).await.unwrap(), 0);
    assert_eq!(store.resume(Some(&eyes()), Turn::Posts, now() + seconds(5)).await.unwrap(), 1);
    assert_eq!(store.pauses(now() + seconds(5)).await.unwrap().len(), 2);
    assert_eq!(store.resume(None, Turn::Posts, now() + seconds(6)).await.unwrap(), 2);
    assert!(store.pauses(now() + seconds(6)).await.unwrap().is_empty());
}

fn of_kind(id: &str, kind: Kind, at: chrono::DateTime<chrono::Utc>) -> Wanted {
    let occurrence = if kind == Kind::Every { Occurrence::local(at.naive_utc()) } else { Occurrence::once() };
    let expires_at = if kind == Kind::Slot { None } else { Some(at + seconds(6 * 3600)) };
    Wanted { kind, occurrence, expires_at, ..post(id, at) }
}

async fn what_was_due_in_a_pause_is_missed_also_when_it_has_ended(base: &Base) {
    let store = base.daemon().await;
    let due = now() + seconds(60);
    let mut second = of_kind("every", Kind::Every, due);
    (second.part, second.payload) = (2, says("its second part"));
    let mut skips = of_kind("skips", Kind::At, due);
    skips.late = watchpost::core::lateness::WhenLate::Skip;
    let rows = [
        of_kind("at", Kind::At, due),
        of_kind("slot", Kind::Slot, due),
        of_kind("every", Kind::Every, due),
        second,
        skips,
        of_kind("before", Kind::At, now() - seconds(1)),
        of_kind("after", Kind::At, now() + seconds(300)),
    ];
    plan(&store, &rows, now() - seconds(5)).await;
    store.pause(None, Turn::Posts, Some(now() + seconds(120)), "mourning", now()).await.unwrap();
    assert_eq!(store.miss_paused(now() + seconds(59)).await.unwrap(), Missed::default(), "nothing has passed yet");
    // Nobody was there while it lasted.
    let later = now() + seconds(300);
    assert_eq!(store.miss_paused(later).await.unwrap(), Missed { held: 1, expired: 2, moved: 1 });
    assert_eq!(store.miss_paused(later).await.unwrap(), Missed::default());
    let held = row(&store, "at").await;
    assert_eq!((held.state, held.reason.as_str()), (State::Held, "its time passed while posts were paused: mourning"));
    assert_eq!(row(&store, "skips").await.state, State::Expired);
    let every = store.deliveries_of_post(&PostId::new("every")).await.unwrap();
    assert!(every.iter().all(|row| row.state == State::Expired), "{every:?}");
    assert_eq!(every[0].reason, "missed while posts were paused: mourning");
    let slot = row(&store, "slot").await;
    assert_eq!((slot.state, slot.not_before), (State::Planned, Some(later + seconds(60))));
    let history = store.history(later).await.unwrap();
    let taken = |id: &str| history.taken.iter().any(|(_, post, _)| post.as_str() == id);
    assert!(!taken("slot") && taken("at"), "the slot post may be placed anew");
    // Its new slot, and it still says why.
    let next = of_kind("slot", Kind::Slot, later + seconds(3600));
    let standing: Vec<Wanted> = rows.iter().filter(|row| row.post.as_str() != "slot").cloned().collect();
    plan(&store, &[standing, vec![next]].concat(), later).await;
    let slot = row(&store, "slot").await;
    assert_eq!(slot.due_at, later + seconds(3600));
    assert!(slot.reason.starts_with("missed its slot while posts were paused"), "{}", slot.reason);
    // What was due before the pause and after it goes as ever.
    renew(&store, later).await;
    let claimed: BTreeSet<String> = [claim(&store, later).await, claim(&store, later).await]
        .into_iter()
        .flatten()
        .map(|claimed| claimed.delivery.payload.text)
        .collect();
    assert_eq!(claimed, BTreeSet::from(["before".to_owned(), "after".to_owned()]));
}

async fn what_a_person_released_in_a_pause_goes_after_it(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now() + seconds(20))], now()).await;
    store.pause(None, Turn::Posts, None, "", now()).await.unwrap();
    let later = now() + seconds(40);
    assert_eq!(store.miss_paused(later).await.unwrap().held, 1);
    store.steer_post(&PostId::new("a"), Wish::Release, "after all", later).await.unwrap();
    assert_eq!(store.miss_paused(later).await.unwrap(), Missed::default());
    assert!(claim(&store, later).await.is_none());
    store.resume(None, Turn::Posts, later).await.unwrap();
    arm(&store, later).await;
}

fn word(verdict: Verdict, by: &str, content: &str) -> Approval {
    Approval { verdict, by: by.to_owned(), note: "n".to_owned(), content: content.to_owned(), at: now() }
}

async fn the_last_word_on_a_post_counts_and_all_are_kept(base: &Base) {
    let store = base.visitor().await;
    let (a, b) = (PostId::new("a"), PostId::new("b"));
    let (no, yes) = (word(Verdict::Rejected, "Ada", "one"), word(Verdict::Approved, "Bo \0", "two"));
    store.keep_approval(&a, &no).await.unwrap();
    store.keep_approval(&b, &no).await.unwrap();
    store.keep_approval(&a, &yes).await.unwrap();
    let last = store.last_approvals().await.unwrap();
    assert_eq!((last[&a].verdict, last[&a].content.as_str(), last.len()), (Verdict::Approved, "two", 2));
    let all: Vec<Verdict> = store.approvals_of(&a).await.unwrap().iter().map(|word| word.verdict).collect();
    assert_eq!(all, [Verdict::Rejected, Verdict::Approved]);
    assert_eq!(last[&b], no);
}

async fn what_nobody_approved_expires_and_comes_back_with_a_new_time(base: &Base) {
    let store = base.daemon().await;
    let a = PostId::new("a");
    let mut second = post("a", now());
    (second.part, second.payload) = (2, says("its second part"));
    let due = vec![post("a", now()), second.clone()];
    let unapproved = || HashSet::from([a.clone()]);
    let expired = store.expire_unapproved(due.clone(), unapproved(), now()).await.unwrap();
    assert_eq!(expired, BTreeSet::from([a.clone()]));
    let rows = store.deliveries_of_post(&a).await.unwrap();
    assert!(rows.iter().all(|row| row.state == State::Expired && row.reason == NOT_APPROVED), "{rows:?}");
    assert!(store.expire_unapproved(due, unapproved(), now()).await.unwrap().is_empty(), "once is enough");
    assert!(store.history(now()).await.unwrap().taken.is_empty(), "with a new time it may be placed");
    let new_time = now() + seconds(600);
    second.due_at = new_time;
    second.expires_at = Some(new_time + seconds(3600));
    plan(&store, &[post("a", new_time), second], now()).await;
    let rows = store.deliveries_of_post(&a).await.unwrap();
    assert!(rows.iter().all(|row| row.state == State::Planned), "{rows:?}");
    assert_eq!((rows[0].not_before, rows[1].not_before), (Some(new_time), None));
}

async fn an_edit_that_nobody_approved_takes_the_standing_row_with_it(base: &Base) {
    let store = base.daemon().await;
    let (a, slot, other) = (PostId::new("a"), PostId::new("slot"), PostId::new("other"));
    plan(&store, &[post("a", now()), of_kind("slot", Kind::Slot, now()), post("other", now())], now()).await;
    let expired = store.expire_unapproved(Vec::new(), HashSet::from([a.clone(), slot.clone()]), now()).await.unwrap();
    assert_eq!(expired, BTreeSet::from([a]));
    assert_eq!(row(&store, "a").await.reason, NOT_APPROVED);
    assert!(store.deliveries_of_post(&slot).await.unwrap().is_empty(), "it waits for another slot");
    assert_eq!(row(&store, other.as_str()).await.state, State::Planned);
}

async fn moves_are_made_in_the_order_in_which_they_were_said(base: &Base) {
    let store = base.visitor().await;
    let (a, b) = (PostId::new("a"), PostId::new("b"));
    let slot = now().naive_utc();
    store.set_priority(&a, -3).await.unwrap();
    store.move_post(&a, &Move::First, None).await.unwrap();
    store.move_post(&b, &Move::Before(a.clone()), Some(-3)).await.unwrap();
    store.pin_post(&b, Some(slot)).await.unwrap();
    let place = |post: &PostId, slot| Place { post: post.clone(), priority: Some(-3), slot };
    assert_eq!(store.post_places().await.unwrap(), [place(&a, None), place(&b, Some(slot))]);
    let first = (a.clone(), Move::First);
    assert_eq!(store.post_moves().await.unwrap(), [first.clone(), (b.clone(), Move::Before(a.clone()))]);
    store.pin_post(&b, None).await.unwrap();
    // What b was put beside keeps its say; what nobody was put beside does not.
    store.move_post(&a, &Move::After(b.clone()), None).await.unwrap();
    store.move_post(&a, &Move::Last, None).await.unwrap();
    assert_eq!(
        store.post_moves().await.unwrap(),
        [first, (b.clone(), Move::Before(a.clone())), (a, Move::Last)],
        "the last move is last"
    );
}

async fn what_was_decided_follows_a_renamed_post(base: &Base) {
    let store = base.daemon().await;
    let (old, new, other) = (PostId::new("old"), PostId::new("new"), PostId::new("other"));
    let files = |ids: &[&PostId]| -> BTreeMap<PostId, String> {
        ids.iter()
            .map(|id| ((*id).clone(), format!("hash of {}", if **id == other { "other" } else { "it" })))
            .collect()
    };
    store.note_posts(files(&[&old, &other])).await.unwrap();
    store.keep_approval(&old, &word(Verdict::Approved, "Ada", "one")).await.unwrap();
    store.set_priority(&old, 2).await.unwrap();
    store.move_post(&other, &Move::After(old.clone()), None).await.unwrap();
    store.note_posts(files(&[&new, &other])).await.unwrap();
    assert_eq!(store.approvals_of(&new).await.unwrap().len(), 1);
    let named: Vec<PostId> = store.post_places().await.unwrap().into_iter().map(|place| place.post).collect();
    assert_eq!(named, std::slice::from_ref(&new));
    assert_eq!(store.post_moves().await.unwrap(), [(other, Move::After(new))]);
}

async fn the_queue_is_filtered_and_cut_by_the_database(base: &Base) {
    let store = base.daemon().await;
    let mut ring = post("ring", now() + seconds(60));
    ring.topic = Some("ring".into());
    ring.payload = says("Who looks at YOUR \"doorbell\"?\n100% of it, ¿Ñandú?");
    let mut elsewhere = post("elsewhere", now() + seconds(120));
    elsewhere.account = ears();
    let held = post("held", now() - seconds(40 * 86_400));
    let far = post("far", now() + seconds(40 * 86_400));
    plan(&store, &[ring, elsewhere, held, far], now() - seconds(41 * 86_400)).await;
    store.steer_post(&PostId::new("held"), Wish::Hold, "wait", now()).await.unwrap();
    let all = Sought {
        from: now(),
        until: now() + seconds(86_400),
        state: None,
        account: None,
        topic: None,
        words: None,
        waiting_for_a_person: true,
    };
    let words = |words: &str| Sought { words: Some(words.to_owned()), ..all.clone() };
    for (sought, expected) in [
        (all.clone(), vec!["held", "ring", "elsewhere"]),
        (Sought { waiting_for_a_person: false, ..all.clone() }, vec!["ring", "elsewhere"]),
        (Sought { state: Some(State::Held), ..all.clone() }, vec!["held"]),
        (Sought { account: Some(ears()), ..all.clone() }, vec!["elsewhere"]),
        (Sought { topic: Some("ring".into()), ..all.clone() }, vec!["ring"]),
        (Sought { until: now() + seconds(100), ..all.clone() }, vec!["held", "ring"]),
        (words("your \"DOORBELL\""), vec!["ring"]),
        (words("ñANDÚ"), vec!["ring"]),
        (words("100% of"), vec!["ring"]),
        (words("100%it"), vec![]),
        (words("elseWHERE"), vec!["elsewhere"]),
        (words("d_orbell"), vec![]),
    ] {
        let found = store.queue_rows(&sought, 10).await.unwrap();
        let found: Vec<String> = found.into_iter().map(|row| row_name(&row)).collect();
        assert_eq!(found, expected, "{sought:?}");
        assert_eq!(store.queue_count(&sought).await.unwrap(), i64::try_from(expected.len()).unwrap(), "{sought:?}");
    }
    assert_eq!(store.queue_rows(&all, 2).await.unwrap().len(), 2);
    assert_eq!(store.standing_occurrences(now(), now() + seconds(86_400)).await.unwrap().len(), 3);
}

fn row_name(row: &watchpost::store::deliveries::Delivery) -> String {
    match &row.of {
        watchpost::store::deliveries::Of::Post { post, .. } => post.to_string(),
        watchpost::store::deliveries::Of::Reply { .. } => "a reply".to_owned(),
    }
}

async fn a_cancelled_post_is_brought_back_by_nobody_in_silence(base: &Base) {
    let store = base.daemon().await;
    let a = PostId::new("a");
    store.steer_post(&a, Wish::Cancel, "out of date", now()).await.unwrap();
    for wish in [Wish::Release, Wish::Hold] {
        let granted = store.steer_post(&a, wish, "again?", now()).await.unwrap();
        assert_eq!((granted.changed, granted.left.len()), (0, 1), "{granted:?}");
        assert!(granted.left[0].contains("a was cancelled (out of date) and stays so"), "{granted:?}");
        assert_eq!(store.post_marks().await.unwrap()[&a].state, State::Cancelled);
    }
}

async fn an_edit_replaces_what_its_editor_began_with(base: &Base) {
    let store = base.visitor().await;
    let new = |words: &str| Post::new(PostId::new(""), When::NextSlot, "en".into(), vec![words.to_owned()]);
    let other = store.queue_add(&new("other"), now()).await.unwrap();
    let id = store.queue_add(&new("one"), now()).await.unwrap();
    let named = |words: &str| Post { id: id.clone(), ..new(words) };
    assert!(store.replace_queued(&named("one"), &named("two")).await.unwrap());
    assert!(!store.replace_queued(&named("one"), &named("three")).await.unwrap(), "somebody was faster");
    let posts = store.queued_posts().await.unwrap();
    assert_eq!(posts, [Post { id: other, ..new("other") }, named("two")]);
}
