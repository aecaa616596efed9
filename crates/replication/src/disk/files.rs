//! What is needed of a file system.

use std::io;

/// The files of one directory. Clones of a handle, where there are any, are the same directory.
///
/// A call that fails may have happened in part. What a call did is durable once [`File::sync_data`] has
/// returned for what is in a file, and [`Files::sync_dir`] for which files there are.
pub trait Files: Send + Sync + 'static {
    /// An open file.
    type File: File;

    /// Makes an empty file and opens it. One that has the name is emptied.
    ///
    /// # Errors
    /// Whatever the operating system says; so below.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file that is there.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Gives a file another name, in place of the file that has it, if one has.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of all files, in no order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes durable which files there are and what they are called.
    fn sync_dir(&self) -> io::Result<()>;
}

/// An open file.
pub trait File: Send + Sync + 'static {
    /// How many bytes it has.
    ///
    /// # Errors
    /// Whatever the operating system says; so below.
    fn len(&self) -> io::Result<u64>;

    /// Whether it has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads from `offset` on, and says how much: possibly less than asked for, and nothing past the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the file `len` bytes long and takes the room for them. New bytes are zeros.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// Makes durable what is in the file.
    fn sync_data(&self) -> io::Result<()>;

    /// Fills `buffer` from `offset` on.
    fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    buffer = buffer.get_mut(read..).unwrap_or_default();
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
