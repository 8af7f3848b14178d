//! What happens in a simulated campaign, thrown by dice before it begins: posts, mentions, troubles. The same seed
//! gives the same script; how requests interleave is the machine's own.

use chrono::{DateTime, Duration, Utc};

use crate::clock::Dice;
use crate::core::fact::FactBook;
use crate::core::ids::{AccountName, Lang, PostId, TopicId};
use crate::core::post::{Late, Moment, Post, Visibility, When};
use crate::core::schedule::Slot;
use crate::sandbox::{Endpoint, Fault, Moment as FaultMoment, StreamEnd, Trouble};

/// Something that happens at its time.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// Somebody writes to the accounts.
    Mention { who: String, text: String, visibility: Visibility },
    /// Faults wait for their request.
    Trouble(Vec<Fault>),
    /// The server is well again: every fault is gone.
    Well,
    /// The server ends its streams, or lets them go silent.
    Streams(StreamEnd),
    /// A machine's wall clock is wrong by so much from now on; zero: it is right again.
    ClockOff { host: usize, off: Duration },
    /// A machine's daemon dies at one of its next steps, and is back after this.
    Death { host: usize, steps: u64, back_after: Duration },
    /// Somebody looks at our notifications page: nothing but time.
    Poll,
}

/// The whole script.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// What staff wrote.
    pub(super) posts: Vec<Post>,
    /// What happens, in order.
    pub(super) events: Vec<(DateTime<Utc>, Event)>,
    /// When it begins and ends.
    pub(super) window: (DateTime<Utc>, DateTime<Utc>),
}

/// Between two looks at notifications.
const POLL: Duration = Duration::minutes(30);

impl Script {
    /// Throws a campaign of `days` days for these accounts, played by so many daemons.
    pub(super) fn throw(
        dice: &mut Dice,
        from: DateTime<Utc>,
        days: u32,
        accounts: &[AccountName],
        facts: &FactBook,
        daemons: usize,
    ) -> Script {
        let until = from + Duration::days(i64::from(days));
        let mut script = Script { posts: Vec::new(), events: Vec::new(), window: (from, until) };
        script.throw_posts(dice, days);
        script.throw_mentions(dice, days, accounts, facts);
        script.throw_troubles(dice, days);
        script.throw_deaths(dice, days, daemons);
        let mut poll = from;
        while poll < until {
            script.events.push((poll, Event::Poll));
            poll += POLL;
        }
        script.events.sort_by_key(|(at, _)| *at);
        script
    }

    /// How many days it lasts.
    pub(super) fn days(&self) -> usize {
        usize::try_from((self.window.1 - self.window.0).num_days()).unwrap_or(0)
    }

    fn some_time(&self, dice: &mut Dice) -> DateTime<Utc> {
        let (from, until) = self.window;
        let seconds = u64::try_from((until - from).num_seconds()).unwrap_or(1);
        from + seconds_of(dice, 60, seconds)
    }

    fn throw_posts(&mut self, dice: &mut Dice, days: u32) {
        for number in 0..u64::from(days) * 3 {
            let at = self.some_time(dice);
            let parts = if dice.below(4) == 0 { 2 + dice.below(3) } else { 1 };
            let mut post = post(format!("at-{number}"), When::At(Moment::Instant(at.fixed_offset())), dice, parts);
            if dice.below(5) == 0 {
                post.expires = Some(Moment::Instant((at + seconds_of(dice, 300, 7_200)).fixed_offset()));
            }
            post.late = match dice.below(8) {
                0 => Late::Hold,
                1 => Late::Skip,
                _ => Late::Send,
            };
            self.posts.push(post);
        }
        for number in 0..u64::from(days) * 2 {
            let parts = if dice.below(5) == 0 { 3 } else { 1 };
            self.posts.push(post(format!("slot-{number}"), When::NextSlot, dice, parts));
        }
        if let Ok(daily) = Slot::parse("Mon-Sun 12:00") {
            self.posts.push(post("daily".to_owned(), When::Every(daily), dice, 1));
        }
    }

    fn throw_mentions(&mut self, dice: &mut Dice, days: u32, accounts: &[AccountName], facts: &FactBook) {
        const PEOPLE: [&str; 7] = ["luz", "marco", "sam", "noor", "dee", "ana", "kofi@far.example"];
        for _ in 0..u64::from(days) * 12 {
            let at = self.some_time(dice);
            let to = one_of(dice, accounts).map(AccountName::as_str).unwrap_or_default();
            let also = if dice.below(6) == 0 {
                accounts.iter().map(|name| format!("@{name} ")).collect()
            } else {
                format!("@{to} ")
            };
            let words = match dice.below(10) {
                0 => "thank you for the good work".to_owned(),
                1 => "more".to_owned(),
                2 => "source?".to_owned(),
                3 => "stop".to_owned(),
                4 => "start".to_owned(),
                5 => "help".to_owned(),
                _ => {
                    let keyword = one_of(dice, &facts.facts).and_then(|fact| one_of(dice, &fact.keywords));
                    format!("what about {}?", keyword.map_or("Ring", String::as_str))
                }
            };
            let who = one_of(dice, &PEOPLE).copied().unwrap_or("luz").to_owned();
            let visibility = match dice.below(4) {
                0 => Visibility::Direct,
                1 => Visibility::Unlisted,
                _ => Visibility::Public,
            };
            self.events.push((at, Event::Mention { who, text: format!("{also}{words}"), visibility }));
        }
    }

    fn throw_troubles(&mut self, dice: &mut Dice, days: u32) {
        for _ in 0..u64::from(days) * 10 {
            let at = self.some_time(dice);
            self.throw_trouble(dice, at);
        }
        for _ in 0..u64::from(days) {
            // An outage: everything fails for a while.
            let at = self.some_time(dice);
            let what = if dice.below(2) == 0 {
                Trouble::answer(502, "<html>bad gateway</html>")
            } else {
                Trouble::Cut { when: FaultMoment::Before }
            };
            self.events.push((at, Event::Trouble(vec![Fault::on(Endpoint::Any, what).always()])));
            self.events.push((at + seconds_of(dice, 60, 5_400), Event::Well));
        }
        for _ in 0..u64::from(days) * 2 {
            let how = match dice.below(3) {
                0 => StreamEnd::Close,
                1 => StreamEnd::Cut,
                _ => StreamEnd::Silence,
            };
            self.events.push((self.some_time(dice), Event::Streams(how)));
        }
    }

    /// What befalls the machines.
    fn throw_deaths(&mut self, dice: &mut Dice, days: u32, daemons: usize) {
        let any = |dice: &mut Dice| usize::try_from(dice.below(u64::try_from(daemons).unwrap_or(1))).unwrap_or(0);
        for _ in 0..u64::from(days) * 2 * u64::try_from(daemons).unwrap_or(1) {
            let back_after = if dice.below(4) == 0 { seconds_of(dice, 600, 14_400) } else { seconds_of(dice, 0, 120) };
            let steps = dice.below(12);
            let host = any(dice);
            self.events.push((self.some_time(dice), Event::Death { host, steps, back_after }));
        }
        for _ in 0..days.div_ceil(3) {
            let at = self.some_time(dice);
            let host = any(dice);
            let off = seconds_of(dice, 60, 10_800) * if dice.below(2) == 0 { 1 } else { -1 };
            self.events.push((at, Event::ClockOff { host, off }));
            let right_again = at + seconds_of(dice, 600, 7_200);
            self.events.push((right_again, Event::ClockOff { host, off: Duration::zero() }));
        }
    }

    fn throw_trouble(&mut self, dice: &mut Dice, at: DateTime<Utc>) {
        let when = if dice.below(2) == 0 { FaultMoment::Before } else { FaultMoment::After };
        let create = |what| Fault::on(Endpoint::Create, what);
        let times = 1 + u32::try_from(dice.below(3)).unwrap_or(0);
        let fault = match dice.below(15) {
            0 => create(Trouble::answer(500, "<html>oops</html>")),
            1 | 2 => create(Trouble::accepted_but(504)),
            3 | 4 => create(Trouble::Cut { when }),
            5 => {
                // Its client loses patience at once, and the request goes on for a while.
                let hang = create(Trouble::Hang { when, ms: None }).times(times);
                self.events.push((at, Event::Trouble(vec![create(Trouble::Abandoned).times(times), hang])));
                return;
            }
            6 => create(Trouble::TooMany { reset_in: Some(120) }),
            7 => create(Trouble::HalfBody),
            8 => create(Trouble::WithoutId),
            9 => create(Trouble::accepted_and(200, "<html>hello</html>")),
            10 => create(Trouble::parent_missing()),
            11 => Fault::on(Endpoint::Notifications, Trouble::answer(500, "")),
            12 => Fault::on(Endpoint::OwnStatuses, Trouble::Lag { seconds: 40 }),
            13 => Fault::on(Endpoint::Push, Trouble::NotPushed),
            _ => Fault::on(Endpoint::Notifications, Trouble::MalformedNotification),
        };
        self.events.push((at, Event::Trouble(vec![fault.times(times)])));
    }
}

/// Between `from` and `to` seconds.
pub(super) fn seconds_of(dice: &mut Dice, from: u64, to: u64) -> Duration {
    let seconds = from + dice.below(to.saturating_sub(from));
    Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn one_of<'a, T>(dice: &mut Dice, things: &'a [T]) -> Option<&'a T> {
    let place = usize::try_from(dice.below(u64::try_from(things.len()).unwrap_or(0))).ok()?;
    things.get(place)
}

fn post(id: String, when: When, dice: &mut Dice, parts: u64) -> Post {
    let text = |part: u64, dice: &mut Dice| {
        // No two texts of a campaign share nine tenths of their words.
        let words: Vec<String> = (0..8).map(|_| format!("word{}", dice.below(100_000))).collect();
        format!("{id}, part {part}: {}", words.join(" "))
    };
    let parts = (1..=parts).map(|part| text(part, dice)).collect();
    Post { topic: Some(TopicId::new("ring")), ..Post::new(PostId::new(id.clone()), when, Lang::new("en"), parts) }
}
