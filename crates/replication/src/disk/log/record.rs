//! How a record lies in a segment: a header of 40 bytes, the payload, zeros up to a multiple of eight.
//!
//! ```text
//! 0   2 bytes  a7 5e
//! 2   1 byte   kind: 1 entry, 2 truncation, 3 purge
//! 3   1 byte   zero
//! 4   u32      length of the payload
//! 8   u64      index
//! 16  u64      term
//! 24  u64      offset in the segment up to which everything was durable when this was written
//! 32  u32      CRC-32 of the payload and the zeros after it
//! 36  u32      CRC-32 of the segment's salt and sequence, the record's offset, and the 36 bytes before
//! ```
//!
//! Numbers are little-endian. The last checksum binds a record to its place, so that bytes that look like
//! a record and lie elsewhere (an old one, or one inside a payload) are none.

use crc32fast::Hasher;

/// Length of a record's header.
pub(super) const HEADER: usize = 40;

/// Longest payload.
pub(super) const LONGEST: usize = 256 << 20;

const MAGIC: [u8; 2] = [0xa7, 0x5e];

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A record of whoever has the log.
    Entry = 1,
    /// Says that records from its index on, as far as written before it, are no longer there.
    Truncation = 2,
    /// Says that records up to its index are no longer there.
    Purge = 3,
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) len: u32,
    pub(super) index: u64,
    pub(super) term: u64,
    pub(super) synced: u64,
    payload_crc: u32,
}

/// What binds records to their segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) salt: u64,
    pub(super) sequence: u64,
}

impl Header {
    /// Whether this is what was written, zeros after the payload included.
    pub(super) fn fits(&self, padded_payload: &[u8]) -> bool {
        crc32fast::hash(padded_payload) == self.payload_crc
    }

    /// Reads a header at an offset; `None` where there is none.
    pub(super) fn decode(bytes: &[u8], seal: Seal, offset: u64) -> Option<Self> {
        let bytes: &[u8; HEADER] = bytes.first_chunk()?;
        let kind = match (bytes.first_chunk()?, bytes[2], bytes[3]) {
            (&MAGIC, 1, 0) => Kind::Entry,
            (&MAGIC, 2, 0) => Kind::Truncation,
            (&MAGIC, 3, 0) => Kind::Purge,
            _ => return None,
        };
        let header = Self {
            kind,
            len: u32_at(bytes, 4),
            index: u64_at(bytes, 8),
            term: u64_at(bytes, 16),
            synced: u64_at(bytes, 24),
            payload_crc: u32_at(bytes, 32),
        };
        (u32_at(bytes, 36) == seal.checksum(offset, &bytes[..36])).then_some(header)
    }
}

impl Seal {
    fn checksum(self, offset: u64, header: &[u8]) -> u32 {
        let mut hasher = Hasher::new();
        hasher.update(&self.salt.to_le_bytes());
        hasher.update(&self.sequence.to_le_bytes());
        hasher.update(&offset.to_le_bytes());
        hasher.update(header);
        hasher.finalize()
    }
}

/// What is to be written as one record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    pub(super) kind: Kind,
    pub(super) index: u64,
    pub(super) term: u64,
    pub(super) payload: &'a [u8],
}

impl Content<'_> {
    /// Appends the record to what will be written at `start`.
    pub(super) fn encode(&self, into: &mut Vec<u8>, seal: Seal, start: u64, synced: u64) {
        let at = into.len();
        let offset = start + at as u64;
        into.extend_from_slice(&[0; HEADER]);
        into.extend_from_slice(self.payload);
        into.resize(at + taken(self.payload.len()), 0);
        let (header, payload) = into[at..].split_at_mut(HEADER);
        header[..2].copy_from_slice(&MAGIC);
        header[2] = self.kind as u8;
        // A longer payload was refused before it came here.
        header[4..8].copy_from_slice(&(self.payload.len() as u32).to_le_bytes());
        header[8..16].copy_from_slice(&self.index.to_le_bytes());
        header[16..24].copy_from_slice(&self.term.to_le_bytes());
        header[24..32].copy_from_slice(&synced.to_le_bytes());
        header[32..36].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
        let checksum = seal.checksum(offset, &header[..36]);
        header[36..].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// How many bytes a record with a payload of this length takes.
pub(super) const fn taken(payload: usize) -> usize {
    HEADER + payload.next_multiple_of(8)
}

/// The number at a place that the caller knows to be inside.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(<[u8]>::first_chunk);
    four.copied().map_or(0, u32::from_le_bytes)
}

/// The number at a place that the caller knows to be inside.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.get(at..).and_then(<[u8]>::first_chunk);
    eight.copied().map_or(0, u64::from_le_bytes)
}
