//! Which of our own statuses may be a row's: by parent and words, younger than its first attempt, no other row's.

use chrono::{DateTime, Utc};

use super::Case;
use super::look::{CLOCKS_APART, oldest_possible, shown};
use crate::core::ids::{Occurrence, StatusId};
use crate::core::post::Visibility;
use crate::core::resemblance::{Likeness, Shown, likeness, resemblance};
use crate::fedi::{FediError, StatusView};
use crate::jobs::trouble::Trouble;
use crate::store::deliveries::Of;

impl Case<'_> {
    /// Everything of ours that may be this row's and is no other row's, best first: for a reply the parent decides, else
    /// the words; how visibility, warning and pictures agree only ranks, because servers change them.
    pub(super) async fn candidates(&self) -> Result<Vec<(StatusView, Likeness)>, Trouble> {
        let payload = &self.row.delivery.payload;
        let mut found: Vec<(StatusView, Likeness)> = Vec::new();
        let elsewhere = self.directs_elsewhere().await?;
        for status in self.since_the_baseline().chain(&elsewhere) {
            let shown =
                Shown { text: &status.text, cw: status.cw.as_deref(), in_reply_to: status.in_reply_to.as_ref() };
            let likeness = match resemblance(payload, shown) {
                // The text as written decides where the server keeps it.
                Likeness::Near => self.as_written(status).await?,
                clear @ (Likeness::Same | Likeness::Other) => clear,
            };
            if likeness != Likeness::Other && !found.iter().any(|(known, _)| known.id == status.id) {
                found.push((status.clone(), likeness));
            }
        }
        let ids: Vec<StatusId> = found.iter().map(|(status, _)| status.id.clone()).collect();
        let owned = self.ctx.store.owned(&self.account.name, &ids).await?;
        found.retain(|(status, _)| !owned.contains(&status.id));
        if found.iter().any(|(_, likeness)| *likeness == Likeness::Near) {
            // A campaign that counts its days says nearly the same every day: another row's very words are not ours.
            let rivals = self.ctx.store.rivals(&self.account.name, self.row.delivery.id).await?;
            let is_theirs =
                |status: &StatusView| rivals.iter().any(|rival| resemblance(rival, shown(status)) == Likeness::Same);
            found.retain(|(status, likeness)| *likeness == Likeness::Same || !is_theirs(status));
        }
        // Of several that are equally alike the oldest: later occurrences of the same words come later too.
        found.reverse();
        found.sort_by_key(|(status, likeness)| {
            let agreeing = u8::from(status.visibility == Some(payload.visibility))
                + u8::from(status.cw == payload.cw)
                + u8::from(status.media == payload.media.len());
            std::cmp::Reverse((*likeness, agreeing))
        });
        Ok(found)
    }

    /// Own statuses that may be younger than this row's first attempt. What is older is another's, however alike: the
    /// same words of last week, or a twin that was left standing. The server's own times are compared where the
    /// baseline is seen; else ours, which agree with them within minutes or nothing is sent (DESIGN §7).
    fn since_the_baseline(&self) -> impl Iterator<Item = &StatusView> {
        self.look.own.iter().filter(|status| self.is_young_enough(status))
    }

    fn is_young_enough(&self, status: &StatusView) -> bool {
        let baseline = self.row.baseline.as_ref();
        if baseline == Some(&status.id) {
            // It was there before the attempt.
            return false;
        }
        let seen = baseline.and_then(|id| self.look.own.iter().find(|status| &status.id == id));
        let oldest = seen.and_then(|status| status.created_at).unwrap_or_else(|| oldest_possible(self.row));
        let window = self.occurrence_window();
        status
            .created_at
            .is_none_or(|made| made >= oldest && window.is_none_or(|(from, to)| from <= made && made <= to))
    }

    /// When a row that a restored database forgot can have been sent, if it has a time of its own: the same words stood
    /// there at the post's other times too.
    fn occurrence_window(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let row = &self.row.delivery;
        match (&row.of, row.doubted_at, row.expires_at) {
            (Of::Post { occurrence, .. }, Some(_), Some(expires)) if *occurrence != Occurrence::once() => {
                Some((row.due_at - CLOCKS_APART, expires + CLOCKS_APART))
            }
            (Of::Post { .. } | Of::Reply { .. }, _, _) => None,
        }
    }

    /// Directs do not stand in the own list of every server; there they are looked for under their parent, and at home,
    /// because a parent may be gone and a direct post has none (SERVERS.md §3, rule 3).
    async fn directs_elsewhere(&self) -> Result<Vec<StatusView>, FediError> {
        let payload = &self.row.delivery.payload;
        if payload.visibility != Visibility::Direct {
            return Ok(Vec::new());
        }
        let mut found = match payload.in_reply_to.as_ref() {
            Some(parent) => self.link.fedi.thread(parent).await?.unwrap_or_default().descendants,
            None => Vec::new(),
        };
        found.retain(|status| status.author.as_ref() == Some(&self.link.me.id));
        if found.is_empty() && !self.link.capabilities.lists_directs {
            found = self.link.fedi.own_at_home(&self.link.me).await?;
            found.retain(|status| self.is_young_enough(status));
        }
        Ok(found)
    }

    async fn as_written(&self, status: &StatusView) -> Result<Likeness, FediError> {
        match self.link.fedi.source(&status.id).await? {
            Some(source) if likeness(&self.row.delivery.payload.text, &source) == Likeness::Same => Ok(Likeness::Same),
            Some(_) | None => Ok(Likeness::Near),
        }
    }
}
