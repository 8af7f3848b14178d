//! Noticing that staff changed something: a signal when `posts/` or `config/` may read differently now.
//!
//! The system's file events are the fast way, a look at every file's size and time each 2 s the slow one where there
//! are no events (network folders, exhausted watches). Neither is the truth: once a minute the signal comes by itself,
//! and whoever waits reads everything again. Opening and reading a file is no change, or reading would wake itself.
//! What changed, nobody here knows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

/// The folders of a campaign that staff write.
const FOLDERS: [&str; 2] = ["config", "posts"];

/// Editors save in several steps; the signal waits until nothing more comes for this long …
const QUIET: Duration = Duration::from_millis(200);
/// … but no longer than this after the first event, so that a change is seen within a second.
const PATIENCE: Duration = Duration::from_millis(700);
/// How often files are looked at where there are no events.
const LOOK: Duration = Duration::from_secs(2);
/// How often the signal comes whatever was noticed.
const RESCAN: Duration = Duration::from_secs(60);

/// Why a campaign cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// There is nothing to watch.
    #[error("there is no folder {0} to watch")]
    NoFolder(PathBuf),
}

/// A watch on a campaign folder.
#[derive(Debug)]
pub struct Watcher {
    root: PathBuf,
    eye: Eye,
    rescan: Interval,
    /// An event came and its signal was not given yet; kept here so that a cancelled wait loses nothing.
    pending: bool,
}

#[derive(Debug)]
enum Eye {
    Events {
        /// Dropping it would end the events.
        watcher: RecommendedWatcher,
        /// Holds one signal: something changed, however much it was.
        changed: Arc<Notify>,
    },
    Looks {
        every: Interval,
        last: BTreeMap<PathBuf, (u64, Option<SystemTime>)>,
    },
}

/// Watches `posts/` and `config/` of a campaign. Must be called within a tokio runtime.
///
/// # Errors
/// [`WatchError::NoFolder`], when `root` is not a folder. Where the system gives no events, files are looked at instead.
pub fn watch(root: &Path) -> Result<Watcher, WatchError> {
    if !root.is_dir() {
        return Err(WatchError::NoFolder(root.to_path_buf()));
    }
    let eye = by_events(root).unwrap_or_else(|error| {
        tracing::warn!(error = %error, "no file events here; looking at the files every 2 s instead");
        by_looks(root)
    });
    Ok(Watcher { root: root.to_path_buf(), eye, rescan: ticks(RESCAN), pending: false })
}

fn by_events(root: &Path) -> notify::Result<Eye> {
    let changed = Arc::new(Notify::new());
    let signal = Arc::clone(&changed);
    let folders = FOLDERS.map(|folder| root.join(folder));
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let matters = match &event {
            Ok(event) => {
                let ours = |path: &PathBuf| folders.iter().any(|folder| path.starts_with(folder));
                !matches!(event.kind, EventKind::Access(_)) && (event.need_rescan() || event.paths.iter().any(ours))
            }
            // Events were lost: better to look.
            Err(_) => true,
        };
        if matters {
            signal.notify_one();
        }
    })?;
    watcher.watch(root, RecursiveMode::NonRecursive)?;
    watch_folders(&mut watcher, root)?;
    Ok(Eye::Events { watcher, changed })
}

/// Watches the folders that are there; one already watched is simply watched on.
fn watch_folders(watcher: &mut RecommendedWatcher, root: &Path) -> notify::Result<()> {
    for folder in FOLDERS.map(|folder| root.join(folder)) {
        if folder.is_dir() {
            watcher.watch(&folder, RecursiveMode::Recursive)?;
        }
    }
    Ok(())
}

fn by_looks(root: &Path) -> Eye {
    Eye::Looks { every: ticks(LOOK), last: look(root) }
}

fn ticks(period: Duration) -> Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

impl Watcher {
    /// Waits until the campaign may read differently. May be cancelled and called again without losing a change.
    pub async fn changed(&mut self) {
        while !self.pending {
            self.pending = match &mut self.eye {
                Eye::Events { changed, .. } => tokio::select! {
                    () = changed.notified() => true,
                    _ = self.rescan.tick() => true,
                },
                Eye::Looks { every, last } => tokio::select! {
                    _ = every.tick() => {
                        let now = look(&self.root);
                        std::mem::replace(last, now) != *last
                    }
                    _ = self.rescan.tick() => true,
                },
            };
        }
        self.settle().await;
        self.pending = false;
        // A folder that was missing, or was removed and made again, is watched from now on.
        if let Eye::Events { watcher, .. } = &mut self.eye
            && let Err(error) = watch_folders(watcher, &self.root)
        {
            tracing::warn!(error = %error, "file events ended; looking at the files every 2 s instead");
            self.eye = by_looks(&self.root);
        }
    }

    /// Waits for the end of a burst of events.
    async fn settle(&self) {
        let Eye::Events { changed, .. } = &self.eye else {
            return;
        };
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                () = changed.notified() => {}
                () = tokio::time::sleep(QUIET) => return,
                () = &mut patience => return,
            }
        }
    }
}

/// Every file with its size and time.
fn look(root: &Path) -> BTreeMap<PathBuf, (u64, Option<SystemTime>)> {
    let mut seen = BTreeMap::new();
    let mut folders: Vec<(PathBuf, usize)> = FOLDERS.iter().map(|folder| (root.join(folder), 0)).collect();
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(about) = std::fs::metadata(entry.path()) else {
                continue;
            };
            if about.is_dir() && depth < 16 {
                folders.push((entry.path(), depth + 1));
            } else {
                seen.insert(entry.path(), (about.len(), about.modified().ok()));
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Long enough for a busy machine, shorter than the rescan that would hide a lost event.
    const DEADLINE: Duration = Duration::from_secs(20);

    async fn check(mut watcher: Watcher, change: impl FnOnce()) -> Watcher {
        change();
        tokio::time::timeout(DEADLINE, watcher.changed()).await.expect("the change was not noticed");
        watcher
    }

    fn campaign() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("posts/es")).unwrap();
        fs::create_dir(root.path().join("config")).unwrap();
        fs::write(root.path().join("posts/a.md"), "a").unwrap();
        root
    }

    #[tokio::test]
    async fn a_new_a_changed_and_a_removed_post_are_noticed() {
        let root = campaign();
        let posts = root.path().join("posts");
        let mut watcher = watch(root.path()).unwrap();
        watcher = check(watcher, || fs::write(posts.join("b.md"), "b").unwrap()).await;
        watcher = check(watcher, || fs::write(posts.join("a.md"), "longer").unwrap()).await;
        watcher = check(watcher, || fs::write(posts.join("es/c.md"), "c").unwrap()).await;
        watcher = check(watcher, || fs::remove_file(posts.join("b.md")).unwrap()).await;
        check(watcher, || fs::write(root.path().join("config/facts.toml"), "").unwrap()).await;
    }

    #[tokio::test]
    async fn a_posts_folder_made_later_is_watched_too() {
        let root = tempfile::tempdir().unwrap();
        let watcher = watch(root.path()).unwrap();
        let posts = root.path().join("posts");
        let watcher = check(watcher, || fs::create_dir(&posts).unwrap()).await;
        check(watcher, || fs::write(posts.join("a.md"), "a").unwrap()).await;
    }

    #[tokio::test]
    async fn without_file_events_the_files_are_looked_at() {
        let root = campaign();
        let watcher = Watcher {
            root: root.path().to_path_buf(),
            eye: by_looks(root.path()),
            rescan: ticks(RESCAN),
            pending: false,
        };
        check(watcher, || fs::write(root.path().join("posts/a.md"), "longer").unwrap()).await;
    }

    #[tokio::test]
    async fn reading_the_files_and_writing_the_store_wake_nobody_but_the_rescan_does() {
        let root = campaign();
        let mut watcher = watch(root.path()).unwrap();
        let period = Duration::from_millis(1_500);
        watcher.rescan = ticks(period);
        let start = tokio::time::Instant::now();
        assert_eq!(fs::read_to_string(root.path().join("posts/a.md")).unwrap(), "a");
        fs::create_dir(root.path().join("data")).unwrap();
        fs::write(root.path().join("data/watchpost.db"), "x").unwrap();
        let watcher = check(watcher, || ()).await;
        assert!(start.elapsed() >= period - Duration::from_millis(50), "{:?}", start.elapsed());
        drop(watcher);
    }

    #[tokio::test]
    async fn a_missing_campaign_cannot_be_watched() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(watch(&root.path().join("none")), Err(WatchError::NoFolder(_))));
    }
}
