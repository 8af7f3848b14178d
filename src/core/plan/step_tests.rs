//! Planning in steps is planning at once, whatever the posts and rules; and the ledger's rows are the same plan.

use std::collections::BTreeMap;

use chrono_tz::America::New_York;
use proptest::prelude::*;

use super::agenda::{Agenda, Wanted, rows};
use super::tests::{account, local, nominal, post};
use super::*;
use crate::core::post::{Moment, Order, Repeat, When};

fn any_post() -> impl Strategy<Value = Post> {
    let time = (0_i64..40, 0_u32..24).prop_map(|(day, hour)| {
        let date = chrono::NaiveDate::from_ymd_opt(2026, 10, 20).unwrap() + Duration::days(day);
        Moment::Local(date.and_hms_opt(hour, 0, 0).unwrap())
    });
    let kind = prop_oneof![
        time.clone().prop_map(When::At),
        prop_oneof![Just("Tue 12:00"), Just("daily 01:30"), Just("Sun 02:30")]
            .prop_map(|slot| When::Every(Slot::parse(slot).unwrap())),
        Just(When::Evergreen),
        Just(When::NextSlot),
    ];
    let accounts = prop_oneof![
        2 => Just(vec![]),
        1 => Just(vec![AccountName::from("a")]),
        1 => Just(vec![AccountName::from("b"), AccountName::from("a")]),
    ];
    let topic = prop::option::of(prop_oneof![Just("ring"), Just("aws")].prop_map(TopicId::from));
    let order = (-1_i32..2, prop::option::weighted(0.3, 0_i64..5), prop::option::weighted(0.2, 0_i64..40)).prop_map(
        |(priority, position, day)| Order {
            priority,
            position,
            slot: day.map(|day| nominal("2026-10-20 09:00") + Duration::days(day)),
        },
    );
    let bound = || prop::option::weighted(0.3, time.clone());
    let repeat = (bound(), bound(), prop::option::weighted(0.4, 1_u32..4), prop::option::of(0_u32..22)).prop_map(
        |(from, until, times, cooldown_days)| Repeat {
            from,
            until,
            times,
            skip: vec![nominal("2026-10-27 12:00"), nominal("2026-10-29 01:30")],
            cooldown_days,
        },
    );
    (kind, accounts, topic, prop::option::weighted(0.2, time.clone()), order, repeat).prop_map(
        |(when, accounts, topic, expires, order, repeat)| Post {
            parts: if topic.is_some() { vec!["One".to_owned(), "Two".to_owned()] } else { vec!["One".to_owned()] },
            when,
            accounts,
            topic,
            expires,
            order,
            repeat,
            ..post("")
        },
    )
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let minutes = || prop_oneof![Just(0_i64), 1_i64..200];
    let clock = |hour| chrono::NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let cap = || prop::option::weighted(0.3, 1_u32..3);
    (minutes(), minutes(), minutes(), cap(), cap(), any::<bool>()).prop_map(
        move |(spacing, jitter, stagger, daily_cap, same_text_cap, closed)| Rules {
            days_off: if closed {
                vec![(nominal("2026-10-28 00:00").date(), nominal("2026-10-29 00:00").date())]
            } else {
                vec![]
            },
            quiet: if closed { vec![(clock(12), clock(13))] } else { vec![] },
            daily_cap,
            min_spacing: Duration::minutes(spacing),
            jitter: Duration::minutes(jitter),
            stagger: Duration::minutes(stagger),
            same_text_cap,
            ..Rules::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn planning_in_steps_is_planning_at_once(
        mut posts in prop::collection::vec(any_post(), 0..24),
        steps in prop::collection::vec(1_i64..120, 1..12),
        rules in any_rules(),
        shared in any::<bool>(),
    ) {
        for (number, post) in posts.iter_mut().enumerate() {
            post.id = PostId::new(format!("p{number}"));
        }
        let topics: BTreeMap<PostId, Option<TopicId>> =
            posts.iter().map(|post| (post.id.clone(), post.topic.clone())).collect();
        let mut accounts = [
            account("a", &["daily 09:00", "Mon 12:00", "Sun 01:30"]),
            account("b", &["Tue,Sat 12:00", "Thu-Fri 09:00"]),
            account("c", &[]),
        ];
        for (place, account) in accounts.iter_mut().enumerate() {
            account.rules = rules.clone();
            if shared {
                account.server = "https://one.example".to_owned();
                account.ahead = u32::try_from(place).unwrap();
            }
        }
        // Over the end of daylight saving time on 1 November.
        let from = local("2026-10-25 00:00");
        let until = from + Duration::hours(steps.iter().sum());
        let at_once = plan(
            &posts, &accounts, New_York, &History::default(),
            Window { at_from: from, every_from: from, slots_from: from, until },
        );
        let mut history = History::default();
        let mut stepped: Vec<Planned> = Vec::new();
        let mut begin = from;
        for hours in steps {
            let end = begin + Duration::hours(hours);
            let window = Window { at_from: begin, every_from: begin, slots_from: begin, until: end };
            for planned in plan(&posts, &accounts, New_York, &history, window).planned {
                history.take(&planned, topics.get(&planned.post).and_then(Option::as_ref));
                stepped.push(planned);
            }
            // A second look at the same window finds nothing more of what takes a row once.
            let again = plan(&posts, &accounts, New_York, &history, window);
            prop_assert!(again.planned.iter().all(|planned| planned.kind == Kind::Evergreen || planned.kind == Kind::Slot), "{:?}", again.planned);
            begin = end;
        }
        prop_assert_eq!(&at_once.planned, &stepped);
        let mut identities: Vec<_> = stepped.iter().map(|planned| (&planned.account, &planned.post, &planned.occurrence)).collect();
        identities.sort();
        identities.dedup();
        prop_assert_eq!(identities.len(), stepped.len());
        // The ledger's rows are the same plan, part by part, and each is found by its key.
        let window = Window { at_from: from, every_from: from, slots_from: from, until };
        let agenda = Agenda::of_plan(posts.clone(), accounts.to_vec(), New_York, &History::default(), window);
        let expected: Vec<Wanted> = stepped
            .iter()
            .flat_map(|planned| {
                let post = posts.iter().find(|post| post.id == planned.post).unwrap();
                rows(post, planned, accounts.iter().find(|account| account.name == planned.account), New_York)
            })
            .collect();
        let made: Vec<Wanted> = (0..agenda.len()).map(|number| agenda.row(number).unwrap()).collect();
        prop_assert_eq!(&made, &expected);
        for (number, row) in made.iter().enumerate() {
            let key = (row.account.clone(), row.post.clone(), row.occurrence.clone(), row.part);
            prop_assert_eq!(agenda.number(&key), Some(number));
            prop_assert_eq!(agenda.parts(&key.0, &key.1, &key.2), Some(row.parts));
            prop_assert_eq!(agenda.number(&(key.0, key.1, key.2, row.parts + 1)), None);
        }
    }
}
