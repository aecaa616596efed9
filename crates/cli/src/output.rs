//! Output that nobody may want to the end.

use std::io::{ErrorKind, Result, Write};

/// A writer whose reader may go early, as `head` does: what is left then is dropped, which is no failure.
#[derive(Debug)]
pub struct Output<W>(pub W);

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        unless_gone(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        unless_gone(self.0.flush(), ())
    }
}

fn unless_gone<T>(done: Result<T>, dropped: T) -> Result<T> {
    match done {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(dropped),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        let mut output = Output(Failing(ErrorKind::BrokenPipe));
        assert!(output.write_all(b"more").is_ok());
        assert!(output.flush().is_ok());
    }

    #[test]
    fn a_full_disk_is_one() {
        let mut output = Output(Failing(ErrorKind::StorageFull));
        assert!(output.write_all(b"more").is_err());
        assert!(output.flush().is_err());
    }
}
