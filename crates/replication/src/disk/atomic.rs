//! Small files that are replaced whole.
//!
//! ```text
//! 0   8 bytes  what the file is
//! 8   u32      version of the format
//! 12  u32      length of what it says
//! 16           what it says
//! end u32      CRC-32 of everything before
//! ```

use super::error::{Damage, OpenError, WriteError};
use super::files::{File, Files};

#[cfg(test)]
mod tests;

const HEADER: usize = 16;
const CHECKSUM: usize = 4;

/// A small file by its name, what it is, and the version of what it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Small {
    pub(super) name: &'static str,
    pub(super) magic: [u8; 8],
    pub(super) version: u32,
}

impl Small {
    /// What the file says, where there is one.
    pub(super) fn read<F: Files>(&self, files: &F) -> Result<Option<Vec<u8>>, OpenError> {
        let file = match files.open(self.name) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OpenError::io("open", self.name)(error)),
        };
        let failed = OpenError::io("read", self.name);
        let len = usize::try_from(file.len().map_err(&failed)?).unwrap_or(usize::MAX);
        // It was written by the code below, so it is small, unless it is something else.
        let mut bytes = vec![0; len.min(1 << 20)];
        file.read_exact_at(&mut bytes, 0).map_err(&failed)?;
        self.decode(&bytes).map(Some)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, OpenError> {
        let damage = |what| Damage::new(self.name, 0, what);
        let (content, checksum) = bytes
            .split_last_chunk::<CHECKSUM>()
            .filter(|(content, _)| content.len() >= HEADER)
            .ok_or_else(|| damage("the file is cut off"))?;
        if crc32fast::hash(content) != u32::from_le_bytes(*checksum) {
            return Err(damage("the file does not match its checksum").into());
        }
        let (header, says) = content.split_at(HEADER);
        let number = |at: usize| {
            let four = header.get(at..).and_then(<[u8]>::first_chunk);
            four.copied().map_or(0, u32::from_le_bytes)
        };
        if header.first_chunk() != Some(&self.magic) {
            return Err(damage("the file is something else").into());
        }
        if number(8) > self.version {
            return Err(OpenError::Newer {
                file: self.name.to_owned(),
                found: number(8),
                known: self.version,
            });
        }
        if number(12) as usize != says.len() {
            return Err(damage("the file has another length than it says").into());
        }
        Ok(says.to_vec())
    }

    /// Has the file say something else, durably: after a crash it says one or the other.
    pub(super) fn write<F: Files>(&self, files: &F, says: &[u8]) -> Result<(), WriteError> {
        let mut bytes = Vec::with_capacity(HEADER + says.len() + CHECKSUM);
        bytes.extend_from_slice(&self.magic);
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&(says.len() as u32).to_le_bytes());
        bytes.extend_from_slice(says);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        let unfinished = format!("{}.new", self.name);
        let failed = WriteError::io("write", self.name);
        let undone = |error| {
            // One that stays behind is emptied by the next attempt.
            let _: std::io::Result<()> = files.remove(&unfinished);
            failed(error)
        };
        let poisoned = |error: std::io::Error| WriteError::Poisoned {
            file: self.name.to_owned(),
            reason: error.to_string(),
        };
        let file = files.create(&unfinished).map_err(&failed)?;
        file.write_at(&bytes, 0).map_err(undone)?;
        file.sync_data().map_err(poisoned)?;
        files.rename(&unfinished, self.name).map_err(undone)?;
        files.sync_dir().map_err(poisoned)
    }
}
