//! Reading an archive.

use std::io::{self, BufReader, Read, Write};

use flate2::bufread::GzDecoder;
use tar::{Archive, Entry};

use crate::meta::{FORMAT, VERSION};
use crate::sums::{self, Summed};
use crate::{META, Meta, STATE, SUMS};

/// Most bytes of the files beside the state.
const SMALL: u64 = 1 << 20;

/// Why something is no archive that can be relied on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is no compressed tar archive, or ends too early.
    #[error("failed to read the archive: {0}")]
    Read(#[source] io::Error),
    /// The state cannot be put where it should be.
    #[error("failed to write the state: {0}")]
    Write(#[source] io::Error),
    /// A file is missing, there twice, too large, or none that belongs there.
    #[error("the archive {0}")]
    Files(String),
    /// The file that says what the snapshot is cannot be understood.
    #[error("{META} cannot be understood: {0}")]
    Meta(#[source] serde_json::Error),
    /// The bytes of a file are not those that were written.
    #[error("{file} is damaged: its checksum is not the one in {SUMS}")]
    Damaged {
        /// The file.
        file: &'static str,
    },
    /// The state has another size than it should have.
    #[error("{STATE} has {bytes} bytes instead of {expected}")]
    Size {
        /// How many bytes it has.
        bytes: u64,
        /// How many it should have.
        expected: u64,
    },
    /// Somebody else's archive.
    #[error(
        "this is no snapshot of Tribune; the state of another program, such as Consul, cannot be read"
    )]
    Foreign,
    /// A later version wrote it.
    #[error(
        "the archive has version {0}, which a later Tribune reads; this one reads version {VERSION}"
    )]
    Version(u32),
}

/// What has been read so far.
#[derive(Default)]
struct Found {
    meta: Option<Vec<u8>>,
    /// Checksum and size.
    state: Option<(String, u64)>,
    sums: Option<String>,
}

/// Reads an archive, writes its state to `state`, and gives its meta data where all of it is as it was
/// written. Where it fails, what was written to `state` is worth nothing.
///
/// # Errors
/// What is wrong with it.
pub fn read(source: impl Read, state: impl Write) -> Result<Meta, ReadError> {
    let mut archive = Archive::new(GzDecoder::new(BufReader::new(source)));
    let mut found = Found::default();
    let mut state = Some(state);
    for entry in archive.entries().map_err(ReadError::Read)? {
        found.take(entry.map_err(ReadError::Read)?, &mut state)?;
    }
    // the last bytes hold the checksum of the compressed whole
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(ReadError::Read)?;
    found.checked()
}

// === impl Found ===

impl Found {
    fn take<R: Read>(
        &mut self,
        mut entry: Entry<'_, R>,
        state: &mut Option<impl Write>,
    ) -> Result<(), ReadError> {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let twice = || ReadError::Files(format!("has {name} twice"));
        match name.as_str() {
            META if self.meta.is_none() => self.meta = Some(small(&mut entry, META)?),
            SUMS if self.sums.is_none() => {
                let text = small(&mut entry, SUMS)?;
                self.sums = Some(String::from_utf8_lossy(&text).into_owned());
            }
            STATE => {
                let mut out = Summed::new(state.take().ok_or_else(twice)?);
                copy(&mut entry, &mut out)?;
                out.flush().map_err(ReadError::Write)?;
                let bytes = out.bytes;
                self.state = Some((out.finish(), bytes));
            }
            META | SUMS => return Err(twice()),
            _ => {
                return Err(ReadError::Files(format!(
                    "has a file that does not belong there: {name:?}"
                )));
            }
        }
        Ok(())
    }

    fn checked(self) -> Result<Meta, ReadError> {
        let lacks = |name: &str| ReadError::Files(format!("lacks {name}"));
        let text = self.meta.ok_or_else(|| lacks(META))?;
        let (state, bytes) = self.state.ok_or_else(|| lacks(STATE))?;
        let sums = self.sums.ok_or_else(|| lacks(SUMS))?;
        for (file, sum) in [(META, sums::of(&text)), (STATE, state)] {
            let line = sums.lines().filter_map(|line| line.split_once("  "));
            let mut expected = line.filter(|(_, name)| *name == file);
            if expected.next().is_none_or(|(written, _)| written != sum) {
                return Err(ReadError::Damaged { file });
            }
        }
        let meta: Meta = serde_json::from_slice(&text).map_err(ReadError::Meta)?;
        if meta.format != FORMAT {
            return Err(ReadError::Foreign);
        }
        if meta.version != VERSION {
            return Err(ReadError::Version(meta.version));
        }
        if meta.size != bytes {
            return Err(ReadError::Size {
                bytes,
                expected: meta.size,
            });
        }
        Ok(meta)
    }
}

fn small(entry: &mut impl Read, name: &str) -> Result<Vec<u8>, ReadError> {
    let mut content = Vec::new();
    let read = entry.take(SMALL + 1).read_to_end(&mut content);
    if read.map_err(ReadError::Read)? as u64 > SMALL {
        return Err(ReadError::Files(format!(
            "has a {name} of more than {SMALL} bytes"
        )));
    }
    Ok(content)
}

/// Copies all there is, and tells a source that fails from a target that does.
fn copy(from: &mut impl Read, to: &mut impl Write) -> Result<(), ReadError> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut buffer).map_err(ReadError::Read)?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..length]).map_err(ReadError::Write)?;
    }
}
