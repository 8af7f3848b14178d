//! The store alone: claiming the next due delivery of a small and of a large ledger.

use chrono::Duration;

use super::{Bench, Row, percentile};
use crate::clock::Dice;
use crate::core::delivery::Payload;
use crate::core::ids::{AccountName, Occurrence, PostId};
use crate::core::plan::Kind;
use crate::core::post::Visibility;
use crate::store::calendar::Wanted;
use crate::store::sending::{Ending, Turn};
use crate::store::{Place, Role, Store};

/// Claims of which the median counts.
const CLAIMS: u32 = 300;

/// Median time of a claim with 1,000 and with 1,000,000 rows planned.
pub(super) async fn claim(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut medians = Vec::new();
    let sizes = [1_000, bench.load(100_000), bench.load(1_000_000)];
    for size in sizes {
        medians.push(median(bench, size).await?);
    }
    let note = sizes.iter().zip(&medians).map(|(size, median)| format!("{size}: {median:.3} ms"));
    let note = note.collect::<Vec<_>>().join(", ");
    let (Some(small), Some(large)) = (medians.first(), medians.last()) else { return Ok(Vec::new()) };
    let what = "claim of the next due delivery, growth from 1,000 to 1,000,000 rows";
    Ok(vec![Row::at_most(what, 1.5, large / small, "×").note(note)])
}

async fn median(bench: &Bench, rows: u32) -> anyhow::Result<f64> {
    let room = bench.room("claim")?;
    let place = Place::file(&room.join("watchpost.db"));
    let (store, lock) = Store::open(&place, Role::Daemon, &mut Dice::from_system()).await?;
    let now = bench.clock.now();
    let accounts: Vec<AccountName> = (0..10).map(|number| AccountName::new(format!("bot{number}"))).collect();
    for account in &accounts {
        store.know_account(account, "https://social.example").await?;
    }
    let mut batch = Vec::new();
    for number in 0..rows {
        let account = accounts.get(usize::try_from(number)? % accounts.len()).cloned();
        let Some(account) = account else { break };
        // Some are due, most are not.
        let ahead = if number < CLAIMS * 20 { -60 } else { 3_600 + i64::from(number) };
        batch.push(wanted(account, number, now + Duration::seconds(ahead)));
        if batch.len() == 10_000 {
            store.add_wanted(std::mem::take(&mut batch), now).await?;
        }
    }
    store.add_wanted(batch, now).await?;
    let mut times = Vec::new();
    for number in 0..CLAIMS.min(rows / 20) {
        let Some(account) = accounts.get(usize::try_from(number)? % accounts.len()) else { break };
        let began = bench.clock.boot();
        let claimed = store.claim_due(account, Turn::Posts, now).await?;
        times.push(bench.clock.boot().saturating_sub(began).as_secs_f64() * 1_000.0);
        if let Some(claimed) = claimed {
            let later = Ending::Again { at: now + Duration::days(1), reason: String::new() };
            store.record(claimed.delivery.id, claimed.delivery.fence, later, None, now).await?;
        }
    }
    store.close().await;
    drop(lock);
    std::fs::remove_dir_all(&room)?;
    times.sort_by(f64::total_cmp);
    Ok(percentile(&times, 0.5))
}

fn wanted(account: AccountName, number: u32, due_at: chrono::DateTime<chrono::Utc>) -> Wanted {
    Wanted {
        account,
        post: PostId::new(format!("post{number}")),
        occurrence: Occurrence::once(),
        part: 1,
        parts: 1,
        kind: Kind::At,
        due_at,
        local: due_at.naive_utc(),
        zone: "UTC".to_owned(),
        expires_at: Some(due_at + Duration::hours(6)),
        late: crate::core::lateness::WhenLate::Send,
        payload: Payload {
            text: format!("Post number {number}: more than 2,000 police partnerships with Ring. #EyesOnAmazon"),
            cw: None,
            visibility: Visibility::Public,
            lang: None,
            media: Vec::new(),
            poll: None,
            in_reply_to: None,
            allowed_mention: None,
        },
        topic: None,
        facts: Vec::new(),
    }
}
