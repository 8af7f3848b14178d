//! Whole campaigns.
use super::*;
#[test]
fn shipped() {
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let loaded = load(Path::new(env!("CARGO_MANIFEST_DIR")), now).unwrap();
    for f in &loaded.findings {
        println!("{f}");
    }
    let c = loaded.campaign.unwrap();
    println!("{} {}", c.posts.len(), c.facts.facts.len());
    for p in &c.posts {
        println!("{} {:?}", p.id, p.when);
    }
}
