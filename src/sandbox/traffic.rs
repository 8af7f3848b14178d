//! What is on its way to the server: connections on which nothing was read yet, and requests that are not over.
//!
//! Whoever moves a clock by hand waits until nothing is, so that no request of a client that died is handled in a later
//! hour. Costs an atomic step at both ends of a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::watch;

/// Counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    under_way: Arc<AtomicUsize>,
    /// Counts the moments from which there was none.
    over: watch::Sender<u64>,
}

impl Traffic {
    /// Something is on its way from now on, until the answer is dropped.
    pub(crate) fn begin(&self) -> OnTheWay {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        OnTheWay { traffic: self.clone(), over: AtomicBool::new(false) }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.under_way.load(Ordering::SeqCst) == 0
    }

    /// Wakes whoever waits for its end.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.over.subscribe()
    }
}

/// Something that is on its way.
#[derive(Debug)]
pub(crate) struct OnTheWay {
    traffic: Traffic,
    over: AtomicBool,
}

impl OnTheWay {
    /// It has arrived; saying so again changes nothing.
    pub(crate) fn end(&self) {
        if !self.over.swap(true, Ordering::SeqCst) && self.traffic.under_way.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.traffic.over.send_modify(|count| *count += 1);
        }
    }
}

impl Drop for OnTheWay {
    fn drop(&mut self) {
        self.end();
    }
}
