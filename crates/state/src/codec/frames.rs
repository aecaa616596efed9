//! Tables in bytes: frames, each of a length (`u32`, little-endian) and that many bytes.
//!
//! The first frame is `TRIBTABL`, the version (`u32`, little-endian) and a map of what there is one of. The
//! others are the name of a table and rows of it, one after another, in the order of their keys. The last
//! one is the name `end` and the xxh3 hash (64 bits) of all frames before it. Only what cannot be told
//! from other tables is written.
//!
//! Where the bytes are split on their way does not matter.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::TABLES;
use super::error::DecodeError;
use super::form::{Values, append};

/// What errors call the bytes.
pub(super) const WHAT: &str = "the snapshot";

/// Name of the last frame.
const END: &str = "end";

const MAGIC: [u8; 8] = *b"TRIBTABL";

/// Length of a frame's length.
const LENGTH: usize = 4;

/// Longest frame. Those that are written are much shorter, unless one row alone is not.
const LONGEST: usize = 1 << 30;

/// What there is one of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Index of the last command that is part of the tables.
    pub(super) index: u64,
    pub(super) config_index: u64,
    pub(super) ca_roots_index: u64,
    pub(super) virtual_ips_index: u64,
    /// The last virtual address given out for the first time.
    pub(super) last_virtual_ip: Option<[u8; 4]>,
}

impl Header {
    pub(super) fn frame(&self, version: u32) -> Vec<u8> {
        let mut frame = begin();
        frame.extend_from_slice(&MAGIC);
        frame.extend_from_slice(&version.to_le_bytes());
        append(&mut frame, self);
        close(frame)
    }
}

/// A frame, whose contents are to be appended.
fn begin() -> Vec<u8> {
    vec![0; LENGTH]
}

/// Writes a frame's length.
fn close(mut frame: Vec<u8>) -> Vec<u8> {
    // A row is far shorter than what 32 bits can say: commands have a limit.
    let len = (frame.len() - LENGTH) as u32;
    if let Some(length) = frame.first_chunk_mut() {
        *length = len.to_le_bytes();
    }
    frame
}

/// A frame of rows of a table: as many as make it `most` bytes long, and at least one. `None` where there
/// are no more rows.
pub(super) fn of_rows<R: Serialize>(
    table: &str,
    rows: &mut impl Iterator<Item = R>,
    most: usize,
) -> Option<Vec<u8>> {
    let mut row = rows.next()?;
    let mut frame = begin();
    append(&mut frame, table);
    loop {
        append(&mut frame, &row);
        if frame.len() >= most {
            return Some(close(frame));
        }
        match rows.next() {
            Some(next) => row = next,
            None => return Some(close(frame)),
        }
    }
}

/// The last frame.
pub(super) fn end(hash: u64) -> Vec<u8> {
    let mut frame = begin();
    append(&mut frame, END);
    append(&mut frame, &hash);
    close(frame)
}

/// Takes bytes as they come, and gives frames.
pub(super) struct Frames {
    pub(super) header: Option<Header>,
    /// Version of the form, once the header has come.
    pub(super) version: u32,
    /// The beginning of a frame that has not come whole.
    partial: Vec<u8>,
    hash: Xxh3,
    ended: bool,
    /// How many bytes have come.
    pub(super) bytes: u64,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self {
            header: None,
            version: 0,
            partial: Vec::new(),
            hash: Xxh3::new(),
            ended: false,
            bytes: 0,
        }
    }

    /// Takes bytes, and hands every frame of rows that is whole to `take`: the table's name, how many
    /// bytes the frame takes, and its rows.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        take: &mut impl FnMut(&str, u64, Values<'_>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.bytes += bytes.len() as u64;
        if !self.partial.is_empty() {
            let mut joined = std::mem::take(&mut self.partial);
            joined.extend_from_slice(bytes);
            let taken = self.frames(&joined, take)?;
            joined.drain(..taken);
            self.partial = joined;
            return Ok(());
        }
        let taken = self.frames(bytes, take)?;
        bytes = bytes.get(taken..).unwrap_or_default();
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether all of it has come, and is what was written.
    pub(super) fn finish(self) -> Result<Header, DecodeError> {
        match self.header {
            Some(header) if self.ended => Ok(header),
            _ => Err(DecodeError::CutOff { bytes: self.bytes }),
        }
    }

    /// Takes the frames that are whole, and says how many bytes they are.
    fn frames(
        &mut self,
        bytes: &[u8],
        take: &mut impl FnMut(&str, u64, Values<'_>) -> Result<(), DecodeError>,
    ) -> Result<usize, DecodeError> {
        let mut at = 0;
        while let Some(length) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
            if self.ended {
                return Err(malformed("something follows its end"));
            }
            let len = u32::from_le_bytes(*length) as usize;
            if len > LONGEST {
                return Err(malformed("a frame has an impossible length"));
            }
            let Some(frame) = bytes.get(at..at + LENGTH + len) else {
                break;
            };
            self.frame(frame, take)?;
            at += frame.len();
        }
        Ok(at)
    }

    fn frame(
        &mut self,
        frame: &[u8],
        take: &mut impl FnMut(&str, u64, Values<'_>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let content = frame.get(LENGTH..).unwrap_or_default();
        if self.header.is_none() {
            let (version, header) = header(content)?;
            (self.version, self.header) = (version, Some(header));
            self.hash.update(frame);
            return Ok(());
        }
        let mut values = Values::new(WHAT, content);
        let table: String = values.next()?;
        if table == END {
            let hash: u64 = values.next()?;
            if hash != self.hash.digest() {
                return Err(DecodeError::Checksum);
            }
            self.ended = true;
            return Ok(());
        }
        self.hash.update(frame);
        take(&table, frame.len() as u64, values)
    }
}

fn header(content: &[u8]) -> Result<(u32, Header), DecodeError> {
    let rest = content
        .strip_prefix(&MAGIC)
        .ok_or_else(|| malformed("it does not begin as one"))?;
    let (version, rest) = rest
        .split_first_chunk()
        .ok_or_else(|| malformed("it has no version"))?;
    match u32::from_le_bytes(*version) {
        version @ 1..=TABLES => Ok((version, Values::new(WHAT, rest).next()?)),
        0 => Err(malformed("there is no version 0")),
        found => Err(DecodeError::Newer {
            what: WHAT,
            found,
            known: TABLES,
        }),
    }
}

pub(super) fn malformed(problem: &str) -> DecodeError {
    DecodeError::Malformed {
        what: WHAT,
        problem: problem.to_owned(),
    }
}
