//! A modest number of seeds of `watchpost sim`, a few on each kind of server; any number by hand.

use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use secrecy::SecretString;
use watchpost::cli::sim::{Report, SIDE_BY_SIDE, Stage, play_all};
use watchpost::sandbox::Profile;
use watchpost::store::Place;

use crate::cell::memory;

/// Days of a campaign.
const DAYS: u32 = 2;

fn stage(profile: &str) -> Stage {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let now = DateTime::parse_from_rfc3339("2026-11-23T09:00:00Z").unwrap().to_utc();
    let campaign = watchpost::campaign::load(root, now).unwrap().campaign.unwrap();
    Stage::new(Arc::new(watchpost::app::mind(&campaign, None)), Profile::named(profile).unwrap(), DAYS).unwrap()
}

async fn check(stage: Stage, seeds: std::ops::Range<u64>, profile: &str) {
    let folder = tempfile::tempdir_in(memory()).unwrap();
    let reports = play_all(&stage, seeds, folder.path(), SIDE_BY_SIDE, |_| Ok(())).await.unwrap();
    let mut words = String::new();
    for report in reports.iter().filter(|report| !report.broken.is_empty()) {
        let daemons = if stage.daemons > 1 { " --daemons 2 --store postgres://…" } else { "" };
        let seed = report.seed;
        words.push_str(&format!("again: watchpost sim --seed {seed} --days {DAYS} --profile {profile}{daemons}\n"));
        words.push_str(&report.broken.join("\n"));
        words.push('\n');
    }
    assert!(words.is_empty(), "laws were broken:\n{words}");
    let sum = |of: fn(&Report) -> usize| reports.iter().map(of).sum::<usize>();
    let (statuses, mentions) = (sum(|report| report.statuses), sum(|report| report.mentions));
    let (deaths, twins) = (sum(|report| report.deaths), sum(|report| report.twins));
    println!(
        "{profile}: {} campaigns, {statuses} statuses, {mentions} mentions, {deaths} deaths, {twins} twins",
        reports.len()
    );
    assert!(statuses > 0 && mentions > 0 && deaths > 0, "nothing happened");
}

/// Campaigns with one daemon on a SQLite file each, by server.
macro_rules! alone {
    ($($name:ident: $profile:literal, $seeds:expr;)+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            check(stage($profile), $seeds, $profile).await;
        })+
    };
}

alone! {
    campaigns_on_mastodon: "mastodon", 1..4;
    campaigns_on_gotosocial: "gotosocial", 11..14;
    campaigns_on_a_server_that_hides_and_lags: "snac", 21..23;
    campaigns_on_takahe: "takahe", 31..33;
    campaigns_on_pleroma: "pleroma", 41..43;
    campaigns_on_pixelfed: "pixelfed", 51..53;
    campaigns_on_mitra: "mitra", 61..63;
}

/// Two daemons on one PostgreSQL database each.
async fn check_shared(profile: &str, seeds: std::ops::Range<u64>) {
    let folder = tempfile::tempdir_in(memory()).unwrap();
    let server = Place::new(&SecretString::from(crate::postgres()), folder.path());
    let schemas = format!("law_{profile}_{}", std::process::id());
    check(stage(profile).shared(2, server, schemas), seeds, profile).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn campaigns_of_two_daemons_on_mastodon() {
    check_shared("mastodon", 71..73).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn campaigns_of_two_daemons_on_a_server_without_keys() {
    check_shared("gotosocial", 81..83).await;
}
