//! Watches the quotation marks of a table on their way to its reader, which is lenient: it takes what stands behind the
//! end of a quoted cell for a part of it, and the end of the file for the end of a cell. Both change texts in silence.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

/// Where in a cell the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Begin,
    Plain,
    Quoted,
    /// Behind a quotation mark inside a quoted cell: its end, or the first of two.
    Mark,
    /// Behind the end of a quoted cell stand blanks.
    Blanks,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Quotes {
    at: At,
    /// How many bytes have passed.
    passed: u64,
    /// The place of the cell in its row.
    cell: usize,
    /// Cells with more behind their end: the byte it was seen at, and the cell's place.
    early: VecDeque<(u64, usize)>,
}

impl Quotes {
    /// Whether the cell that was read last has not ended.
    pub(super) fn is_open(&self) -> bool {
        self.at == At::Quoted
    }

    /// The cells that ended too early before this byte, and were not asked for yet.
    pub(super) fn early(&mut self, before: u64) -> Vec<usize> {
        let count = self.early.iter().take_while(|(byte, _)| *byte < before).count();
        self.early.drain(..count).map(|(_, cell)| cell).collect()
    }

    fn see(&mut self, byte: u8, separator: u8) {
        let ends = byte == separator || byte == b'\n' || byte == b'\r';
        self.at = match (self.at, byte) {
            (At::Begin | At::Mark, b'"') => At::Quoted,
            (At::Quoted, b'"') => At::Mark,
            (At::Quoted, _) => At::Quoted,
            (At::Begin | At::Plain | At::Mark | At::Blanks, _) if ends => {
                self.cell = if byte == separator { self.cell.saturating_add(1) } else { 0 };
                At::Begin
            }
            (At::Mark | At::Blanks, b' ' | b'\t') => At::Blanks,
            (At::Mark | At::Blanks, _) => {
                self.early.push_back((self.passed, self.cell));
                At::Plain
            }
            (At::Begin | At::Plain, _) => At::Plain,
        };
        self.passed = self.passed.saturating_add(1);
    }
}

/// Lets a text through, and sees its quotation marks.
pub(super) struct Watching<R> {
    pub(super) text: R,
    pub(super) separator: u8,
    pub(super) quotes: Rc<RefCell<Quotes>>,
}

impl<R: Read> Read for Watching<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.text.read(into)?;
        let mut quotes = self.quotes.borrow_mut();
        into.iter().take(count).for_each(|byte| quotes.see(*byte, self.separator));
        Ok(count)
    }
}
