//! Reading one file of a campaign as text: without a byte order mark, with a finding instead of a failure.

use std::path::Path;

use super::finding::Report;

/// Larger files are no campaign's texts; reading stops before memory is filled.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The text of `file`, relative to `root`. `None` with a finding when it cannot be read.
pub(crate) fn read(root: &Path, file: &Path, report: &mut Report) -> Option<String> {
    let path = root.join(file);
    let unreadable = |error: &std::io::Error| format!("the file cannot be read: {error}");
    match std::fs::metadata(&path) {
        Ok(about) if !about.is_file() => {
            report.error(None, "this is not a regular file, so it is not read", "put a text file in its place");
            return None;
        }
        Ok(about) if about.len() > LARGEST => {
            report.error(None, "the file is larger than 4 MB: this cannot be what was meant", "");
            return None;
        }
        Ok(_) => {}
        Err(error) => {
            report.error(None, unreadable(&error), "");
            return None;
        }
    }
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            report.error(None, unreadable(&error), "");
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let line = error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count() + 1;
            report.error(line, "the file is not UTF-8 text", "save it again with the encoding UTF-8");
            None
        }
    }
}

/// As [`read`], but a file that is not there is simply none.
pub(crate) fn read_if_there(root: &Path, file: &str, report: &mut Report) -> Option<String> {
    if !root.join(file).exists() {
        return None;
    }
    read(root, Path::new(file), report)
}
