//! One daemon per SQLite file: an OS lock beside it. The lock dies with its process, whatever killed it, so holding it
//! proves that the last daemon is gone.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::errors::StoreError;

/// How often, and after which pause, a lock that somebody holds is tried again.
const LOOKERS: usize = 5;
const INSTANT: Duration = Duration::from_millis(5);

/// Held for as long as this value lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(database: &Path) -> Result<Lock, StoreError> {
        let path = beside(database);
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(|source| StoreError::Lock { path: path.clone(), source })?;
        let mut tried = file.try_lock();
        for _ in 0..LOOKERS {
            if !matches!(tried, Err(TryLockError::WouldBlock)) {
                break;
            }
            // A command that only asks whether a daemon runs holds it for an instant.
            std::thread::sleep(INSTANT);
            tried = file.try_lock();
        }
        match tried {
            // Some network disks say yes to everybody.
            Ok(()) if Lock::is_taken(database) => Ok(Lock { _file: file }),
            Ok(()) => Err(StoreError::Setting {
                setting: "lock",
                found: "not kept".to_owned(),
                wanted: "kept",
                step: "keep the database on a local disk",
            }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Running { path: database.to_path_buf() }),
            Err(TryLockError::Error(source)) => Err(StoreError::Lock { path, source }),
        }
    }

    pub(super) fn is_taken(database: &Path) -> bool {
        File::open(beside(database)).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
