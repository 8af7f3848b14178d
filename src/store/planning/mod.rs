//! The plan written into the ledger: new occurrences become rows, rows that have not been attempted follow their
//! post's edits, rows whose post is gone are cancelled. Nothing that may have left is ever touched here.
//!
//! Rows are read and written page by page, so that a million of them need the memory of a page and nobody waits long
//! for the writer. A plan of one page is one transaction; a larger one is several, first what stands, then what is new.
//! One that breaks off in between is part of the plan, and the next plan goes on from there.
//!
//! What one row becomes is [`mod@fresh`]'s where it is new, and [`mod@standing`]'s where it is there.

mod fresh;
mod standing;
mod words;

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::AnyConnection;

use self::fresh::insert;
pub(super) use self::fresh::{insert_as, is_said};
use self::standing::{standing, update, withdraw};
use self::words::Words;
use super::calendar::{DRAFT_AGAIN, FEWER_PARTS, FILE_GONE, UNREADABLE, Written};
use super::errors::StoreError;
use super::{Store, doubt, threads};
use crate::core::delivery::State;
use crate::core::ids::{DeliveryId, PostId};
use crate::core::plan::agenda::{Agenda, Wanted};
use crate::core::post::Post;

/// Rows of one transaction.
const PAGE: usize = 4_000;

const THROUGH: &str = "UPDATE accounts SET planned_through = $1";

/// Which posts there are.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Posts that planning may place, now or some day.
    pub present: HashSet<PostId>,
    /// Posts whose file has mistakes, each with the first of them.
    pub unreadable: HashMap<PostId, String>,
    /// Posts whose file says that they are drafts.
    pub drafts: HashSet<PostId>,
}

impl From<HashSet<PostId>> for Files {
    fn from(present: HashSet<PostId>) -> Self {
        Self { present, ..Self::default() }
    }
}

impl Store {
    /// Writes the plan for everything before `through`. `files` says which posts still exist.
    ///
    /// # Errors
    /// When the database cannot be written: then nothing changed, or of a plan of more than one page the first pages.
    pub async fn write_plan<P: Borrow<Post> + Send + Sync + 'static>(
        &self,
        agenda: Agenda<P>,
        files: impl Into<Files>,
        through: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Written, StoreError> {
        let (agenda, files) = (Arc::new(agenda), Arc::new(files.into()));
        let mut missing = vec![true; agenda.len()];
        let mut written = Written::default();
        let mut after = Some(0);
        while let Some(last) = after {
            let (of_agenda, of_files) = (Arc::clone(&agenda), Arc::clone(&files));
            let page = self.inner.writer.decide(move |connection| {
                let (agenda, files) = (Arc::clone(&of_agenda), Arc::clone(&of_files));
                Box::pin(async move { page(connection, &agenda, &files, last, through, now).await })
            });
            let page = page.await?;
            written.add(page.written);
            if page.is_all {
                return Ok(written);
            }
            for number in page.found {
                if let Some(missing) = missing.get_mut(number) {
                    *missing = false;
                }
            }
            after = page.goes_on;
        }
        let missing: Vec<usize> =
            (0..).zip(missing).filter_map(|(number, missing)| missing.then_some(number)).collect();
        let begins = |number: usize| agenda.row(number).is_none_or(|row| row.part == 1);
        for numbers in pages(&missing, PAGE, begins) {
            let (agenda, numbers) = (Arc::clone(&agenda), Arc::<[usize]>::from(numbers));
            let fresh = self.inner.writer.decide(move |connection| {
                let (agenda, numbers) = (Arc::clone(&agenda), Arc::clone(&numbers));
                Box::pin(async move {
                    let mut written = Written::default();
                    fresh(connection, &agenda, numbers.iter().copied(), now, &mut written).await?;
                    Ok(written)
                })
            });
            written.add(fresh.await?);
        }
        let through = through.timestamp_millis();
        let planned = self.inner.writer.write(move |connection| {
            Box::pin(async move { Ok(sqlx::query(THROUGH).bind(through).execute(connection).await?.rows_affected()) })
        });
        planned.await?;
        Ok(written)
    }

    /// Adds rows that a person wants, beside whatever is planned. Returns how many.
    ///
    /// # Errors
    /// When the database cannot be written; then none was added.
    pub async fn add_wanted(&self, wanted: Vec<Wanted>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.inner
            .writer
            .decide(move |connection| {
                let wanted = wanted.clone();
                Box::pin(async move {
                    let mut written = Written::default();
                    let mut words = Words::default();
                    for row in &wanted {
                        // A person wants it once more: nothing of that was ever sent.
                        insert(connection, row, words.of(row)?, None, now, &mut written).await?;
                    }
                    Ok(written.added)
                })
            })
            .await
    }
}

/// What one page of standing rows came to.
struct Page {
    written: Written,
    /// Numbers of the rows that stand.
    found: Vec<usize>,
    /// The last row's id, if there may be more.
    goes_on: Option<i64>,
    /// The whole plan had room in this page and is written.
    is_all: bool,
}

/// Lets the standing rows after this id follow the plan; writes all of it where it has room in one page.
async fn page<P: Borrow<Post>>(
    connection: &mut AnyConnection,
    agenda: &Agenda<P>,
    files: &Files,
    after: i64,
    through: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Page, StoreError> {
    let standing = standing(connection, after).await?;
    let goes_on = standing.last().filter(|_| standing.len() >= PAGE).map(|(_, last)| last.id);
    let mut page = Page { written: Written::default(), found: Vec::new(), goes_on, is_all: false };
    let mut words = Words::default();
    let mut tried = Vec::new();
    for (key, found) in &standing {
        let Some((number, row)) = agenda.number(key).and_then(|number| Some((number, agenda.row(number)?))) else {
            let (account, post, occurrence, part) = key;
            // A thread that got shorter: its last parts are gone as a removed post is.
            let cut = agenda.parts(account, post, occurrence).is_some_and(|parts| *part > parts);
            let stays = files.present.contains(post) && !cut;
            let gone = files.unreadable.get(post).map(|mistake| format!("{UNREADABLE}{mistake}"));
            let otherwise = if cut {
                FEWER_PARTS
            } else if files.drafts.contains(post) {
                DRAFT_AGAIN
            } else {
                FILE_GONE
            };
            let why = gone.unwrap_or_else(|| otherwise.to_owned());
            withdraw(connection, found, (!stays).then_some(why), now, &mut page.written).await?;
            continue;
        };
        page.found.push(number);
        if found.due_at != row.due_at.timestamp_millis() && fresh::is_used(connection, &row, found.id, now).await? {
            continue;
        }
        update(connection, &row, words.of(&row)?, found, now, &mut page.written).await?;
        if found.state == State::Refused {
            tried.push(DeliveryId(found.id));
        }
    }
    for id in tried {
        threads::go_again(connection, id, now).await?;
    }
    if after == 0 && goes_on.is_none() && agenda.len() <= PAGE {
        let found: HashSet<usize> = page.found.iter().copied().collect();
        let missing = (0..agenda.len()).filter(|number| !found.contains(number));
        fresh(connection, agenda, missing, now, &mut page.written).await?;
        sqlx::query(THROUGH).bind(through.timestamp_millis()).execute(connection).await?;
        page.is_all = true;
    }
    Ok(page)
}

/// Adds the rows of these numbers.
async fn fresh<P: Borrow<Post>>(
    connection: &mut AnyConnection,
    agenda: &Agenda<P>,
    numbers: impl Iterator<Item = usize>,
    now: DateTime<Utc>,
    written: &mut Written,
) -> Result<(), StoreError> {
    let doubt = doubt::last(connection).await?;
    let mut words = Words::default();
    for row in numbers.filter_map(|number| agenda.row(number)) {
        insert(connection, &row, words.of(&row)?, doubt, now, written).await?;
    }
    Ok(())
}

/// About so many rows each; a page ends only where the next row begins an occurrence, so that no thread is ever written
/// in half.
fn pages(numbers: &[usize], about: usize, begins: impl Fn(usize) -> bool) -> Vec<&[usize]> {
    let mut pages = Vec::new();
    let mut rest = numbers;
    while !rest.is_empty() {
        let mut end = about.min(rest.len());
        while rest.get(end).is_some_and(|number| !begins(*number)) {
            end += 1;
        }
        let (page, after) = rest.split_at(end);
        pages.push(page);
        rest = after;
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_the_plan_ends_between_occurrences() {
        // Threads of three parts, and one of thirty.
        let begins = |number: usize| number.is_multiple_of(3) && !(31..60).contains(&number);
        let numbers: Vec<usize> = (0..90).collect();
        let pages = pages(&numbers, 10, begins);
        assert_eq!(pages.concat(), numbers);
        assert!(pages.iter().all(|page| begins(page[0])), "{pages:?}");
        assert_eq!(pages.iter().map(|page| page.len()).max(), Some(30 + 6), "{pages:?}");
        assert!(super::pages(&[], 10, begins).is_empty());
    }
}
