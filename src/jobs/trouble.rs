//! What a job that needs both the server and the database can fail of. The first is waited out; the second stops the
//! program safely.

use crate::fedi::FediError;
use crate::store::StoreError;

/// The server or the database failed.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The server.
    #[error(transparent)]
    Fedi(#[from] FediError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
