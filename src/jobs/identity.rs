//! Who an account of the campaign is on its server: nobody speaks through a profile that is another account's, whether a
//! token was mixed up, two accounts were given one token, or an account got a new name in `[[accounts]]`. A delivery is
//! known by its account's name (DESIGN §5, law 1), so each of these would say things twice, or in another's name.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use super::context::{Ctx, Linked};
use crate::core::ids::AccountName;
use crate::fedi::Me;
use crate::store::StoreError;
use crate::store::accounts::AccountRow;

/// Which account of this daemon speaks through which profile.
#[derive(Debug, Default)]
pub struct Profiles(Mutex<HashMap<String, AccountName>>);

impl Profiles {
    /// The account takes the profile, unless another one has it: then that one's name.
    fn take(&self, url: &str, account: &AccountName) -> Result<(), AccountName> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get(url) {
            Some(other) if other != account => return Err(other.clone()),
            Some(_) | None => {}
        }
        // It had another one before its token was changed.
        taken.retain(|_, name| name != account);
        taken.insert(url.to_owned(), account.clone());
        Ok(())
    }
}

/// What is wrong with who an account is, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistaken {
    pub(super) words: String,
    pub(super) step: String,
}

/// Whether the account is who it was, and nobody else of this campaign.
pub(super) async fn mistaken(
    ctx: &Ctx,
    account: &Linked,
    me: &Me,
    known: &BTreeMap<AccountName, AccountRow>,
) -> Result<Option<Mistaken>, StoreError> {
    let name = &account.name;
    let before = known.get(name).and_then(me_of);
    if let Some(before) = before.as_ref().filter(|before| !is_same(before, me)) {
        return Ok(Some(Mistaken {
            words: format!("the token of {name} belongs to {}, and {name} is {}", me.url, before.url),
            step: format!(
                "put the token of {} where config/watchpost.toml says; to speak through {} from now on, give it another \
                 name in [[accounts]]",
                before.url, me.url
            ),
        }));
    }
    let same = known.iter().filter(|(other, _)| *other != name);
    let same =
        same.filter(|(_, row)| me_of(row).is_some_and(|other| is_same(&other, me) && row.server == account.server));
    for (other, _) in same {
        let has_a_right = before.is_some() && name < other;
        if ctx.accounts.contains_key(other) && !has_a_right {
            return Ok(Some(twice(name, other, me)));
        }
        if !ctx.accounts.contains_key(other) && before.is_none() && ctx.store.has_spoken(other).await? {
            return Ok(Some(Mistaken {
                words: format!(
                    "{name} is {}, which spoke as {other} so far: a new name would say everything again",
                    me.url
                ),
                step: format!("write name = \"{other}\" again in [[accounts]] of config/watchpost.toml"),
            }));
        }
    }
    Ok(ctx.profiles.take(&me.url, name).err().map(|other| twice(name, &other, me)))
}

fn twice(name: &AccountName, other: &AccountName, me: &Me) -> Mistaken {
    Mistaken {
        words: format!("{name} and {other} are the same account, {}: everything would be said twice", me.url),
        step: format!(
            "put the token of another account where config/watchpost.toml says for {name}, or take one of the two out"
        ),
    }
}

fn me_of(row: &AccountRow) -> Option<Me> {
    row.me.as_deref().and_then(|json| serde_json::from_str(json).ok())
}

/// A server that was set up anew at the same address gives the same name another id.
fn is_same(one: &Me, other: &Me) -> bool {
    one.id == other.id || one.url == other.url
}
