//! From a file's bytes to the rows of a table: what kind of file it is, its encoding, what stands between cells.
//!
//! The file is read in pieces, never as a whole. What is no table of text is refused with what to do instead.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::quotes::{Quotes, Watching};
use super::words::Words;

/// Larger files are no queue of posts: a hundred thousand posts fit into it.
const LARGEST: u64 = 64 * 1024 * 1024;
/// How much of the beginning is looked at to learn what stands between cells.
const SAMPLE: u64 = 64 * 1024;
/// How many rows from the top may stand above the names of the columns.
pub(super) const ABOVE_HEADINGS: usize = 10;

/// Why a file is no table that could be read.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// The system does not let us read it.
    #[error("{file} cannot be read")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder, a device.
    #[error("{0} is not a file")]
    NotAFile(PathBuf),
    /// Nothing in it.
    #[error("{0} is empty")]
    Empty(PathBuf),
    /// Too many bytes.
    #[error("{file} has {megabytes} MB; up to {most} MB are read: cut it into several files", most = LARGEST / 1024 / 1024)]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Its size.
        megabytes: u64,
    },
    /// Too many rows.
    #[error("{file} has more than {most} rows: cut it into several files")]
    TooManyRows {
        /// The file.
        file: PathBuf,
        /// How many are read.
        most: usize,
    },
    /// A file of another program's own format.
    #[error("{file} is {kind}: in the program that made it, save it as CSV (comma separated, UTF-8)")]
    OtherFormat {
        /// The file.
        file: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// Bytes that are no letters.
    #[error("{file} is not text: line {line} holds bytes that are no letters; save the table as CSV (UTF-8)")]
    Binary {
        /// The file.
        file: PathBuf,
        /// Where.
        line: usize,
    },
    /// No row names the columns.
    #[error(
        "{file} has no column for the text: name the columns in the first row, such as text, date, time, account; \
        found: {found}"
    )]
    NoHeadings {
        /// The file.
        file: PathBuf,
        /// What stands in its first row.
        found: String,
    },
    /// The rows could not be told apart.
    #[error("{file} cannot be read as a table")]
    Table {
        /// The file.
        file: PathBuf,
        /// What the reader said.
        source: csv::Error,
    },
    /// `config/columns.toml` has mistakes.
    #[error("{0}")]
    Words(String),
}

/// A table, opened.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    file: File,
    encoding: &'static Encoding,
    separator: u8,
    /// The first line only says what the separator is.
    says_separator: bool,
}

impl Table {
    /// Looks at the whole file once.
    pub(super) fn open(path: &Path, words: &Words) -> Result<Self, SheetError> {
        let unreadable = |source| SheetError::Unreadable { file: path.to_path_buf(), source };
        let mut file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(SheetError::NotAFile(path.to_path_buf()));
        }
        if about.len() > LARGEST {
            return Err(SheetError::TooLarge { file: path.to_path_buf(), megabytes: about.len() / 1024 / 1024 });
        }
        let encoding = encoding_of(path, &mut file)?;
        let mut table = Self { path: path.to_path_buf(), file, encoding, separator: b',', says_separator: false };
        table.find_separator(words)?;
        Ok(table)
    }

    /// What was understood, in words.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.encoding == WINDOWS_1252 {
            notes.push(
                "the file is not UTF-8: it was read as Windows-1252; look at letters with accents, or save it as UTF-8"
                    .to_owned(),
            );
        }
        notes
    }

    /// The encoding's name.
    pub(super) fn encoding(&self) -> &'static str {
        self.encoding.name()
    }

    /// What stands between cells, in words.
    pub(super) fn separator(&self) -> &'static str {
        match self.separator {
            b';' => "semicolon",
            b'\t' => "tab",
            b'|' => "bar",
            _ => "comma",
        }
    }

    /// Its rows from the first on.
    pub(super) fn rows(&mut self) -> Result<Rows<'_>, SheetError> {
        let path = self.path.clone();
        self.file.rewind().map_err(|source| SheetError::Unreadable { file: path.clone(), source })?;
        let quotes = Rc::new(RefCell::new(Quotes::default()));
        let text = decoded(&mut self.file, self.encoding);
        let text = Watching { text, separator: self.separator, quotes: Rc::clone(&quotes) };
        let text: Box<dyn Read + '_> = Box::new(text);
        let reader = reader(text, self.separator);
        let record = csv::StringRecord::new();
        let mut rows = Rows { path, reader, record, row: 0, line: 1, next: 1, quotes, last: None };
        if self.says_separator {
            rows.advance()?;
        }
        Ok(rows)
    }

    fn find_separator(&mut self, words: &Words) -> Result<(), SheetError> {
        let unreadable = |source| SheetError::Unreadable { file: self.path.clone(), source };
        self.file.rewind().map_err(unreadable)?;
        let mut sample = String::new();
        let mut beginning = Vec::new();
        let mut decoding = decoded((&mut self.file).take(SAMPLE), self.encoding);
        decoding.read_to_end(&mut beginning).map_err(unreadable)?;
        sample.push_str(&String::from_utf8_lossy(&beginning));
        let first = sample.lines().next().unwrap_or_default().trim();
        if let Some(sign) = first.trim_matches('"').strip_prefix("sep=")
            && let [sign] = sign.as_bytes()
            && sign.is_ascii()
        {
            self.separator = *sign;
            self.says_separator = true;
            return Ok(());
        }
        let mut best = None;
        for sign in *b",;\t|" {
            let score = fitness(&sample, sign, words);
            if best.is_none_or(|(before, _)| score > before) {
                best = Some((score, sign));
            }
        }
        self.separator = best.map_or(b',', |(_, sign)| sign);
        Ok(())
    }
}

/// How well a separator fits: names of columns it shows, then rows without cells beyond the last name, then columns.
fn fitness(sample: &str, sign: u8, words: &Words) -> (usize, i64, usize) {
    let mut reader = reader(sample.as_bytes(), sign);
    let mut record = csv::StringRecord::new();
    let mut best = (0, 0);
    let (mut beyond, mut rows) = (0, 0);
    while rows < 200 && matches!(reader.read_record(&mut record), Ok(true)) {
        let known = record.iter().filter(|cell| words.column(cell).is_some()).count();
        let cells = record.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty()).last();
        let cells = cells.map_or(0, |(place, _)| place + 1);
        if rows < ABOVE_HEADINGS && known > best.0 {
            best = (known, cells);
            beyond = 0;
        } else if cells > best.1 {
            beyond += 1;
        }
        rows += 1;
    }
    (best.0, -beyond, best.1)
}

fn decoded<R: Read>(bytes: R, encoding: &'static Encoding) -> impl Read {
    DecodeReaderBytesBuilder::new().encoding(Some(encoding)).bom_override(true).strip_bom(true).build(bytes)
}

fn reader<R: Read>(text: R, separator: u8) -> csv::Reader<R> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text)
}

/// The rows of a table, one at a time.
pub(super) struct Rows<'t> {
    path: PathBuf,
    reader: csv::Reader<Box<dyn Read + 't>>,
    record: csv::StringRecord,
    row: usize,
    /// Lines the reader has taken.
    line: u64,
    /// The line the next row begins on.
    next: usize,
    /// The quotation marks read so far: all of them, once the rows are at their end.
    quotes: Rc<RefCell<Quotes>>,
    /// The place of the last filled cell of the last row, if it holds several lines.
    last: Option<usize>,
}

impl Rows<'_> {
    /// The next row that holds anything: its number as the spreadsheet program shows it, its line, its cells.
    pub(super) fn advance(&mut self) -> Result<Option<(usize, usize, &csv::StringRecord)>, SheetError> {
        loop {
            let table = |source| SheetError::Table { file: self.path.clone(), source };
            if !self.reader.read_record(&mut self.record).map_err(table)? {
                return Ok(None);
            }
            // The reader leaves out empty lines; a spreadsheet program shows them as rows.
            let inside: usize = self.record.iter().map(|cell| cell.matches('\n').count()).sum();
            let after = self.reader.position().line();
            let lines = usize::try_from(after.saturating_sub(self.line)).unwrap_or(usize::MAX);
            let empty = lines.saturating_sub(inside + 1);
            // The reader has not taken the second half of a line end yet, so lines are counted here.
            let line = self.next.saturating_add(empty);
            self.next = line.saturating_add(inside + 1);
            self.row = self.row.saturating_add(empty + 1);
            self.line = after;
            let filled = self.record.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty()).last();
            if let Some((place, cell)) = filled {
                self.last = cell.contains('\n').then_some(place);
                return Ok(Some((self.row, line, &self.record)));
            }
        }
    }
}

impl Rows<'_> {
    /// At the end of all rows: the place of the last row's cell whose quotation mark never ended. It has swallowed all
    /// that stood below it.
    pub(super) fn open_quote(&self) -> Option<usize> {
        self.last.filter(|_| self.quotes.borrow().is_open())
    }

    /// The places of the cells of this row whose text went on behind the quotation mark that ended it.
    pub(super) fn early_ends(&self) -> Vec<usize> {
        self.quotes.borrow_mut().early(self.reader.position().byte())
    }
}

/// Formats of other programs, by how their files begin.
const FORMATS: [(&[u8], &str); 12] = [
    (b"PK\x03\x04", "a workbook (xlsx, ods or numbers) or another zip file"),
    (b"\xd0\xcf\x11\xe0", "an old workbook (xls)"),
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "a text document (rtf)"),
    (b"\x1f\x8b", "a compressed file (gz)"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"SQLite format 3", "a database"),
    (b"<!DOCTYPE html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML file"),
];

/// The encoding of a file, from its first bytes and, where those do not say, from all of them.
fn encoding_of(path: &Path, file: &mut File) -> Result<&'static Encoding, SheetError> {
    let unreadable = |source| SheetError::Unreadable { file: path.to_path_buf(), source };
    let mut piece = vec![0; 64 * 1024];
    let mut read = fill(file, &mut piece).map_err(unreadable)?;
    let beginning = piece.get(..read).unwrap_or_default();
    if beginning.is_empty() {
        return Err(SheetError::Empty(path.to_path_buf()));
    }
    if let Some((_, kind)) = FORMATS.iter().find(|(magic, _)| beginning.starts_with(magic)) {
        return Err(SheetError::OtherFormat { file: path.to_path_buf(), kind });
    }
    if let Some((encoding, _)) = Encoding::for_bom(beginning).filter(|(encoding, _)| *encoding != UTF_8) {
        return Ok(encoding);
    }
    if let Some(encoding) = wide_without_mark(beginning) {
        return Ok(encoding);
    }
    // Bytes of a letter that the last piece began.
    let mut open: Vec<u8> = Vec::new();
    let (mut is_utf8, mut line, mut strange) = (true, 1, None);
    while read > 0 {
        let bytes = piece.get(..read).unwrap_or_default();
        for byte in bytes {
            match byte {
                b'\n' => line += 1,
                0 => return Err(SheetError::Binary { file: path.to_path_buf(), line }),
                // Tab, both line ends, the soft line break of some programs, and the end mark of very old ones.
                b'\t' | b'\r' | 0x0b | 0x0c | 0x1a => {}
                0x01..=0x1f | 0x7f if strange.is_none() => strange = Some(line),
                _ => {}
            }
        }
        if is_utf8 {
            open.extend_from_slice(bytes);
            match std::str::from_utf8(&open) {
                Ok(_) => open.clear(),
                Err(error) if error.error_len().is_none() => open.drain(..error.valid_up_to()).for_each(drop),
                Err(_) => is_utf8 = false,
            }
        }
        read = fill(file, &mut piece).map_err(unreadable)?;
    }
    match (is_utf8 && open.is_empty(), strange) {
        (true, _) => Ok(UTF_8),
        (false, None) => Ok(WINDOWS_1252),
        (false, Some(line)) => Err(SheetError::Binary { file: path.to_path_buf(), line }),
    }
}

/// Reads until the piece is full or the file ends.
fn fill(file: &mut File, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Two bytes a letter without a mark at the beginning: every other byte of European texts is zero.
fn wide_without_mark(beginning: &[u8]) -> Option<&'static Encoding> {
    let pairs = beginning.chunks_exact(2);
    let count = pairs.len();
    let zeros = |place: usize| pairs.clone().filter(|pair| pair.get(place) == Some(&0)).count();
    let (even, odd) = (zeros(0), zeros(1));
    if count < 4 {
        return None;
    }
    let (most, few) = (count * 4 / 5, count / 20);
    match (even, odd) {
        (even, odd) if odd >= most && even <= few => Some(UTF_16LE),
        (even, odd) if even >= most && odd <= few => Some(UTF_16BE),
        _ => None,
    }
}
