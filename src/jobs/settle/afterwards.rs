//! What is looked at after a row has its end: is what the server said yes to there, did a resend make a twin, did what was
//! given up appear (DESIGN §5, law 8).

use super::look::shown;
use super::{Case, Settled, confirm};
use crate::core::ids::StatusId;
use crate::core::looking;
use crate::core::resemblance::{Likeness, resemblance};
use crate::fedi::StatusView;
use crate::jobs::context::Voice;
use crate::jobs::points::Point;
use crate::jobs::trouble::Trouble;
use crate::store::StoreError;
use crate::store::notices::Told;

impl Case<'_> {
    /// The server said yes, and the look did not show it: is it there?
    pub(super) async fn accepted(&self, settled: &mut Settled) -> Result<(), StoreError> {
        let Some(status) = &self.row.delivery.status else { return Ok(()) };
        match self.link.fedi.status(status).await {
            Ok(Some(_)) => return confirm(self.ctx, &[self.row], self.now, settled).await,
            Ok(None) => {}
            Err(error) => {
                self.blind(settled, &error);
                return Ok(());
            }
        }
        settled.open += 1;
        let sent_at = self.row.delivery.sent_at.unwrap_or(self.row.armed_at);
        let next = looking::next_for_sent(sent_at, self.now);
        let (id, account) = (self.row.delivery.id, &self.account.name);
        let told = Told {
            text: format!("delivery {id} on {account}: the server said yes but does not show it"),
            next_step: format!(
                "look at the account's profile; `watchpost queue release {id}` looks again and sends it if it is not there"
            ),
        };
        self.ctx.store.not_seen(self.row, next, told, self.now).await?;
        Ok(())
    }

    /// After a resend: of two statuses for one row the newer is taken back, only if its id came from our own POST and
    /// nobody reacted to it; otherwise a person decides.
    pub(super) async fn twin(&self, settled: &mut Settled) -> Result<(), StoreError> {
        let sent_at = self.row.delivery.sent_at.unwrap_or(self.row.armed_at);
        let next = looking::next_for_twin(sent_at, self.now);
        let Some(own) = &self.row.delivery.status else { return Ok(()) };
        let twin = match self.candidates().await {
            Ok(candidates) => candidates.into_iter().next().map(|(status, _)| status),
            Err(Trouble::Store(error)) => return Err(error),
            Err(Trouble::Fedi(error)) => {
                self.blind(settled, &error);
                return Ok(());
            }
        };
        let Some(twin) = twin else {
            settled.open += 1;
            self.ctx.store.watched(self.row, next, None, self.now).await?;
            return Ok(());
        };
        // The list is newest first, by the server's own order.
        let place = |id: &StatusId| self.look.own.iter().position(|status| &status.id == id);
        if place(own).is_none() {
            match self.link.fedi.status(own).await {
                // Taken back before; the program stopped before that was written down.
                Ok(None) => {
                    self.ctx.store.watched(self.row, next, Some((twin.id, twin.url)), self.now).await?;
                    return Ok(());
                }
                // The list lags behind: which one is the newer is seen at a later look.
                Ok(Some(_)) if next.is_some() && place(&twin.id).is_some() => {
                    settled.open += 1;
                    self.ctx.store.watched(self.row, next, None, self.now).await?;
                    return Ok(());
                }
                Ok(Some(_)) => {}
                Err(error) => {
                    self.blind(settled, &error);
                    return Ok(());
                }
            }
        }
        let ours_is_newer = place(own) < place(&twin.id);
        // What does not say what this row says was never made by it, whatever the answer to its POST was.
        let payload = &self.row.delivery.payload;
        let own_words =
            |status: &&StatusView| &status.id == own && resemblance(payload, shown(status)) != Likeness::Other;
        let reactions = self.look.own.iter().find(own_words).map_or(1, |status| status.reactions);
        let live = matches!(self.ctx.voice, Voice::Live);
        if live && ours_is_newer && self.row.from_post && reactions == 0 && self.link.fedi.delete(own).await.is_ok() {
            self.ctx.points.pass(Point::TakenBack).await;
            tracing::warn!(account.name = %self.account.name, delivery.id = %self.row.delivery.id, "a late twin appeared; the newer was taken back");
            self.ctx.store.watched(self.row, next, Some((twin.id, twin.url)), self.now).await?;
            return Ok(());
        }
        let text = format!("delivery {} stands twice on {}", self.row.delivery.id, self.account.name);
        let step = "look at the account's profile and delete one of the two there";
        self.ctx
            .store
            .raise(&format!("twin:{}", self.row.delivery.id), self.account.name.as_str(), &text, step, self.now)
            .await?;
        self.ctx.store.watched(self.row, None, None, self.now).await?;
        Ok(())
    }

    /// Given up after an unclear attempt; for an hour after it the server may still make it.
    pub(super) async fn given_up(&self, settled: &mut Settled) -> Result<(), StoreError> {
        let next = looking::next_for_twin(self.row.armed_at, self.now);
        let appeared = match self.candidates().await {
            Ok(found) => found.into_iter().next().map(|(status, _)| status),
            Err(Trouble::Store(error)) => return Err(error),
            Err(Trouble::Fedi(error)) => {
                self.blind(settled, &error);
                return Ok(());
            }
        };
        settled.open += 1;
        let appeared = appeared.map(|status| {
            let delivery = &self.row.delivery;
            let at = status.url.as_deref().map(|url| format!(": {url}")).unwrap_or_default();
            let text = format!(
                "delivery {} on {} was given up ({}), and the server made it all the same{at}",
                delivery.id, self.account.name, delivery.reason
            );
            tracing::warn!(account.name = %self.account.name, delivery.id = %delivery.id, "a status that was given up appeared");
            let told = Told { text, next_step: "delete it there if it should not stand".to_owned() };
            (status.id, status.url, told)
        });
        self.ctx.store.given_up(self.row, next, appeared, self.now).await?;
        Ok(())
    }
}
