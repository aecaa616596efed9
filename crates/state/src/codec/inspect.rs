//! What is in a snapshot, without making tables of it.

use tribune_types::Index;

use super::error::DecodeError;
use super::frames::Frames;

/// What is in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Version of its form.
    pub version: u32,
    /// Index of the last command that is part of it.
    pub index: Index,
    /// Its tables, in the order in which they are there; those without rows are not.
    pub tables: Vec<TableSize>,
    /// How many bytes it has in all.
    pub bytes: u64,
}

/// How large a table of a snapshot is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many bytes they take.
    pub bytes: u64,
}

/// Tells what is in the bytes of a snapshot, after checking that they are what was written.
///
/// # Errors
/// Where they are not, or a later version wrote them.
pub fn inspect<C: AsRef<[u8]>>(
    chunks: impl IntoIterator<Item = C>,
) -> Result<Inspection, DecodeError> {
    let mut frames = Frames::new();
    let mut tables: Vec<TableSize> = Vec::new();
    for chunk in chunks {
        frames.push(chunk.as_ref(), &mut |name, bytes, mut values| {
            let mut rows = 0;
            while !values.is_empty() {
                values.skip()?;
                rows += 1;
            }
            match tables.last_mut().filter(|table| table.name == name) {
                Some(table) => {
                    table.rows += rows;
                    table.bytes += bytes;
                }
                None => tables.push(TableSize {
                    name: name.to_owned(),
                    rows,
                    bytes,
                }),
            }
            Ok(())
        })?;
    }
    let (bytes, version) = (frames.bytes, frames.version);
    Ok(Inspection {
        version,
        index: frames.finish()?.index,
        tables,
        bytes,
    })
}
