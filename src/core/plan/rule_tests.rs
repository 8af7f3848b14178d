//! Rules, order, pins and repeats: what gives way, what does not move, and what the plan says about it.

use chrono::NaiveTime;
use chrono_tz::America::New_York;

use super::tests::{about, account, check, check_with, days, lines, local, nominal, on, post, when};
use super::*;
use crate::core::lateness::WhenLate;
use crate::core::post::{Order, Readiness, Repeat, Variant};

/// The account with these rules.
fn with(rules: Rules, account: AccountCalendar) -> AccountCalendar {
    AccountCalendar { rules, ..account }
}

/// Accounts of one server, with these rules.
fn together(rules: &Rules, accounts: &[(&str, &[&str])]) -> Vec<AccountCalendar> {
    let one = |(ahead, (name, slots)): (usize, &(&str, &[&str]))| AccountCalendar {
        server: "https://one.example".to_owned(),
        ahead: u32::try_from(ahead).unwrap(),
        rules: rules.clone(),
        ..account(name, slots)
    };
    accounts.iter().enumerate().map(one).collect()
}

/// The idle slots, as `Tue 09:00 eyes because …`.
fn idle(plan: &Plan) -> Vec<String> {
    let line = |idle: &IdleSlot| {
        let why = match &idle.why {
            Idle::NothingWaits => "nothing waits".to_owned(),
            Idle::Twice { post } => format!("{post} was said last"),
            Idle::KeptFor { post } => format!("kept for {post}"),
            Idle::Skipped { against } => against.to_string(),
        };
        format!("{} {} {why}", idle.at.with_timezone(&New_York).format("%a %H:%M"), idle.account)
    };
    plan.idle.iter().map(line).collect()
}

fn conflicts(plan: &Plan) -> Vec<String> {
    let line = |conflict: &Conflict| {
        let time = conflict.at.with_timezone(&New_York).format("%a %H:%M");
        format!("{time} {} {} {}", conflict.account, conflict.post, conflict.against)
    };
    plan.conflicts.iter().map(line).collect()
}

fn calendar(posts: &[Post], accounts: &[AccountCalendar], length: i64) -> Plan {
    plan(posts, accounts, New_York, &History::default(), days(length))
}

fn ordered(priority: i32, position: Option<i64>, post: Post) -> Post {
    Post { order: Order { priority, position, slot: None }, ..post }
}

fn pinned(slot: &str, post: Post) -> Post {
    Post { order: Order { slot: Some(nominal(slot)), ..Order::default() }, ..post }
}

fn repeated(repeat: Repeat, post: Post) -> Post {
    Post { repeat, ..post }
}

#[test]
fn priority_comes_before_position_and_position_before_the_order_of_files() {
    let posts = [
        post("file-1"),
        post("file-2"),
        ordered(0, Some(2), post("moved-second")),
        ordered(0, Some(1), post("moved-first")),
        ordered(5, None, post("urgent")),
        ordered(-1, Some(0), post("whenever")),
    ];
    let order = ["urgent", "moved-first", "moved-second", "file-1", "file-2", "whenever"];
    let planned = calendar(&posts, &[account("eyes", &["daily 09:00"])], 6).planned;
    assert_eq!(planned.iter().map(|planned| planned.post.as_str()).collect::<Vec<_>>(), order);
}

#[test]
fn a_slot_closer_to_an_exact_time_than_the_spacing_is_skipped_and_says_so() {
    let rules = Rules { min_spacing: Duration::minutes(30), ..Rules::default() };
    let posts = [post("queued"), when("dated", "at 2026-11-02 09:20"), when("early", "at 2026-11-03 08:30")];
    let accounts = [with(rules, account("eyes", &["daily 09:00,09:10"]))];
    let plan = calendar(&posts, &accounts, 2);
    assert_eq!(
        lines(&plan),
        ["Mon 09:20 eyes dated at", "Tue 08:30 eyes early at", "Tue 09:00 eyes queued slot"],
        "30 minutes apart is not closer than 30 minutes"
    );
    assert_eq!(
        idle(&plan),
        [
            "Mon 09:00 eyes only 20 min from dated",
            "Mon 09:10 eyes only 10 min from dated",
            "Tue 09:10 eyes only 10 min from queued",
        ]
    );
}

#[test]
fn exact_times_are_never_moved_and_the_plan_says_which_rule_they_break() {
    let quiet = (NaiveTime::from_hms_opt(22, 0, 0).unwrap(), NaiveTime::from_hms_opt(7, 0, 0).unwrap());
    let rules = Rules {
        quiet: vec![quiet],
        days_off: vec![(nominal("2026-11-03 00:00").date(), nominal("2026-11-03 00:00").date())],
        daily_cap: Some(2),
        min_spacing: Duration::minutes(15),
        ..Rules::default()
    };
    let posts = [
        when("night", "at 2026-11-02 23:00"),
        when("closed", "at 2026-11-03 12:00"),
        when("one", "at 2026-11-04 09:00"),
        when("two", "at 2026-11-04 09:10"),
        when("three", "at 2026-11-04 12:00"),
        when("daily", "every Mon-Tue 06:30"),
    ];
    let plan = calendar(&posts, &[with(rules, account("eyes", &["daily 20:00"]))], 3);
    assert_eq!(
        lines(&plan),
        [
            "Mon 06:30 eyes daily every",
            "Mon 23:00 eyes night at",
            "Tue 06:30 eyes daily every",
            "Tue 12:00 eyes closed at",
            "Wed 09:00 eyes one at",
            "Wed 09:10 eyes two at",
            "Wed 12:00 eyes three at",
        ]
    );
    assert_eq!(
        conflicts(&plan),
        [
            "Mon 06:30 eyes daily in quiet hours",
            "Mon 23:00 eyes night in quiet hours",
            "Tue 06:30 eyes daily a day off",
            "Tue 12:00 eyes closed a day off",
            "Wed 09:10 eyes two only 10 min from one",
            "Wed 12:00 eyes three over the daily cap of 2",
        ]
    );
    assert_eq!(
        idle(&plan),
        [
            "Mon 20:00 eyes over the daily cap of 2",
            "Tue 20:00 eyes a day off",
            "Wed 20:00 eyes over the daily cap of 2"
        ]
    );
}

#[test]
fn a_cap_counts_what_was_said_and_what_comes_later_that_day() {
    let rules = Rules { daily_cap: Some(2), ..Rules::default() };
    let accounts = [with(rules, account("eyes", &["daily 09:00,12:00"]))];
    let posts = [post("a"), post("b"), post("c"), when("evening", "at 2026-11-02 20:00")];
    let said = |id: &str, at: &str| Said {
        account: AccountName::from("eyes"),
        post: PostId::from(id),
        occurrence: Occurrence::once(),
        at: local(at),
    };
    check(
        &posts,
        &accounts,
        days(2),
        &["Mon 09:00 eyes a slot", "Mon 20:00 eyes evening at", "Tue 09:00 eyes b slot", "Tue 12:00 eyes c slot"],
    );
    let history =
        History { said: vec![said("x", "2026-11-02 00:00"), said("y", "2026-11-01 23:59")], ..History::default() };
    check_with(
        &posts,
        &accounts,
        &history,
        days(2),
        &["Mon 20:00 eyes evening at", "Tue 09:00 eyes a slot", "Tue 12:00 eyes b slot", "c on all: no free slot"],
    );
}

#[test]
fn a_pinned_post_has_its_slot_and_a_slot_is_kept_for_one_that_is_not_ready() {
    let draft = Post { readiness: Readiness::Draft, ..pinned("2026-11-04 09:00", post("draft")) };
    let posts = [
        post("one"),
        post("two"),
        post("three"),
        pinned("2026-11-03 09:00", post("pinned")),
        pinned("2026-11-03 09:00", post("second")),
        draft,
        pinned("2026-11-03 09:30", post("nowhere")),
        pinned("2026-11-01 09:00", post("gone")),
        pinned("2027-05-01 09:00", post("spring")),
    ];
    let plan = calendar(&posts, &[account("eyes", &["daily 09:00"])], 5);
    let waiting: Vec<String> =
        plan.waiting.iter().map(|waiting| format!("{}: {}", waiting.post, waiting.why)).collect();
    assert_eq!(
        lines(&plan)[..4],
        [
            "Mon 09:00 eyes one slot",
            "Tue 09:00 eyes pinned slot",
            "Thu 09:00 eyes two slot",
            "Fri 09:00 eyes three slot"
        ]
    );
    assert_eq!(idle(&plan), ["Wed 09:00 eyes kept for draft"]);
    assert_eq!(
        waiting,
        [
            "second: pinned is pinned to the same slot: pin it to another",
            "draft: a draft: set `status: ready` when it is done",
            "nowhere: no slot at 2026-11-03 09:30: pin it to a time that stands in the account's `slots`",
            "gone: its slot of 2026-11-01 09:00 has passed: pin it to another, or remove `slot`",
        ]
    );
}

#[test]
fn an_every_post_has_a_beginning_an_end_gaps_and_a_count() {
    let moment = |text: &str| Some(crate::core::schedule::parse_moment(text).unwrap());
    let every = |repeat| [repeated(repeat, when("e", "every daily 09:00"))];
    let eyes = [account("eyes", &[])];
    let times = |posts: &[Post], history: &History| -> Vec<String> {
        let plan = plan(posts, &eyes, New_York, history, days(7));
        plan.planned.iter().map(|planned| planned.local.format("%a").to_string()).collect()
    };
    let none = History::default();
    let bounded = Repeat { from: moment("2026-11-03 09:00"), until: moment("2026-11-06 09:00"), ..Repeat::default() };
    assert_eq!(times(&every(bounded), &none), ["Tue", "Wed", "Thu"]);
    let skipped = Repeat { skip: vec![nominal("2026-11-03 09:00")], times: Some(3), ..Repeat::default() };
    assert_eq!(times(&every(skipped.clone()), &none), ["Mon", "Wed", "Thu"]);
    // Counted from its beginning, whatever was sent …
    let counted = Repeat { from: moment("2026-10-31 00:00"), times: Some(4), ..skipped.clone() };
    assert_eq!(times(&every(counted), &none), ["Mon", "Wed"]);
    // … or, without one, from what the ledger has.
    let history = History {
        uses: HashMap::from([((AccountName::from("eyes"), PostId::from("e")), 2)]),
        taken: [(AccountName::from("eyes"), PostId::from("e"), Occurrence::local(nominal("2026-11-02 09:00")))].into(),
        ..History::default()
    };
    assert_eq!(times(&every(skipped), &history), ["Wed"]);
}

#[test]
fn what_an_edit_of_every_only_moved_is_not_said_again() {
    let eyes = [account("eyes", &[])];
    let said = |occurrence: Occurrence, at: &str| {
        let (account, post) = (AccountName::from("eyes"), PostId::from("e"));
        let said = Said { account: account.clone(), post: post.clone(), occurrence: occurrence.clone(), at: local(at) };
        History { said: vec![said], taken: [(account, post, occurrence)].into(), ..History::default() }
    };
    let check = |every: &str, history: &History, expected: &[&str]| {
        let plan = plan(&[when("e", &format!("every {every}"))], &eyes, New_York, history, days(10));
        let times: Vec<String> = plan.planned.iter().map(|one| one.local.format("%a %H:%M").to_string()).collect();
        assert_eq!(times, expected, "{every}");
    };
    let noon = "2026-11-02 12:00";
    let monday = said(Occurrence::local(nominal(noon)), noon);
    check("Mon 12:30", &monday, &["Mon 12:30"]);
    check("Mon 12:30", &History::default(), &["Mon 12:30", "Mon 12:30"]);
    check("Wed 12:00", &monday, &["Wed 12:00"]);
    // Later than half a step, or an occurrence that the pattern brings itself: another one.
    check("Fri 12:00", &monday, &["Fri 12:00"]);
    check("Mon 12:00, 12:30", &monday, &["Mon 12:30", "Mon 12:00", "Mon 12:30"]);
    check("Mon 06:00, 11:00, 23:30", &monday, &["Mon 06:00", "Mon 23:30", "Mon 06:00", "Mon 11:00", "Mon 23:30"]);
    // It was said at a time of its own.
    check("Mon,Tue 12:30", &said(Occurrence::once(), noon), &["Tue 12:30", "Mon 12:30", "Tue 12:30"]);
    // Said once more by hand: the pattern goes on.
    check("Mon,Tue 12:30", &said(Occurrence::again(2), noon), &["Mon 12:30", "Tue 12:30", "Mon 12:30", "Tue 12:30"]);
    // What is overdue has not been said.
    let mut unsaid = monday.clone();
    unsaid.overdue = vec![Overdue {
        account: AccountName::from("eyes"),
        post: PostId::from("e"),
        occurrence: Occurrence::local(nominal(noon)),
        kind: Kind::Every,
        due_at: local(noon),
        local: nominal(noon),
        parts: 1,
        not_before: local(noon),
        expires_at: None,
        late: WhenLate::Send,
        was_tried: false,
        may_exist: false,
    }];
    check("Mon 12:30", &unsaid, &["Mon 12:30", "Mon 12:30"]);
}

#[test]
fn an_evergreen_post_keeps_its_cooldown_its_count_and_its_time() {
    let moment = |text: &str| Some(crate::core::schedule::parse_moment(text).unwrap());
    let posts = [
        repeated(Repeat { cooldown_days: Some(2), times: Some(2), ..Repeat::default() }, when("twice", "evergreen")),
        repeated(Repeat { from: moment("2026-11-06 00:00"), ..Repeat::default() }, when("friday", "evergreen")),
        repeated(Repeat { until: moment("2026-11-03 09:00"), ..Repeat::default() }, when("monday", "evergreen")),
    ];
    let eyes = [account("eyes", &["daily 09:00"])];
    // After Monday nothing else is there to be said before Friday, and nothing comes twice in a row.
    check(
        &posts,
        &eyes,
        days(7),
        &["Mon 09:00 eyes twice evergreen", "Fri 09:00 eyes friday evergreen", "Sat 09:00 eyes twice evergreen"],
    );
}

#[test]
fn a_rest_over_a_clock_change_is_counted_in_days() {
    // The clocks went back on 1 November; 21 days on the wall are over all the same.
    let history = History {
        last_used: HashMap::from([((AccountName::from("eyes"), PostId::from("green")), nominal("2026-10-12 09:00"))]),
        ..History::default()
    };
    let eyes = [account("eyes", &["daily 09:00"])];
    check_with(&[when("green", "evergreen")], &eyes, &history, days(1), &["Mon 09:00 eyes green evergreen"]);
}

#[test]
fn no_evergreen_post_comes_twice_in_a_row_on_one_server() {
    let posts =
        [when("green", "evergreen"), when("blue", "evergreen"), on(&["two"], when("news", "at 2026-11-04 08:00"))];
    let accounts = together(&Rules::default(), &[("one", &["Mon,Wed 09:00"]), ("two", &["Mon-Wed 10:00"])]);
    check(
        &posts,
        &accounts,
        days(3),
        &[
            "Mon 09:00 one green evergreen",
            "Mon 10:00 two blue evergreen",
            "Tue 10:00 two green evergreen",
            "Wed 08:00 two news at",
            "Wed 09:00 one blue evergreen",
        ],
    );
    let history = History {
        last_post: HashMap::from([(AccountName::from("two"), (local("2026-11-01 09:00"), PostId::from("green")))]),
        ..History::default()
    };
    check_with(&posts[..1], &accounts, &history, days(1), &[]);
}

#[test]
fn one_text_on_accounts_of_one_server_is_staggered_and_capped() {
    let rules = Rules { stagger: Duration::minutes(20), ..Rules::default() };
    let accounts = together(
        &rules,
        &[("one", &["daily 09:00"]), ("two", &["daily 09:00"]), ("three", &["Mon 08:30", "Mon 12:00"])],
    );
    check(
        &[post("a")],
        &accounts,
        days(1),
        &["Mon 09:00 one a slot", "Mon 09:20 two a slot", "Mon 12:40 three a slot"],
    );
    let accounts =
        together(&Rules { same_text_cap: Some(1), ..rules }, &[("one", &["Mon 09:00"]), ("two", &["Mon-Tue 09:00"])]);
    let plan = calendar(&[post("a")], &accounts, 2);
    assert_eq!(lines(&plan), ["Mon 09:00 one a slot", "Tue 09:20 two a slot"]);
    assert_eq!(idle(&plan), ["Mon 09:20 two too soon after one said the same on this server"]);
}

#[test]
fn who_may_not_say_the_same_takes_the_next_of_the_queue_and_has_words_of_its_own_with_a_variant() {
    let rules = Rules { stagger: Duration::hours(2), ..Rules::default() };
    let mut accounts = together(&rules, &[("one", &["daily 09:00"]), ("two", &["daily 07:30"])]);
    let posts = [post("a"), post("b")];
    check(
        &posts,
        &accounts,
        days(2),
        &["Mon 09:00 one a slot", "Mon 09:30 two b slot", "Tue 09:00 one b slot", "Tue 09:30 two a slot"],
    );
    accounts[1].speaks = Some(Lang::from("es"));
    let variant = Variant { accounts: vec![], lang: Some(Lang::from("es")), parts: vec!["Texto".to_owned()] };
    let posts = [Post { variants: vec![variant], ..post("a") }, post("b")];
    let first = calendar(&posts, &accounts, 1);
    assert_eq!(lines(&first)[..2], ["Mon 09:00 one a slot", "Mon 09:30 two a slot"]);
}

#[test]
fn the_same_words_at_one_exact_time_are_said_and_warned_about() {
    let rules = Rules { stagger: Duration::minutes(20), ..Rules::default() };
    let accounts = together(&rules, &[("one", &[]), ("two", &[])]);
    let plan = calendar(&[when("launch", "at 2026-11-02 09:00")], &accounts, 1);
    assert_eq!(lines(&plan), ["Mon 09:00 one launch at", "Mon 09:00 two launch at"]);
    assert_eq!(conflicts(&plan), ["Mon 09:00 two launch too soon after one said the same on this server"]);
}

#[test]
fn a_jittered_slot_stays_one_slot_whatever_the_jitter_becomes() {
    let jittered = |minutes| Rules { jitter: Duration::minutes(minutes), ..Rules::default() };
    let accounts = |minutes| [with(jittered(minutes), account("eyes", &["daily 09:00"]))];
    let first = plan(&[post("a"), post("b")], &accounts(50), New_York, &History::default(), days(1));
    let planned = first.planned.first().unwrap();
    assert!(local("2026-11-02 09:00") <= planned.at && planned.at < local("2026-11-02 09:50"), "{}", planned.at);
    assert_eq!((planned.local, planned.nominal), (nominal("2026-11-02 09:00"), local("2026-11-02 09:00")));
    let mut history = History::default();
    history.take(planned, None);
    let again = plan(&[post("a"), post("b")], &accounts(30), New_York, &history, days(1));
    assert_eq!(again.planned, []);
}

#[test]
fn empty_slots_are_gaps_to_fill() {
    let plan = calendar(&[about("ring", post("only"))], &[account("eyes", &["Mon-Wed 09:00"])], 3);
    assert_eq!(idle(&plan), ["Tue 09:00 eyes nothing waits", "Wed 09:00 eyes nothing waits"]);
}
