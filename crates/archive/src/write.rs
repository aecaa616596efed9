//! Writing an archive.

use std::io::{Error, Read, Result, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

use crate::sums::{self, Summed};
use crate::{META, Meta, STATE, SUMS};

/// Writes an archive of a state, which must have as many bytes as its meta data says.
///
/// # Errors
/// Where the state cannot be read, has another size, or the archive cannot be written. What was written
/// until then is no archive.
pub fn write(out: impl Write, meta: &Meta, state: impl Read) -> Result<()> {
    let mut archive = Builder::new(GzEncoder::new(out, Compression::fast()));
    let text = serde_json::to_vec(meta)?;
    append(&mut archive, META, text.len() as u64, text.as_slice())?;
    let mut state = Summed::new(state.take(meta.size));
    append(&mut archive, STATE, meta.size, &mut state)?;
    if state.bytes != meta.size {
        return Err(Error::other(format!(
            "the state ended after {} of its {} bytes",
            state.bytes, meta.size
        )));
    }
    let sums = format!("{}  {META}\n{}  {STATE}\n", sums::of(&text), state.finish());
    append(&mut archive, SUMS, sums.len() as u64, sums.as_bytes())?;
    archive.into_inner()?.finish()?.flush()
}

fn append(
    archive: &mut Builder<impl Write>,
    name: &str,
    size: u64,
    content: impl Read,
) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(0);
    archive.append_data(&mut header, name, content)
}
