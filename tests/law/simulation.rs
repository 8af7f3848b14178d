//! A modest number of seeds of `watchpost sim`; any number by hand.

use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use watchpost::cli::sim::{SIDE_BY_SIDE, Stage, play_all};
use watchpost::sandbox::Profile;

use crate::cell::memory;

async fn check(profile: &str, seeds: std::ops::Range<u64>, days: u32) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let now = DateTime::parse_from_rfc3339("2026-11-23T09:00:00Z").unwrap().to_utc();
    let campaign = watchpost::campaign::load(root, now).unwrap().campaign.unwrap();
    let mind = Arc::new(watchpost::app::mind(&campaign));
    let stage = Stage::new(mind, Profile::named(profile).unwrap(), days).unwrap();
    let folder = tempfile::tempdir_in(memory()).unwrap();
    let reports = play_all(&stage, seeds, folder.path(), SIDE_BY_SIDE, |_| Ok(())).await.unwrap();
    let mut words = String::new();
    for report in reports.iter().filter(|report| !report.broken.is_empty()) {
        words.push_str(&format!("again: watchpost sim --seed {} --days {days} --profile {profile}\n", report.seed));
        words.push_str(&report.broken.join("\n"));
        words.push('\n');
    }
    assert!(words.is_empty(), "laws were broken:\n{words}");
    let sum = |of: fn(&watchpost::cli::sim::Report) -> usize| reports.iter().map(of).sum::<usize>();
    let (statuses, mentions) = (sum(|report| report.statuses), sum(|report| report.mentions));
    let (crashes, twins) = (sum(|report| report.crashes), sum(|report| report.twins));
    println!(
        "{profile}: {} campaigns, {statuses} statuses, {mentions} mentions, {crashes} crashes, {twins} twins",
        reports.len()
    );
    assert!(statuses > 0 && mentions > 0 && crashes > 0, "nothing happened");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn campaigns_with_faults_keep_the_law_on_a_server_with_keys() {
    check("mastodon", 1..4, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn campaigns_with_faults_keep_the_law_on_a_server_without_keys() {
    check("gotosocial", 11..14, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn campaigns_with_faults_keep_the_law_on_a_server_that_hides_and_lags() {
    check("snac", 21..23, 2).await;
}
