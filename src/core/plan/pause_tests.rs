//! Pauses and lateness in the plan: slots in a pause stay empty, exact times in one do not go out, and what is late
//! leaves as the sender would let it.

use chrono_tz::America::New_York;

use super::late::{Fate, Late};
use super::tests::{account, days, lines, local, on, post, when};
use super::*;
use crate::core::post::Late as WhenItIsLate;

fn pause(account: Option<&str>, since: &str, until: Option<&str>) -> Pause {
    let reason = "grief".to_owned();
    Pause { account: account.map(AccountName::from), since: local(since), until: until.map(local), reason }
}

fn paused(pauses: &[Pause]) -> History {
    History { pauses: pauses.to_vec(), ..History::default() }
}

fn time(at: DateTime<Utc>) -> String {
    at.with_timezone(&New_York).format("%a %H:%M").to_string()
}

fn fate(fate: &Fate) -> String {
    match fate {
        Fate::Leaves(at) => format!("leaves {}", time(*at)),
        Fate::Held(why) => format!("held: {why}"),
        Fate::Expired(why) => format!("expired: {why}"),
        Fate::TakesNextSlot(why) => format!("moves on: {why}"),
        Fate::WaitsForResume(why) => format!("waits: {why}"),
    }
}

fn asides(plan: &Plan) -> Vec<String> {
    let silenced = |one: &Silenced| {
        format!("{} {} {} {}", time(one.planned.at), one.planned.account, one.planned.post, fate(&one.fate))
    };
    let late =
        |one: &Late| format!("{} {} {} {}", time(one.what.due_at), one.what.account, one.what.post, fate(&one.fate));
    plan.paused.iter().map(silenced).chain(plan.late.iter().map(late)).collect()
}

#[test]
fn slots_in_a_pause_are_skipped_and_posts_take_the_first_after_it() {
    let posts = [post("a"), on(&["eyes"], post("b")), when("green", "evergreen")];
    let accounts = [account("eyes", &["daily 09:00"]), account("other", &["daily 09:00"])];
    let history = paused(&[pause(Some("eyes"), "2026-11-01 20:00", Some("2026-11-04 09:00"))]);
    let plan = plan(&posts, &accounts, New_York, &history, days(4));
    assert_eq!(
        lines(&plan),
        ["Mon 09:00 other a slot", "Tue 09:00 other green evergreen", "Wed 09:00 eyes a slot", "Thu 09:00 eyes b slot"]
    );
    let skipped: Vec<String> = plan
        .idle
        .iter()
        .filter(|slot| slot.account.as_str() == "eyes")
        .map(|slot| format!("{} {:?}", time(slot.at), slot.why))
        .collect();
    let why = "Skipped { against: Paused { reason: \"grief\" } }";
    assert_eq!(skipped, [format!("Mon 09:00 {why}"), format!("Tue 09:00 {why}")]);
}

#[test]
fn a_pause_without_an_end_leaves_the_queue_waiting_and_says_why() {
    let history = paused(&[pause(None, "2026-11-01 20:00", None)]);
    let plan = plan(&[post("a")], &[account("eyes", &["daily 09:00"])], New_York, &history, days(30));
    assert!(plan.planned.is_empty());
    let why = "its accounts are paused: grief; `watchpost resume` lets it go on";
    assert_eq!(plan.waiting.iter().map(|waiting| waiting.why.as_str()).collect::<Vec<_>>(), [why]);
}

#[test]
fn exact_times_in_a_pause_do_not_go_out_and_stand_in_nobodys_way() {
    let skipping = |post: Post| Post { late: WhenItIsLate::Skip, ..post };
    let posts = [
        when("dated", "at 2026-11-02 10:00"),
        skipping(when("brief", "at 2026-11-02 10:30")),
        when("each", "every daily 11:00"),
        post("queued"),
    ];
    let mut eyes = account("eyes", &["daily 12:00"]);
    eyes.rules.min_spacing = Duration::hours(2);
    let history = paused(&[pause(None, "2026-11-02 09:00", Some("2026-11-02 12:00"))]);
    let plan = plan(&posts, &[eyes], New_York, &history, days(1));
    assert_eq!(lines(&plan), ["Mon 12:00 eyes queued slot"]);
    assert_eq!(
        asides(&plan),
        [
            "Mon 10:00 eyes dated held: its time passes while posts are paused: grief",
            "Mon 10:30 eyes brief expired: missed while posts are paused: grief",
            "Mon 11:00 eyes each expired: missed while posts are paused: grief",
        ]
    );
}

/// The window of a daemon that looks at it at this time.
fn daemon_at(time: &str) -> Window {
    Window { at_from: DateTime::<Utc>::MIN_UTC, slots_from: local(time), ..days(2) }
}

#[test]
fn what_is_late_leaves_at_once_then_at_a_pace_and_the_rest_is_held() {
    let at = |id: &str, time: &str| when(id, &format!("at 2026-11-02 {time}"));
    let holding = |post: Post| Post { late: WhenItIsLate::Hold, ..post };
    let posts = [
        at("fresh", "09:50"),
        at("one", "07:00"),
        at("two", "07:10"),
        holding(at("asks", "07:20")),
        at("three", "07:30"),
        at("four", "07:40"),
        at("over", "03:00"),
    ];
    let plan = plan(&posts, &[account("eyes", &[])], New_York, &History::default(), daemon_at("2026-11-02 10:00"));
    assert_eq!(
        asides(&plan),
        [
            "Mon 03:00 eyes over expired: its time had passed",
            "Mon 07:00 eyes one leaves Mon 10:00",
            "Mon 07:10 eyes two leaves Mon 10:05",
            "Mon 07:20 eyes asks held: it is more than 15 min late, and says `late: hold`",
            "Mon 07:30 eyes three leaves Mon 10:10",
            "Mon 07:40 eyes four held: three late posts went out after the outage; release it if it should still go",
            "Mon 09:50 eyes fresh leaves Mon 10:00",
        ]
    );
}

#[test]
fn what_leaves_late_keeps_its_distance_to_slots_and_waits_for_the_end_of_a_pause() {
    let posts = [when("late", "at 2026-11-02 09:00"), post("queued")];
    let mut eyes = account("eyes", &["daily 10:15,11:00"]);
    eyes.rules.min_spacing = Duration::minutes(30);
    let accounts = [eyes];
    let plan_with = |history: &History| plan(&posts, &accounts, New_York, history, daemon_at("2026-11-02 10:00"));
    let calm = plan_with(&History::default());
    assert_eq!(
        (lines(&calm), asides(&calm)),
        (vec!["Mon 11:00 eyes queued slot".to_owned()], vec!["Mon 09:00 eyes late leaves Mon 10:00".to_owned()])
    );
    let until = plan_with(&paused(&[pause(None, "2026-11-02 09:30", Some("2026-11-02 10:40"))]));
    assert_eq!(asides(&until), ["Mon 09:00 eyes late leaves Mon 10:40"]);
    assert!(!lines(&until).contains(&"Mon 11:00 eyes queued slot".to_owned()), "{:?}", lines(&until));
    let open = plan_with(&paused(&[pause(None, "2026-11-02 09:30", None)]));
    assert_eq!(asides(&open), ["Mon 09:00 eyes late waits: paused: grief"]);
}

#[test]
fn what_stood_in_a_slot_and_is_late_keeps_to_the_rules() {
    let overdue = |post: &str, kind: Kind| Overdue {
        account: AccountName::from("eyes"),
        post: PostId::from(post),
        occurrence: Occurrence::once(),
        kind,
        due_at: local("2026-11-02 21:55"),
        local: super::tests::nominal("2026-11-02 21:55"),
        parts: 1,
        not_before: local("2026-11-02 21:55"),
        expires_at: None,
        late: crate::core::lateness::WhenLate::Send,
        was_tried: false,
        may_exist: false,
    };
    let rows = [overdue("queued", Kind::Slot), overdue("green", Kind::Evergreen), overdue("dated", Kind::At)];
    let key = |row: &Overdue| (row.account.clone(), row.post.clone(), row.occurrence.clone());
    let history = History { taken: rows.iter().map(key).collect(), overdue: rows.to_vec(), ..History::default() };
    let hour = |hour| chrono::NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let mut eyes = account("eyes", &["daily 21:55"]);
    eyes.rules.quiet = vec![(hour(22), hour(7))];
    let posts = [post("queued"), when("dated", "at 2026-11-02 21:55")];
    let plan_at = |time: &str| plan(&posts, std::slice::from_ref(&eyes), New_York, &history, daemon_at(time));
    let quiet = plan_at("2026-11-02 22:03");
    let why = "it missed its slot, and now is in quiet hours";
    assert_eq!(
        asides(&quiet),
        [
            format!("Mon 21:55 eyes queued moves on: {why}"),
            format!("Mon 21:55 eyes green expired: {why}"),
            "Mon 21:55 eyes dated leaves Mon 22:03".to_owned(),
        ]
    );
    assert_eq!(lines(&quiet), ["Tue 21:55 eyes queued slot"]);
    // Before the quiet hours it still goes, and so does what is not late.
    assert!(asides(&plan_at("2026-11-02 21:58"))[0].contains("leaves"));
}
