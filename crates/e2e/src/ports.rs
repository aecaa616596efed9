//! Free ports of the loopback address.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Result, bail};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port that nothing listens on, given out once by this process.
///
/// It lies below the range from which the system picks the local ends of connections, so nothing
/// takes it before the process it is meant for does.
pub fn free() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % 60 * 200) as u16;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(step) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("every port from {FIRST} to {} is taken", FIRST + COUNT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_out_once() {
        let (first, second) = (free().unwrap(), free().unwrap());
        assert_ne!(first, second);
    }

    #[test]
    fn a_port_in_use_is_not_given_out() {
        let next = free().unwrap() + 1;
        let _taken = TcpListener::bind(("127.0.0.1", next));
        assert_ne!(free().unwrap(), next);
    }
}
