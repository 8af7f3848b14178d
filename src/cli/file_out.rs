//! Writing a file for staff: whole or not at all, and never over somebody else's work unasked.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Whether a file that is there may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replace {
    /// Only one that says the same, or that `ours` knows.
    Ours,
    /// Any: a person said so.
    Any,
}

/// Writes all of these files or, when one of them would replace foreign work, none. `ours` says whether what stands in
/// a file was made by this program for the same use.
///
/// # Errors
/// When a file is in the way or cannot be written; the message names every one that is in the way.
pub(super) fn write_all(
    files: &[(PathBuf, Vec<u8>)],
    replace: Replace,
    ours: impl Fn(&[u8]) -> bool,
) -> anyhow::Result<usize> {
    let mut in_the_way = Vec::new();
    let mut same = 0;
    let mut wanted = Vec::new();
    for (path, bytes) in files {
        match fs::read(path) {
            Ok(there) if there == *bytes => same += 1,
            Ok(there) if replace == Replace::Ours && !ours(&there) => in_the_way.push(format!("  {}", path.display())),
            Ok(_) => wanted.push((path, bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => wanted.push((path, bytes)),
            Err(error) => return Err(error).with_context(|| format!("cannot look at {}", path.display())),
        }
    }
    if !in_the_way.is_empty() {
        let more = in_the_way.len().saturating_sub(20);
        in_the_way.truncate(20);
        if more > 0 {
            in_the_way.push(format!("  … and {more} more"));
        }
        bail!(
            "nothing was written, because this would replace what stands in\n{}\n\
            name another place with --out, or say --overwrite",
            in_the_way.join("\n")
        );
    }
    for (path, bytes) in &wanted {
        write(path, bytes)?;
    }
    Ok(wanted.len() + same)
}

/// A reader sees the old file or the new one, never half of it.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = || format!("cannot write {}", path.display());
    fs::create_dir_all(folder).with_context(cannot)?;
    // A link stays a link: what it leads to is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = path.parent().unwrap_or(folder);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}.part", std::process::id()));
    let written = fs::File::create_new(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&beside, &path)
    });
    if written.is_err() {
        // It may not have been made at all.
        drop(fs::remove_file(&beside));
    }
    written.with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_files_are_never_replaced_unasked_and_then_none_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("new/one.txt"), folder.path().join("two.txt"));
        fs::write(&two, "somebody's work").unwrap();
        let files = [(one.clone(), b"1".to_vec()), (two.clone(), b"2".to_vec())];
        let error = write_all(&files, Replace::Ours, |_| false).unwrap_err().to_string();
        assert!(error.contains("two.txt") && error.contains("--overwrite"), "{error}");
        assert!(!one.exists());
        assert_eq!(write_all(&files, Replace::Ours, |there| there.starts_with(b"some")).unwrap(), 2);
        assert_eq!((fs::read(&one).unwrap(), fs::read(&two).unwrap()), (b"1".to_vec(), b"2".to_vec()));
        // What says the same is nobody's loss.
        assert_eq!(write_all(&files, Replace::Ours, |_| false).unwrap(), 2);
        fs::write(&two, "again").unwrap();
        assert_eq!(write_all(&files, Replace::Any, |_| false).unwrap(), 2);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }
}
