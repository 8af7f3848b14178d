//! Files that hold secrets, or what people wrote privately, and that everybody on the machine can read: `check`,
//! `doctor` and `run` say which, and what to type. Files that only a group can read are as their owner wants them.

use std::path::{Path, PathBuf};

use super::workplace;
use crate::campaign::finding::{Finding, Level};
use crate::campaign::{Campaign, TokenSource};

/// One warning for each such file.
pub(super) fn findings(campaign: &Campaign) -> Vec<Finding> {
    let tokens = campaign.accounts.iter().filter_map(|account| match &account.token {
        TokenSource::File(file) => Some((campaign.root.join(file), format!("the token of {}", account.name))),
        TokenSource::Env(_) | TokenSource::Credential(_) | TokenSource::Stored => None,
    });
    let private = workplace::place(campaign).private_files().into_iter();
    let all = tokens.chain(private.map(|file| (file, "what people wrote, or the key to it".to_owned())));
    let mut found: Vec<Finding> = all
        .filter(|(file, _)| is_open(file))
        .map(|(file, what)| {
            let shown: PathBuf = file.strip_prefix(&campaign.root).map(Path::to_path_buf).unwrap_or(file);
            Finding {
                message: format!("everybody on this machine can read it, and it holds {what}"),
                hint: Some(format!("type `chmod 600 {}` in the campaign folder", shown.display())),
                file: shown,
                line: None,
                level: Level::Warning,
            }
        })
        .collect();
    // Two accounts may share one file.
    found.dedup_by(|one, other| one.file == other.file);
    found
}

#[cfg(unix)]
fn is_open(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn is_open(_file: &Path) -> bool {
    false
}
