//! A place in a text that moves forward and knows its line and column.

use crate::error::Problem;
use crate::{Error, Span};

/// Reading position of both readers.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    /// Byte offset of what comes next; always on a character boundary.
    offset: usize,
    /// A place whose line and column are known. Later ones are counted on from it, so that asking for the
    /// position of every value of a document costs one pass over it, also if it is one long line.
    known: (usize, Span),
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            known: (0, Span { line: 1, column: 1 }),
        }
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    /// The next byte.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    /// Moves over so many bytes, which must end on a character boundary.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.offset += bytes;
        debug_assert!(
            self.text.is_char_boundary(self.offset),
            "advanced into a character"
        );
    }

    /// Moves over this byte if it comes next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.advance(1);
        }
        found
    }

    /// Takes bytes as long as they satisfy `wanted`, which must refuse to stop within a character.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest
            .bytes()
            .position(|byte| !wanted(byte))
            .unwrap_or(rest.len());
        self.advance(length);
        &rest[..length]
    }

    /// Line and column of what comes next.
    pub(crate) fn span(&mut self) -> Span {
        let (from, mut span) = self.known;
        for byte in &self.text.as_bytes()[from..self.offset] {
            match byte {
                b'\n' => {
                    span = Span {
                        line: span.line.saturating_add(1),
                        column: 1,
                    }
                }
                // Bytes within a character are no columns of their own.
                0x80..=0xBF => {}
                _ => span.column = span.column.saturating_add(1),
            }
        }
        self.known = (self.offset, span);
        span
    }

    /// The error that something else was expected here.
    pub(crate) fn expected(&mut self, expected: impl Into<String>) -> Error {
        let found = match self.rest().chars().next() {
            None => "the end of the text".to_owned(),
            Some(character @ ('!'..='~')) => format!("`{character}`"),
            Some(character) => format!("{character:?}"),
        };
        Error::new(Problem::Syntax {
            expected: expected.into(),
            found,
        })
        .at(self.span())
    }
}
