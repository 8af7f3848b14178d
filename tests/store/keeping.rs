//! Accounts, notices, the queue, people: what is kept beside the ledger.

use std::sync::Arc;

use watchpost::core::ids::{Lang, PostId, StatusId};
use watchpost::core::intake::Keeper;
use watchpost::core::post::{Post, When};
use watchpost::store::deliveries::Wish;
use watchpost::store::intake::{TakenIn, Trial};
use watchpost::store::sending::Ending;

use crate::base::{Base, Which, arm, ears, eyes, now, plan, post, seconds};

on_both!(
    an_account_is_known_by_what_was_noted_of_it,
    listening_begins_once,
    a_matter_has_one_notice,
    the_queue_keeps_its_order,
    a_table_is_taken_in_once,
    a_table_read_again_does_not_undo_an_edit_or_a_hold,
    texts_with_every_sign_come_back_as_they_were,
    a_command_beside_the_daemon_is_noticed,
    a_failing_verb_takes_no_other_with_it,
    verbs_side_by_side_all_arrive,
);

async fn an_account_is_known_by_what_was_noted_of_it(base: &Base) {
    let store = base.daemon().await;
    store.know_account(&eyes(), "https://other.example").await.unwrap();
    store.note_link(&eyes(), "{}", "{\"a\":1}", now()).await.unwrap();
    store.walked(&eyes(), &["9".to_owned(), "8".to_owned()], now()).await.unwrap();
    store.pause_account(&eyes(), Some("the token fails")).await.unwrap();
    store.wait_until(&eyes(), now() + seconds(5)).await.unwrap();
    let known = &store.accounts().await.unwrap()[&eyes()];
    assert_eq!(known.server, "https://other.example");
    assert_eq!((known.me.as_deref(), known.capabilities.as_deref()), (Some("{}"), Some("{\"a\":1}")));
    assert_eq!((known.capabilities_at, known.walked_at), (Some(now()), Some(now())));
    assert_eq!(known.walk_mark, ["9", "8"]);
    assert_eq!(known.paused_reason.as_deref(), Some("the token fails"));
    assert_eq!(known.wait_until, Some(now() + seconds(5)));
    store.pause_account(&eyes(), None).await.unwrap();
    assert_eq!(store.accounts().await.unwrap()[&eyes()].paused_reason, None);
    assert_eq!(store.accounts().await.unwrap()[&ears()].me, None);
}

async fn listening_begins_once(base: &Base) {
    let store = base.daemon().await;
    store.listen_since(&eyes(), now()).await.unwrap();
    store.listen_since(&eyes(), now() + seconds(60)).await.unwrap();
    assert_eq!(store.accounts().await.unwrap()[&eyes()].listening_since, Some(now()));
}

async fn a_matter_has_one_notice(base: &Base) {
    let store = base.daemon().await;
    store.raise("reach:eyes", "eyes", "out of reach", "wait", now()).await.unwrap();
    store.raise("file:a", "", "a mistake\0", "mend it", now() + seconds(1)).await.unwrap();
    store.raise("reach:eyes", "eyes", "still out of reach", "wait", now() + seconds(2)).await.unwrap();
    let notices = store.notices().await.unwrap();
    let shown: Vec<(&str, &str)> = notices.iter().map(|n| (n.key.as_str(), n.text.as_str())).collect();
    assert_eq!(shown, [("reach:eyes", "still out of reach"), ("file:a", "a mistake\u{fffd}")]);
    store.settle_notice("reach:eyes").await.unwrap();
    assert_eq!(store.notices().await.unwrap().len(), 1);
}

async fn the_queue_keeps_its_order(base: &Base) {
    let store = base.visitor().await;
    let queued = |text: &str| Post {
        accounts: vec![eyes()],
        ..Post::new(PostId::new(""), When::NextSlot, Lang::new("es"), vec![text.to_owned()])
    };
    assert_eq!(store.queue_add(&queued("one"), now()).await.unwrap(), PostId::new("queue-1"));
    assert_eq!(store.queue_add(&queued("two"), now()).await.unwrap(), PostId::new("queue-2"));
    let posts = store.queued_posts().await.unwrap();
    assert_eq!(posts.iter().map(|post| post.parts[0].as_str()).collect::<Vec<_>>(), ["one", "two"]);
}

async fn texts_with_every_sign_come_back_as_they_were(base: &Base) {
    let store = base.daemon().await;
    let text = "ñ 漢字 👩🏽‍🚀 'quotes' \"more\" \\ % $1 ; -- \u{200d}\n\ttabs";
    store.raise("signs", "", text, "none", now()).await.unwrap();
    assert_eq!(store.notices().await.unwrap()[0].text, text);
    let mut wanted = post("a", now());
    wanted.payload.text = format!("{text}\0");
    plan(&store, &[wanted.clone()], now()).await;
    let rows = store.deliveries_of_post(&wanted.post).await.unwrap();
    assert_eq!(rows[0].payload.text, wanted.payload.text);
}

async fn a_command_beside_the_daemon_is_noticed(base: &Base) {
    let (daemon, staff) = (base.daemon().await, base.visitor().await);
    let before = daemon.data_version().await.unwrap();
    daemon.raise("own", "", "its own writing", "none", now()).await.unwrap();
    assert_eq!(daemon.data_version().await.unwrap(), before);
    staff.raise("staff", "", "a command's", "none", now()).await.unwrap();
    let after = daemon.data_version().await.unwrap();
    assert_ne!(after, before);
    assert_eq!(daemon.data_version().await.unwrap(), after);
    // A command that only looked is none.
    let looker = base.visitor().await;
    looker.notices().await.unwrap();
    looker.close().await;
    assert_eq!(daemon.data_version().await.unwrap(), after);
    if base.kind == Which::Postgres {
        daemon.tell_change().await.unwrap();
        assert_ne!(daemon.data_version().await.unwrap(), after);
    }
}

/// The schema refuses a notice without a next step; the verbs beside it in the same commit go through.
async fn a_failing_verb_takes_no_other_with_it(base: &Base) {
    let store = base.daemon().await;
    let mut raw = base.raw().await;
    crate::base::run(&mut raw, "CREATE UNIQUE INDEX one_text ON notices (text)").await;
    let mut verbs = tokio::task::JoinSet::new();
    for n in 0..20 {
        let store = store.store.clone();
        verbs.spawn(async move {
            let text = if n % 5 == 0 { "the same".to_owned() } else { format!("text {n}") };
            store.raise(&format!("key {n}"), "", &text, "none", now()).await.is_ok()
        });
    }
    let mut well = 0;
    while let Some(done) = verbs.join_next().await {
        well += usize::from(done.unwrap());
    }
    assert_eq!(well, 17);
    assert_eq!(store.notices().await.unwrap().len(), 17);
}

async fn verbs_side_by_side_all_arrive(base: &Base) {
    let store = base.daemon().await;
    let rows: Vec<_> = (0..30).map(|n| post(&format!("p{n}"), now())).collect();
    plan(&store, &rows, now()).await;
    let mut verbs = tokio::task::JoinSet::new();
    for n in 0..30 {
        let store = store.store.clone();
        verbs.spawn(async move {
            let armed = arm(&store, now()).await;
            let sent = Ending::Sent(crate::base::receipt(&n.to_string()));
            store.record(armed.id, armed.fence, sent, None, now()).await.unwrap()
        });
    }
    while let Some(ours) = verbs.join_next().await {
        assert!(ours.unwrap());
    }
    let ids: Vec<StatusId> = (0..30).map(|n: i32| StatusId::new(n.to_string())).collect();
    assert_eq!(store.owned(&eyes(), &ids).await.unwrap().len(), 30);
}

/// A table is taken in as a whole, once however often it is read, and changes nothing that has gone out.
async fn a_table_is_taken_in_once(base: &Base) {
    let store = base.daemon().await;
    let row =
        |id: &str, text: &str| Post::new(PostId::from(id), When::NextSlot, Lang::new("en"), vec![text.to_owned()]);
    let file = vec![Arc::new(row("file", "From a file"))];
    let rows = vec![
        row("a", "A"),
        row("", "Without an id"),
        row("queue-9", "From elsewhere"),
        row("file", "Else"),
        row("", "Without an id"),
    ];
    let look = store.take_in(rows.clone(), file.clone(), Trial::LookOnly, now()).await.unwrap();
    assert_eq!(look[0], TakenIn::Added("a".into()));
    assert_eq!(store.queued_posts().await.unwrap(), Vec::new());
    let taken = store.take_in(rows.clone(), file.clone(), Trial::ForGood, now()).await.unwrap();
    let expected = [
        TakenIn::Added("a".into()),
        TakenIn::Added("queue-2".into()),
        TakenIn::Added("from-queue-9".into()),
        TakenIn::Owned("file".into(), Keeper::File),
        TakenIn::Known("".into(), Keeper::Row(1)),
    ];
    assert_eq!(taken, expected);
    let again = store.take_in(rows, file, Trial::ForGood, now()).await.unwrap();
    assert!(again[..3].iter().all(|taken| matches!(taken, TakenIn::Known(_, Keeper::Queue))), "{again:?}");
    let change = vec![row("a", "A, better"), row("queue-2", "With an id now")];
    let changed = store.take_in(change.clone(), Vec::new(), Trial::ForGood, now()).await.unwrap();
    assert_eq!(changed, [TakenIn::Changed("a".into()), TakenIn::Changed("queue-2".into())]);
    let words =
        |posts: Vec<Post>| posts.into_iter().map(|post| format!("{} {}", post.id, post.parts[0])).collect::<Vec<_>>();
    let queue = ["a A, better", "queue-2 With an id now", "from-queue-9 From elsewhere"];
    assert_eq!(words(store.queued_posts().await.unwrap()), queue);
    // It goes out; from then on its row changes nothing.
    plan(&store, &[post("a", now())], now()).await;
    let armed = arm(&store, now()).await;
    let late = store.take_in(vec![row("a", "Too late")], Vec::new(), Trial::ForGood, now()).await.unwrap();
    assert_eq!(late, [TakenIn::Gone("a".into())]);
    store.record(armed.id, armed.fence, Ending::Sent(crate::base::receipt("1")), None, now()).await.unwrap();
    let late = store.take_in(vec![row("a", "Too late")], Vec::new(), Trial::ForGood, now()).await.unwrap();
    assert_eq!(late, [TakenIn::Gone("a".into())]);
    assert_eq!(words(store.queued_posts().await.unwrap()), queue);
}

/// What `queue edit` and `queue hold` did in between stays, and nobody's words are lost.
async fn a_table_read_again_does_not_undo_an_edit_or_a_hold(base: &Base) {
    let store = base.daemon().await.store;
    let row =
        |id: &str, text: &str| Post::new(PostId::from(id), When::NextSlot, Lang::new("en"), vec![text.to_owned()]);
    let rows = vec![row("a", "As first written"), row("", "Nameless"), row("held", "Held")];
    let read = async |rows: &[Post]| store.take_in(rows.to_vec(), Vec::new(), Trial::ForGood, now()).await.unwrap();
    read(&rows).await;
    let edit = async |id: &str, text: &str| {
        let all = store.queued_posts().await.unwrap();
        let before = all.iter().find(|post| post.id.as_str() == id).unwrap();
        let after = Post { parts: vec![text.to_owned()], ..before.clone() };
        assert!(store.replace_queued(before, &after).await.unwrap());
    };
    edit("a", "Half mended").await;
    edit("a", "Mended").await;
    edit("queue-2", "Nameless, mended").await;
    store.steer_post(&"held".into(), Wish::Hold, "", now()).await.unwrap();
    let edited = [
        TakenIn::EditedHere("a".into()),
        TakenIn::EditedHere("queue-2".into()),
        TakenIn::Known("held".into(), Keeper::Queue),
    ];
    assert_eq!(read(&rows).await, edited);
    assert_eq!(read(&rows).await, edited, "and once more");
    let texts: Vec<String> = store.queued_posts().await.unwrap().iter().map(|post| post.parts[0].clone()).collect();
    assert_eq!(texts, ["Mended", "Nameless, mended", "Held"]);
    // Both sides changed: neither is lost. When the row says what the edit says, they are one again.
    assert_eq!(read(&[row("a", "Changed in the table")]).await, [TakenIn::EditedTwice("a".into())]);
    assert_eq!(read(&[row("a", "Mended")]).await, [TakenIn::CaughtUp("a".into())]);
    assert_eq!(read(&[row("a", "Mended")]).await, [TakenIn::Known("a".into(), Keeper::Queue)]);
    assert_eq!(read(&[row("a", "Changed in the table")]).await, [TakenIn::Changed("a".into())]);
    assert_eq!(read(&[row("a", "Changed in the table")]).await, [TakenIn::Known("a".into(), Keeper::Queue)]);
}
