//! `watchpost optouts`: who said stop, and a stop or its end that reached staff on another way.

use std::path::Path;

use anyhow::bail;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::status::local;
use super::table::table;
use super::{output, workplace};
use crate::core::text::steers;
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
    /// The address of their profile as their page shows it, their name with its server (@ada@social.example), or the
    /// beginning of the hash that `optouts list` shows.
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
    let (campaign, _) = workplace::campaign_to_stop(root, now).await?;
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
    match profile(text) {
        Ok(Some(address)) => return Ok(store.secret().people_at(&address)),
        Ok(None) => {}
        Err(nobody) => {
            bail!("{text:?} {nobody}: write the address of the profile, such as https://social.example/@ada")
        }
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

/// The address of a profile that was written as an address, or as `@name@host`; `None`: it is written as neither. The
/// error says why nobody can have it: a stop noted for nobody would silence nobody.
fn profile(text: &str) -> Result<Option<String>, &'static str> {
    if text.chars().any(|letter| letter.is_whitespace() || steers(letter)) {
        return Err("holds a sign that no address has");
    }
    let handle = |text: &str| {
        let (name, host) = text.trim_start_matches('@').split_once('@')?;
        (!name.is_empty() && is_host(host)).then(|| format!("https://{host}/@{name}"))
    };
    let Some((scheme, rest)) = text.split_once("://") else { return Ok(handle(text)) };
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "https" && scheme != "http" {
        return Err("is no address of a profile");
    }
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !is_host(host) {
        return Err("names no server");
    }
    let page = path.split('#').next().unwrap_or_default();
    let parts: Vec<&str> = page.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => Err("is a server, and nobody on it"),
        // As one server shows somebody of another.
        [name] if name.starts_with('@') && name.trim_start_matches('@').contains('@') => {
            handle(name).map(Some).ok_or("names no server")
        }
        [name, ..] if name.starts_with('@') && parts.len() > 1 => Err("is a post, or another page of somebody"),
        ["users", _, "statuses", ..] | ["statuses" | "notice" | "notes" | "objects" | "posts" | "post", _] => {
            Err("is a post, or another page of somebody")
        }
        _ => Ok(Some(format!("{scheme}://{host}/{}", parts.join("/")))),
    }
}

/// `social.example`, with a port or not; `localhost` too.
fn is_host(text: &str) -> bool {
    let name = text.split(':').next().unwrap_or_default();
    let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    name.split('.').all(plain) && (name.contains('.') || name == "localhost")
}

#[cfg(test)]
mod tests {
    use super::profile;

    #[test]
    fn what_can_be_nobody_is_refused_and_a_profile_is_understood_however_it_is_written() {
        for (text, expected) in [
            ("https://m.test/@ada", Ok(Some("https://m.test/@ada"))),
            ("HTTPS://M.TEST/@ada/", Ok(Some("https://M.TEST/@ada"))),
            ("http://localhost:3000/users/ada", Ok(Some("http://localhost:3000/users/ada"))),
            ("https://m.test/author/ada", Ok(Some("https://m.test/author/ada"))),
            ("https://m.test/@ada#about", Ok(Some("https://m.test/@ada"))),
            ("@ada@m.test", Ok(Some("https://m.test/@ada"))),
            ("ada@m.test", Ok(Some("https://m.test/@ada"))),
            ("https://home.test/@ada@m.test", Ok(Some("https://m.test/@ada"))),
            ("@ada", Ok(None)),
            ("3fa94c21b0", Ok(None)),
            ("https://", Err("names no server")),
            ("https://m.test", Err("is a server, and nobody on it")),
            ("https://m.test/", Err("is a server, and nobody on it")),
            ("https://mtest/@ada", Err("names no server")),
            ("https://m.test/@ada/123/456", Err("is a post, or another page of somebody")),
            ("https://m.test/users/ada/statuses/1", Err("is a post, or another page of somebody")),
            ("https://m.test/notes/9abc", Err("is a post, or another page of somebody")),
            ("https://m.test/@a\nb", Err("holds a sign that no address has")),
            ("https://m.test/@a\u{202e}b", Err("holds a sign that no address has")),
            ("gopher://m.test/@ada", Err("is no address of a profile")),
        ] {
            assert_eq!(profile(text), expected.map(|address| address.map(str::to_owned)), "{text:?}");
        }
    }
}
