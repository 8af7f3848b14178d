//! Reading one file of a campaign as text: without a byte order mark, with a finding instead of a failure.

use std::io::Read;
use std::path::Path;

use super::finding::Report;

/// Larger files are no campaign's texts; reading stops before memory is filled.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The text of `file`, relative to `root`. `None` with a finding when it cannot be read.
pub(crate) fn read(root: &Path, file: &Path, report: &mut Report) -> Option<String> {
    let path = root.join(file);
    let unreadable = |error: &std::io::Error| format!("the file cannot be read: {error}");
    let size = match std::fs::metadata(&path) {
        Ok(about) if !about.is_file() => {
            report.error(None, "this is not a regular file, so it is not read", "put a text file in its place");
            return None;
        }
        Ok(about) if about.len() > LARGEST => {
            report.error(None, "the file is larger than 4 MB: this cannot be what was meant", "");
            return None;
        }
        Ok(about) => about.len(),
        Err(error) => {
            report.error(None, unreadable(&error), "");
            return None;
        }
    };
    let bytes = match bytes(&path, usize::try_from(size).unwrap_or_default()) {
        Ok(bytes) => bytes,
        Err(error) => {
            report.error(None, unreadable(&error), "");
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some(plain(text)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let line = error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count() + 1;
            report.error(line, "the file is not UTF-8 text", "save it again with the encoding UTF-8");
            None
        }
    }
}

/// The content of a file of about this size. A campaign may have a hundred thousand files, and each question to the
/// system counts: no more is asked than one small file needs.
fn bytes(path: &Path, size: usize) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Without a byte order mark, and with one sign for the end of a line, whatever program wrote it.
fn plain(text: String) -> String {
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

/// As [`read`], but a file that is not there is simply none.
pub(crate) fn read_if_there(root: &Path, file: &str, report: &mut Report) -> Option<String> {
    if !root.join(file).exists() {
        return None;
    }
    read(root, Path::new(file), report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(bytes: &[u8]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.md"), bytes).unwrap();
        read(folder.path(), Path::new("a.md"), &mut Report::new("a.md"))
    }

    #[test]
    fn every_programs_line_ends_and_marks_are_read() {
        for (bytes, expected) in [
            (&b""[..], ""),
            (b"---\nat: x\n---\nA", "---\nat: x\n---\nA"),
            (b"---\r\nat: x\r\n---\r\nA\r\n", "---\nat: x\n---\nA\n"),
            (b"---\rat: x\r---\rA\r", "---\nat: x\n---\nA\n"),
            (b"\xef\xbb\xbfA\r\rB", "A\n\nB"),
        ] {
            assert_eq!(read_bytes(bytes).as_deref(), Some(expected));
        }
        assert_eq!(read_bytes(b"\xff"), None);
    }
}
