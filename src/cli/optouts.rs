//! `watchpost optouts`: who said stop, and a stop or its end that reached staff on another way.

use std::path::Path;

use anyhow::bail;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::status::local;
use super::table::table;
use super::{output, workplace};
use crate::store::Store;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost optouts list\n  watchpost optouts add https://social.example/@ada\n  watchpost optouts add --mention 3fa94c21b0\n  watchpost optouts remove https://social.example/@ada"
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// The actions.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Everybody who said stop, as keyed hashes, with since when.
    List {
        /// One JSON document instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Never write to this person again.
    Add(Whom),
    /// This person may be written to again.
    Remove(Whom),
}

/// Which person.
#[derive(Debug, clap::Args)]
pub struct Whom {
    /// The address of their profile as their page shows it, or the beginning of the hash that `optouts list` shows.
    #[arg(required_unless_present = "mention")]
    pub person: Option<String>,
    /// The author of this mention.
    #[arg(long, value_name = "ID", conflicts_with = "person")]
    pub mention: Option<String>,
}

#[derive(Serialize)]
struct Row {
    person: String,
    since: String,
    #[serde(skip)]
    when: String,
}

/// Runs the action.
///
/// # Errors
/// When the campaign has mistakes in its settings, the database cannot be used, or the person cannot be found.
pub async fn run(root: &Path, args: &Args, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let (campaign, _) = workplace::campaign(root, now)?;
    let store = workplace::store(&campaign).await?;
    match &args.action {
        Action::List { json } => {
            let row = |(person, since): (String, DateTime<Utc>)| Row {
                person,
                since: since.to_rfc3339(),
                when: local(since, campaign.zone),
            };
            let rows: Vec<Row> = store.opt_outs().await?.into_iter().map(row).collect();
            if *json {
                output::json(&rows)?;
            } else if rows.is_empty() {
                output::text("Nobody said stop.\n")?;
            } else {
                let rows = rows.into_iter().map(|row| vec![row.person, row.when]).collect();
                output::text(&table(&["person", "said stop"], rows))?;
            }
        }
        Action::Add(whom) => {
            let people = person(&store, whom).await?;
            let person = people.first().cloned().unwrap_or_default();
            let was = store.has_opted_out(&people).await?;
            store.opt_out_by_hand(&people, now).await?;
            let said =
                if was { "had said stop already" } else { "is not written to any more, by none of the accounts" };
            output::text(&format!("{person} {said}\n"))?;
        }
        Action::Remove(whom) => {
            let people = person(&store, whom).await?;
            let person = people.first().cloned().unwrap_or_default();
            if !store.opt_in_by_hand(&people).await? {
                bail!("{person} had not said stop; `watchpost optouts list` shows who did");
            }
            output::text(&format!("{person} may be written to again\n"))?;
        }
    }
    store.close().await;
    Ok(0)
}

/// The hashes of whoever is meant.
async fn person(store: &Store, whom: &Whom) -> anyhow::Result<Vec<String>> {
    if let Some(id) = &whom.mention {
        let found = store.asked_as(id.trim()).await?;
        return match found.iter().map(|asked| asked.person.as_str()).find(|person| !person.is_empty()) {
            Some(person) if found.iter().all(|asked| asked.person == person) => Ok(vec![person.to_owned()]),
            Some(_) => bail!("several mentions begin with {id:?}; write more of the number"),
            None => bail!("there is no mention {id:?}, or it is older than ninety days"),
        };
    }
    let text = whom.person.as_deref().unwrap_or_default().trim();
    if text.starts_with("https://") || text.starts_with("http://") {
        return Ok(store.secret().people_at(text));
    }
    if text.len() >= 6 && text.chars().all(|c| c.is_ascii_hexdigit()) {
        let all = store.opt_outs().await?;
        let mut fitting = all.into_iter().filter(|(person, _)| person.starts_with(text));
        return match (fitting.next(), fitting.next()) {
            (Some((person, _)), None) => Ok(vec![person]),
            (Some(_), Some(_)) => bail!("several people begin with {text:?}; write more of the hash"),
            (None, _) => bail!("nobody with {text:?} said stop; `watchpost optouts list` shows who did"),
        };
    }
    bail!("{text:?} is no profile address: write it as the page shows it, such as https://social.example/@ada")
}
