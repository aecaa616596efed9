//! Checksums, and what is counted while bytes go by.

use std::io::{Read, Result, Write};

use ring::digest::{Context, SHA256};

/// Adds up what is read from or written to another end.
pub(crate) struct Summed<T> {
    end: T,
    sum: Context,
    pub(crate) bytes: u64,
}

// === impl Summed ===

impl<T> Summed<T> {
    pub(crate) fn new(end: T) -> Self {
        Self {
            end,
            sum: Context::new(&SHA256),
            bytes: 0,
        }
    }

    /// The sum of all that went by, in hexadecimal.
    pub(crate) fn finish(self) -> String {
        hex(self.sum.finish().as_ref())
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = self.end.read(buffer)?;
        self.passed(&buffer[..length]);
        Ok(length)
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let length = self.end.write(bytes)?;
        self.passed(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> Result<()> {
        self.end.flush()
    }
}

/// The sum of bytes at hand, in hexadecimal.
pub(crate) fn of(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
