//! The rig: a campaign folder, sandboxes, a daemon, and the verbs of stories.
//!
//! Invariants: time passes only by [`Story::advance`] and its kin; [`eventually`] is the one place that waits; whatever
//! a story does, [`tell`] checks at its end what every story must leave behind (see [`ending`]).
//!
//! It knows the program by its public face only: files, the database opened as a visitor, the server's side.

mod daemon;
mod ending;
mod folder;
mod scene;
mod verbs;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use watchpost::clock::Clock;
use watchpost::sandbox::{Running, Sandbox};
use watchpost::store::Store;

pub(crate) use self::daemon::Daemon;
pub(crate) use self::ending::Leftover;
pub(crate) use self::folder::Folder;
pub(crate) use self::scene::{Scene, token_of};
pub(crate) use self::verbs::{is_out, new_york};

/// How long a state may take on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// How long a whole story may take.
const STORY: Duration = Duration::from_secs(240);

/// One server of a story.
pub(crate) struct Server {
    /// The campaign's accounts there.
    pub(crate) accounts: Vec<String>,
    pub(crate) hand: Sandbox,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) running: Option<Running>,
}

/// A story under way.
pub(crate) struct Story {
    pub(crate) folder: Folder,
    pub(crate) clock: Clock,
    pub(crate) servers: Vec<Server>,
    pub(crate) daemon: Option<Daemon>,
    /// The database, as a command beside the daemon sees it.
    pub(crate) store: Store,
    leftovers: Vec<Leftover>,
    scene: Scene,
}

/// Tells a story: sets the scene, starts the daemon, lets the plot run, checks what it leaves.
pub(crate) fn tell(scene: Scene, plot: impl AsyncFnOnce(&mut Story)) {
    run(async move {
        let mut story = scene.set().await;
        story.start().await;
        let told = AssertUnwindSafe(plot(&mut story)).catch_unwind().await;
        let told = match told {
            Ok(()) => AssertUnwindSafe(story.finish()).catch_unwind().await,
            Err(panic) => Err(panic),
        };
        if let Err(panic) = told {
            story.confess().await;
            std::panic::resume_unwind(panic);
        }
    });
}

/// Runs a story that starts the daemon itself, or none.
pub(crate) fn run(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(STORY, story).await.expect("the story took too long");
    });
    runtime.shutdown_timeout(Duration::from_secs(2));
}

/// Waits for a condition, with a deadline: the one place that waits.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let search = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
    };
    if tokio::time::timeout(SOON, search).await.is_err() {
        panic!("waited {SOON:?} in vain for: {what}");
    }
}

/// Waits for a value, with a deadline.
pub(crate) async fn found<T>(what: &str, mut find: impl AsyncFnMut() -> Option<T>) -> T {
    let mut value = None;
    eventually(what, async || {
        value = find().await;
        value.is_some()
    })
    .await;
    value.unwrap()
}
