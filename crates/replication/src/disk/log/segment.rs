//! A file of the log, and the 512 bytes at its beginning.
//!
//! ```text
//! 0    8 bytes  TRIBLOG and a line feed
//! 8    u32      version of the format
//! 12   u32      1 where records were purged
//! 16   u64      sequence
//! 24   u64      salt, part of every record's checksum
//! 32   u64      where the records of the segment before this one end; 0 in the first segment of all
//! 40   u64      index and
//! 48   u64      term of the last record purged before this segment was made
//! 508  u32      CRC-32 of everything before; there in every version
//! ```

use std::io;

use super::Position;
use super::record::{Seal, u32_at, u64_at};
use crate::disk::error::{Damage, OpenError};
use crate::disk::files::{File, Files};

/// Length of the header, after which the records begin.
pub(super) const HEADER: usize = 512;

/// Version of the format of segments.
const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"TRIBLOG\n";
const CHECKSUM: usize = HEADER - 4;
const PREFIX: &str = "log-";

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment<F> {
    pub(super) file: F,
    pub(super) name: String,
    pub(super) seal: Seal,
    /// How many bytes it has.
    pub(super) len: u64,
}

/// What the header of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) seal: Seal,
    pub(super) previous_end: u64,
    pub(super) purged: Option<Position>,
}

impl Header {
    fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.seal.sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.seal.salt.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.previous_end.to_le_bytes());
        if let Some(purged) = self.purged {
            bytes[12] = 1;
            bytes[40..48].copy_from_slice(&purged.index.to_le_bytes());
            bytes[48..56].copy_from_slice(&purged.term.to_le_bytes());
        }
        let checksum = crc32fast::hash(&bytes[..CHECKSUM]);
        bytes[CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn decode(name: &str, bytes: &[u8; HEADER]) -> Result<Self, OpenError> {
        if bytes.first_chunk() != Some(&MAGIC)
            || u32_at(bytes, CHECKSUM) != crc32fast::hash(&bytes[..CHECKSUM])
        {
            return Err(Damage::new(name, 0, "this is not the header of a segment").into());
        }
        let version = u32_at(bytes, 8);
        if version > VERSION {
            return Err(OpenError::Newer {
                file: name.to_owned(),
                found: version,
                known: VERSION,
            });
        }
        Ok(Self {
            seal: Seal {
                sequence: u64_at(bytes, 16),
                salt: u64_at(bytes, 24),
            },
            previous_end: u64_at(bytes, 32),
            purged: (bytes[12] == 1).then(|| Position {
                index: u64_at(bytes, 40),
                term: u64_at(bytes, 48),
            }),
        })
    }
}

impl<F: File> Segment<F> {
    /// Makes a segment under a name that is not a segment's yet.
    pub(super) fn create<D: Files<File = F>>(
        files: &D,
        header: &Header,
        len: u64,
    ) -> io::Result<Self> {
        let name = name(header.seal.sequence);
        let file = files.create(&unfinished(&name))?;
        file.allocate(len)?;
        file.write_at(&header.encode(), 0)?;
        file.sync_data()?;
        Ok(Self {
            file,
            name,
            seal: header.seal,
            len,
        })
    }

    /// Opens a segment.
    pub(super) fn open<D: Files<File = F>>(
        files: &D,
        sequence: u64,
    ) -> Result<(Self, Header), OpenError> {
        let name = name(sequence);
        let file = files.open(&name).map_err(OpenError::io("open", &name))?;
        let len = file.len().map_err(OpenError::io("open", &name))?;
        if len < HEADER as u64 {
            return Err(Damage::new(&name, len, "the header of the segment is cut off").into());
        }
        let mut bytes = [0; HEADER];
        file.read_exact_at(&mut bytes, 0)
            .map_err(OpenError::io("read", &name))?;
        let header = Header::decode(&name, &bytes)?;
        if header.seal.sequence != sequence {
            let what = format!(
                "this is segment {} under another name",
                header.seal.sequence
            );
            return Err(Damage::new(&name, 16, what).into());
        }
        let segment = Self {
            file,
            name,
            seal: header.seal,
            len,
        };
        Ok((segment, header))
    }
}

/// Name of a segment.
pub(super) fn name(sequence: u64) -> String {
    format!("{PREFIX}{sequence:016x}")
}

/// Name of a segment until it is whole.
pub(super) fn unfinished(name: &str) -> String {
    format!("{name}.new")
}

/// What a file is to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The segment of this sequence.
    Segment(u64),
    /// A segment that was never finished.
    Unfinished,
    /// None of the log's.
    Other,
}

/// What the file of this name is.
pub(super) fn role(name: &str) -> Role {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return Role::Other;
    };
    if rest.ends_with(".new") {
        return Role::Unfinished;
    }
    match u64::from_str_radix(rest, 16) {
        Ok(sequence) if self::name(sequence) == name => Role::Segment(sequence),
        _ => Role::Other,
    }
}
