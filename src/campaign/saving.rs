//! Saving a file of the campaign whole or not at all: written beside it, brought to the disk, then put in its place. A
//! file that somebody else changed meanwhile is left alone; of two who save in the same instant one is the second.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Why a file was not saved; it stands as it was.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// Somebody saved it meanwhile.
    #[error("the file was changed meanwhile, and is left as it is: do it again")]
    Changed,
    /// The system did not let us.
    #[error("the file cannot be saved, and is left as it was: {0}")]
    System(#[from] io::Error),
}

/// Puts `text` in the place of `before`, which the file held when it was read (nothing: the file was not there).
///
/// # Errors
/// [`SaveError`]; then the file is as it was.
pub fn replace(path: &Path, before: &str, text: &str) -> Result<(), SaveError> {
    // A link stays a link.
    let path = match path.canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
        Err(error) => return Err(error.into()),
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = folder.join(format!(".{name}.{}.new", std::process::id()));
    // Comparing and replacing are one step for whoever saves this way. Where a folder cannot be locked, as on some
    // network disks, the comparison alone must do.
    let _turn = fs::File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
    let written = write(&beside, &path, text).and_then(|()| unchanged(&path, before));
    match written {
        Ok(true) => {
            fs::rename(&beside, &path)?;
            // The new name must outlive a power cut as well; not every file system can say so.
            drop(fs::File::open(folder).and_then(|folder| folder.sync_all()));
            Ok(())
        }
        Ok(false) => {
            fs::remove_file(&beside)?;
            Err(SaveError::Changed)
        }
        Err(error) => {
            // What could not be written need not be there.
            drop(fs::remove_file(&beside));
            Err(error.into())
        }
    }
}

fn write(beside: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::create(beside)?;
    if let Ok(about) = fs::metadata(path) {
        file.set_permissions(about.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn unchanged(path: &Path, before: &str) -> io::Result<bool> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes == before.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(before.is_empty()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.toml");
        replace(&path, "", "one").unwrap();
        replace(&path, "one", "two").unwrap();
        assert!(matches!(replace(&path, "one", "three"), Err(SaveError::Changed)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(replace(&folder.path().join("no/such/folder"), "", "x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_permissions_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.toml"), folder.path().join("facts.toml"));
        fs::write(&real, "one").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, "one", "two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "two");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
