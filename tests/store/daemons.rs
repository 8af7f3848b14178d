//! Two whole programs on one PostgreSQL, against one server: everything is said and answered once, whoever lives.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sqlx::Row;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use watchpost::app::{App, Setup};
use watchpost::campaign;
use watchpost::clock::Clock;
use watchpost::jobs::{Ctx, Voice};
use watchpost::sandbox::{Endpoint, Fault, Moment, NewAccount, Options, Profile, Running, Sandbox, Trouble};
use watchpost::store::leases::{LEASE, RENEW};

use crate::base::{Backup, Base, dice, now};

const SOON: Duration = Duration::from_secs(60);

/// A machine with the campaign's folder, its key among it.
struct Machine {
    folder: TempDir,
    ctx: Weak<Ctx>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

struct Rig<'a> {
    base: &'a Base,
    clock: Clock,
    running: Running,
    hand: Sandbox,
}

impl<'a> Rig<'a> {
    async fn set(base: &'a Base) -> Rig<'a> {
        Rig::on(base, Profile::mastodon()).await
    }

    async fn on(base: &'a Base, profile: Profile) -> Rig<'a> {
        let clock = Clock::by_hand(now());
        let mut options = Options { profile, ..Options::new(clock.clone()) };
        for name in ["eyes", "vigila"] {
            options = options.account(NewAccount::campaign(name).token(format!("{name}-token")));
        }
        let running = Sandbox::start(options).await.unwrap();
        Rig { base, clock, hand: running.handle(), running }
    }

    fn write_campaign(&self, folder: &Path) {
        for name in ["config", "posts", "data"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
        }
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        for name in ["facts.toml", "links.toml", "commands.toml"] {
            std::fs::copy(shipped.join(name), folder.join("config").join(name)).unwrap();
        }
        let mut settings = "[campaign]\nname = \"Test\"\ntimezone = \"UTC\"\nlanguages = [\"en\", \"es\"]\n".to_owned();
        for name in ["eyes", "vigila"] {
            std::fs::write(folder.join(format!("{name}.token")), format!("{name}-token")).unwrap();
            let server = self.running.base_url();
            settings.push_str(&format!(
                "[[accounts]]\nname = \"{name}\"\nserver = \"{server}\"\ntoken = {{ file = \"{name}.token\" }}\n"
            ));
            for minute in 1..=3 {
                let text =
                    format!("---\nat: 2026-11-23 09:0{minute}\naccounts: [{name}]\n---\nPost {minute} of {name}.\n");
                std::fs::write(folder.join(format!("posts/{name}-{minute}.md")), text).unwrap();
            }
        }
        settings.push_str(&format!("[store]\nurl = \"{}\"\n", self.base.url));
        std::fs::write(folder.join("config/watchpost.toml"), settings).unwrap();
    }

    /// Starts a daemon on a machine of its own.
    async fn start(&self, first: Option<&Machine>) -> Machine {
        let folder = TempDir::new().unwrap();
        self.write_campaign(folder.path());
        if let Some(first) = first {
            std::fs::copy(first.folder.path().join("data/install.key"), folder.path().join("data/install.key"))
                .unwrap();
        }
        let loaded = campaign::load(folder.path(), self.clock.now()).unwrap();
        let setup = Setup { clock: self.clock.clone(), dice: dice(), voice: Voice::Live };
        let app = App::start(loaded.campaign.unwrap(), &loaded.findings, setup).await.unwrap();
        let ctx = Arc::downgrade(app.ctx());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(app.run_until(async {
            // Whoever dropped the sender wants it stopped as well.
            drop(stopped.await);
        }));
        Machine { folder, ctx, stop, task }
    }

    /// Lets time pass so that living daemons renew in between, as they do in life.
    async fn flow(&self, seconds: i64, living: usize) {
        for _ in 0..seconds / 5 {
            self.clock.advance(Duration::from_secs(5));
            let renewed = (self.clock.now() + LEASE - chrono::Duration::seconds(15)).timestamp_millis();
            eventually("the living renew", async || self.count("daemons WHERE until >", renewed).await >= living).await;
        }
    }

    /// Lets time pass up to so many seconds after the start.
    async fn flow_to(&self, second: i64, living: usize) {
        self.flow(second - (self.clock.now() - now()).num_seconds(), living).await;
    }

    /// Lets time pass until `holds`: within a minute, whatever happened. A link takes some requests, so each step is
    /// followed by a look for some real time.
    async fn within_a_minute(&self, what: &str, living: usize, holds: impl Fn() -> bool) {
        let began = self.clock.now();
        loop {
            let look = async {
                while !holds() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            if tokio::time::timeout(Duration::from_millis(500), look).await.is_ok() {
                return;
            }
            let passed = self.clock.now() - began;
            assert!(passed < chrono::Duration::seconds(55), "after {passed} in vain: {what}");
            self.flow(5, living).await;
        }
    }

    /// Until each account is linked by one of these daemons.
    async fn until_linked(&self, machines: &[&Machine]) {
        self.within_a_minute("each account is linked once", machines.len(), || {
            let mut linked: Vec<String> = machines.iter().flat_map(|machine| machine.linked()).collect();
            linked.sort();
            linked == ["eyes", "vigila"]
        })
        .await;
    }

    /// Until a daemon that joined has its part.
    async fn until_shared(&self, one: &Machine, two: &Machine) {
        self.within_a_minute("each has one", 2, || one.linked().len() == 1 && two.linked().len() == 1).await;
    }

    async fn count(&self, what: &str, than: i64) -> usize {
        let mut raw = self.base.raw().await;
        let query = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) AS n FROM {what} $1"));
        let row = sqlx::query(query).bind(than).fetch_one(&mut raw).await.unwrap();
        usize::try_from(row.get::<i64, _>("n")).unwrap()
    }

    async fn said(&self, account: &str, count: usize) {
        let done = self.hand.wait_until(|state| state.own_count(account) >= count, SOON).await;
        let texts: Vec<String> = self.hand.own(account).into_iter().map(|status| status.text).collect();
        assert!(done.is_ok() && texts.len() == count, "{account} said {texts:?}");
    }

    /// Everybody who lives stops, and nothing was said twice.
    async fn end(self, machines: impl IntoIterator<Item = Machine>) {
        for machine in machines {
            machine.stop.send(()).ok();
            machine.task.await.unwrap().unwrap();
        }
        assert_eq!(self.hand.duplicates(), 0);
        let mut raw = self.base.raw().await;
        for table in ["account_leases", "daemons"] {
            let left = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT 1 AS one FROM {table}")));
            assert!(left.fetch_optional(&mut raw).await.unwrap().is_none(), "{table} is left");
        }
        self.hand.release();
        self.running.stop().await;
    }
}

impl Machine {
    fn ctx(&self) -> Arc<Ctx> {
        self.ctx.upgrade().unwrap()
    }

    fn linked(&self) -> Vec<String> {
        let ctx = self.ctx();
        ctx.accounts
            .values()
            .filter(|account| account.link().is_some())
            .map(|account| account.name.to_string())
            .collect()
    }

    /// Ends it as `kill -9` does: every task vanishes where it stands.
    async fn kill(self) {
        self.task.abort();
        drop(self.task.await);
        eventually("every task of the killed daemon is gone", async || self.ctx.strong_count() == 0).await;
    }
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let search = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(SOON, search).await.is_ok(), "waited in vain for: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_share_the_work_and_say_everything_once() {
    let base = Base::postgres().await;
    let rig = Rig::set(&base).await;
    let one = rig.start(None).await;
    rig.until_linked(&[&one]).await;
    let two = rig.start(Some(&one)).await;
    // The second joins; the first gives an account away at its next renewal.
    rig.until_shared(&one, &two).await;
    rig.until_linked(&[&one, &two]).await;
    assert_eq!((one.linked().len(), two.linked().len()), (1, 1));
    assert!(one.ctx().ours().len() == 2 && two.ctx().ours().len() == 2, "each knows the other's account as ours");
    rig.flow_to(90, 2).await;
    // Asked on both accounts at once; and our own accounts, which name each other, are left alone.
    let asked = rig.hand.mention("ada", "@eyes @vigila what is Rekognition?").unwrap();
    rig.flow(120, 2).await;
    let answered = rig.hand.wait_until(|state| !state.replies_to(asked.as_str()).is_empty(), SOON).await;
    assert!(answered.is_ok());
    rig.flow(20, 2).await;
    assert_eq!(rig.hand.replies_to(&asked).len(), 1, "one status is answered by one account");
    let posts: Vec<String> =
        rig.hand.statuses().into_iter().map(|status| status.text).filter(|text| text.starts_with("Post ")).collect();
    assert_eq!(posts.len(), 6, "{posts:?}");
    rig.end([one, two]).await;
    base.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemons_accounts_are_taken_over_within_a_minute_and_nothing_is_said_twice() {
    let base = Base::postgres().await;
    let rig = Rig::set(&base).await;
    let one = rig.start(None).await;
    rig.until_linked(&[&one]).await;
    let two = rig.start(Some(&one)).await;
    // Both daemons have their account; the post of one is accepted, and its answer never comes.
    rig.until_shared(&one, &two).await;
    rig.until_linked(&[&one, &two]).await;
    let of_one = one.linked().remove(0);
    rig.hand.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: Moment::After, ms: None }).of(of_one.as_str()));
    rig.flow_to(60, 2).await;
    rig.hand.wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
    one.kill().await;
    // Within that minute the other has the account; it reads back, finds the first post, and goes on with the rest.
    rig.until_linked(&[&two]).await;
    let asked = rig.hand.mention("ada", &format!("@{of_one} what is Rekognition?")).unwrap();
    rig.flow(120, 1).await;
    rig.said(if of_one == "eyes" { "vigila" } else { "eyes" }, 3).await;
    rig.said(&of_one, 4).await;
    assert_eq!(rig.hand.replies_to(&asked).len(), 1);
    rig.end([two]).await;
    base.clear().await;
}

/// Stopped as systemd stops it: what it held is free at once, and the other does not wait for a lease to run out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_daemons_accounts_are_free_at_once() {
    let base = Base::postgres().await;
    let rig = Rig::set(&base).await;
    let one = rig.start(None).await;
    rig.until_linked(&[&one]).await;
    let two = rig.start(Some(&one)).await;
    assert!(two.linked().is_empty());
    one.stop.send(()).unwrap();
    one.task.await.unwrap().unwrap();
    let stopped = rig.clock.now();
    rig.until_linked(&[&two]).await;
    assert!(rig.clock.now() - stopped <= RENEW + chrono::Duration::seconds(10));
    rig.flow(200, 1).await;
    rig.said("eyes", 3).await;
    rig.said("vigila", 3).await;
    rig.end([two]).await;
    base.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_is_waited_for_and_what_was_on_its_way_is_looked_for() {
    let (base, guest) = Base::postgres_of_a_role().await;
    let rig = Rig::set(&base).await;
    let one = rig.start(None).await;
    rig.until_linked(&[&one]).await;
    // The first post is accepted; before its answer comes, the database is gone.
    rig.hand.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: Moment::After, ms: None }).of("eyes"));
    rig.flow_to(60, 1).await;
    rig.hand.wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
    guest.locked_out().await;
    rig.hand.release();
    let asked = rig.hand.mention("ada", "@vigila what is Rekognition?").unwrap();
    let creates = |state: &watchpost::sandbox::Sandbox| {
        state.requests().iter().filter(|seen| seen.endpoint == Endpoint::Create).count()
    };
    let before = creates(&rig.hand);
    rig.clock.advance(Duration::from_secs(90));
    eventually("every job has met the outage", async || one.ctx().stop().is_cancelled()).await;
    assert!(!one.task.is_finished(), "it waits");
    assert_eq!(creates(&rig.hand), before, "nothing is sent without a record");
    guest.let_in().await;
    eventually("it is at work again", async || !one.ctx().stop().is_cancelled()).await;
    rig.flow_to(400, 1).await;
    rig.said("eyes", 3).await;
    rig.said("vigila", 4).await;
    assert_eq!(rig.hand.replies_to(&asked).len(), 1);
    rig.end([one]).await;
    base.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_is_thrown_out_does_not_end_the_program() {
    let (base, guest) = Base::postgres_of_a_role().await;
    let rig = Rig::set(&base).await;
    let one = rig.start(None).await;
    rig.until_linked(&[&one]).await;
    for _ in 0..20 {
        guest.thrown_out().await;
        rig.clock.advance(Duration::from_secs(3));
    }
    rig.flow_to(400, 1).await;
    rig.said("eyes", 3).await;
    rig.said("vigila", 3).await;
    rig.end([one]).await;
    base.clear().await;
}

/// Its administrators put yesterday's backup in place while the program waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_comes_back_from_a_backup_repeats_nothing() {
    let (base, guest) = Base::postgres_of_a_role().await;
    let rig = Rig::on(&base, Profile::gotosocial()).await;
    let one = rig.start(None).await;
    rig.until_linked(&[&one]).await;
    guest.backup(Backup::Take).await;
    rig.flow_to(90, 1).await;
    rig.said("eyes", 1).await;
    rig.said("vigila", 1).await;
    guest.locked_out().await;
    rig.clock.advance(Duration::from_secs(10));
    eventually("every job has met the outage", async || one.ctx().stop().is_cancelled()).await;
    guest.backup(Backup::PutBack).await;
    guest.let_in().await;
    eventually("it is at work again", async || !one.ctx().stop().is_cancelled()).await;
    rig.flow_to(900, 1).await;
    rig.said("eyes", 3).await;
    rig.said("vigila", 3).await;
    let notices = one.ctx().store.notices().await.unwrap();
    assert!(notices.iter().any(|notice| notice.text.contains("restored from a backup")), "{notices:?}");
    rig.end([one]).await;
    base.clear().await;
}
