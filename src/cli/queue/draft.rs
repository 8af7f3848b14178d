//! The file an editor works on, and texts that were kept. Both stand beside the post with a dot before their names, so
//! that a running daemon never reads half a text.
//!
//! Invariants: each edit has a file of its own, so nobody is handed what another is just writing; a kept text is gone on
//! with only where the post still stands as it stood when that text was begun, and then by one edit alone; no text is
//! ever written over.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

/// The files of one edit.
#[derive(Debug)]
pub(super) struct Draft {
    /// Where the editor works.
    own: PathBuf,
    /// Where the text is kept when it cannot be used.
    kept: PathBuf,
    folder: PathBuf,
    /// The post's file without its ending.
    name: String,
}

/// How an edit begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// A kept text is gone on with.
    pub(super) going_on: bool,
    /// Kept texts of an older wording of the post.
    pub(super) older: Vec<PathBuf>,
    /// Files of other edits that have not ended.
    pub(super) open: Vec<PathBuf>,
}

impl Draft {
    /// Of the post in `file`, which says `before`.
    pub(super) fn new(file: &Path, before: &str) -> Self {
        let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut print = hex::encode(Sha256::digest(before));
        print.truncate(8);
        let own = file.with_file_name(format!(".{name}.editing.{}.md", std::process::id()));
        let kept = file.with_file_name(format!(".{name}.kept.{print}.md"));
        Self { own, kept, folder: file.parent().unwrap_or(Path::new(".")).to_path_buf(), name }
    }

    /// Where the editor works.
    pub(super) fn path(&self) -> &Path {
        &self.own
    }

    /// Lays the text out, readable by whoever may read `original`, or takes up the one that was kept.
    pub(super) fn begin(&self, before: &str, original: &Path) -> anyhow::Result<Begun> {
        fs::create_dir_all(&self.folder).with_context(|| format!("cannot make {}", self.folder.display()))?;
        // A process that had our number and was killed.
        if self.own.exists() {
            self.keep()?;
        }
        // Whoever renames it has it; nobody else does.
        let going_on = match fs::rename(&self.kept, &self.own) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error).with_context(|| format!("cannot take up {}", self.kept.display())),
        };
        if !going_on {
            fs::write(&self.own, before).with_context(|| format!("cannot write {}", self.own.display()))?;
            if let Ok(original) = fs::metadata(original) {
                fs::set_permissions(&self.own, original.permissions())
                    .with_context(|| format!("cannot set who may read {}", self.own.display()))?;
            }
        }
        Ok(Begun { going_on, older: self.beside("kept")?, open: self.beside("editing")? })
    }

    /// The files of this kind that are not this edit's.
    fn beside(&self, kind: &str) -> anyhow::Result<Vec<PathBuf>> {
        let begins = format!(".{}.{kind}.", self.name);
        let entries = fs::read_dir(&self.folder).with_context(|| format!("cannot read {}", self.folder.display()))?;
        let mut found: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&begins))
            .map(|entry| entry.path())
            .filter(|path| *path != self.own)
            .collect();
        found.sort();
        Ok(found)
    }

    /// Keeps the text, and says where.
    pub(super) fn keep(&self) -> anyhow::Result<PathBuf> {
        let mut place = self.kept.clone();
        for number in 2_u32.. {
            if !place.exists() {
                break;
            }
            place = self.kept.with_extension(format!("{number}.md"));
        }
        fs::rename(&self.own, &place).with_context(|| format!("your text stays in {}", self.own.display()))?;
        Ok(place)
    }

    /// The text is where it belongs, or nothing was written.
    pub(super) fn clear(&self) {
        // One that stays is named by the next edit; it is not read as a post.
        fs::remove_file(&self.own).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_text_is_gone_on_with_while_the_post_stands_as_it_stood() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ring.md");
        fs::write(&file, "One").unwrap();
        let draft = Draft::new(&file, "One");
        assert_eq!(draft.begin("One", &file).unwrap(), Begun { going_on: false, older: Vec::new(), open: Vec::new() });
        fs::write(draft.path(), "Half").unwrap();
        let kept = draft.keep().unwrap();
        let other = Draft::new(&file, "Two");
        let begun = other.begin("Two", &file).unwrap();
        assert_eq!(begun, Begun { going_on: false, older: vec![kept.clone()], open: Vec::new() });
        assert_eq!(fs::read_to_string(other.path()).unwrap(), "Two");
        other.clear();
        assert!(draft.begin("One", &file).unwrap().going_on);
        assert_eq!(fs::read_to_string(draft.path()).unwrap(), "Half");
        assert!(!kept.exists());
        // Two texts that are kept are two files.
        fs::write(&kept, "Another").unwrap();
        let second = draft.keep().unwrap();
        assert_eq!(fs::read_to_string(&kept).unwrap(), "Another");
        assert_eq!(fs::read_to_string(second).unwrap(), "Half");
    }
}
