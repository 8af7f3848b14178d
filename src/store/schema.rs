//! A PostgreSQL schema of one's own: an empty database on a server that holds others, for simulated campaigns. Not used
//! by the daemon.

use super::errors::StoreError;
use super::place::Where;
use super::{Place, connect};

impl Place {
    /// Makes an empty schema on this PostgreSQL server and names the place inside it; this machine's key lies in
    /// `folder`. On SQLite there are no schemas.
    ///
    /// # Errors
    /// When the server cannot be reached, or this user may not make schemas there.
    pub async fn new_schema(&self, name: &SchemaName, folder: &std::path::Path) -> Result<Place, StoreError> {
        let inside = self.inside(&name.0, folder)?;
        run(&self.parse()?, &format!("CREATE SCHEMA {}", name.0)).await?;
        Ok(inside)
    }

    /// Removes such a schema with everything in it.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn drop_schema(&self, name: &SchemaName) -> Result<(), StoreError> {
        run(&self.parse()?, &format!("DROP SCHEMA IF EXISTS {} CASCADE", name.0)).await
    }
}

/// The name of a schema: small letters, digits and underscores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaName(String);

impl SchemaName {
    /// `words` with everything else made an underscore.
    #[must_use]
    pub fn new(words: &str) -> Self {
        let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        Self(words.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect())
    }
}

async fn run(at: &Where, text: &str) -> Result<(), StoreError> {
    let mut connection = connect::one(at).await?;
    sqlx::query(sqlx::AssertSqlSafe(text.to_owned())).execute(&mut connection).await?;
    Ok(())
}
