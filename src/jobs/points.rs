//! Moments between two steps of a delivery that a test can catch. A gate that shuts at one never lets the work go on:
//! whoever drives the jobs then drops them and opens the database anew, which is a crash as far as ledger and server
//! can tell. Inert in production: nothing there installs a gate, and a point without one costs a look at an `Option`.

use std::fmt;
use std::sync::{Arc, OnceLock};

/// Where a delivery is between two steps of claim → arm → send → record → verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// A mention was read from the server; nothing of it is recorded.
    Heard,
    /// A row was claimed; it is not armed.
    Claimed,
    /// The attempt is committed; no byte has left.
    Armed,
    /// The attempt has its outcome; nothing of it is recorded.
    Answered,
    /// The outcome is recorded; nobody looked at the server.
    Recorded,
    /// A look saw the server; what it means is not recorded.
    Looked,
    /// What a look saw is recorded.
    Settled,
    /// A twin was deleted on the server; nothing of it is recorded.
    TakenBack,
}

/// Whether the work goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It does.
    Open,
    /// It never does.
    Shut,
}

/// Asked at every point that is passed.
pub type Gate = Arc<dyn Fn(Point) -> Passage + Send + Sync>;

/// The points of one context.
#[derive(Default)]
pub struct Points(OnceLock<Gate>);

impl fmt::Debug for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Points").field(&self.0.get().is_some()).finish()
    }
}

impl Points {
    /// From now on this gate is asked; a second gate changes nothing.
    pub fn install(&self, gate: Gate) {
        self.0.get_or_init(|| gate);
    }

    /// Passes a point; never returns when the gate is shut there.
    pub async fn pass(&self, point: Point) {
        if self.0.get().is_some_and(|gate| gate(point) == Passage::Shut) {
            std::future::pending::<()>().await;
        }
    }
}
