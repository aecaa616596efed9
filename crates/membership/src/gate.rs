//! The frame around everything that goes over the network: encrypted whole, or refused by reason.

use std::time::Duration;

use crate::error::{KeyringError, Refusal};
use crate::keyring::Keyring;
use crate::keyring_file::KeyringFile;
use crate::settings::Encryption;

/// The first byte of a frame that is not encrypted.
const PLAIN: u8 = 0;
/// The first byte of one that is.
const SEALED: u8 = 1;
/// The first byte of a refusal, which nobody vouches for.
const REFUSED: u8 = 2;
/// How often one kind of complaint is logged.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// Closes and opens frames.
#[derive(Debug)]
pub(crate) struct Gate {
    encryption: Encryption,
    complaints: [Complaint; 4],
}

#[derive(Clone, Copy, Debug, Default)]
struct Complaint {
    again: Duration,
    kept: u64,
}

// === impl Gate ===

impl Gate {
    pub(crate) const fn new(encryption: Encryption) -> Self {
        Self {
            encryption,
            complaints: [Complaint {
                again: Duration::ZERO,
                kept: 0,
            }; 4],
        }
    }

    pub(crate) const fn keyring(&self) -> &Keyring {
        self.encryption.keyring.keyring()
    }

    pub(crate) fn change(
        &mut self,
        change: impl FnOnce(&mut Keyring) -> Result<(), KeyringError>,
    ) -> Result<(), KeyringError> {
        let file: &mut KeyringFile = &mut self.encryption.keyring;
        file.change(change)
    }

    /// A frame for what `context` says it is.
    pub(crate) fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let sealed = if self.encryption.verify_outgoing {
            self.keyring().seal(context, plain)
        } else {
            None
        };
        match sealed {
            Some(sealed) => framed(SEALED, &sealed),
            None => framed(PLAIN, plain),
        }
    }

    /// What is in a frame, or why it is not looked at.
    pub(crate) fn open(&self, context: &[u8], frame: &[u8]) -> Result<Vec<u8>, Refusal> {
        let has_keys = self.keyring().primary().is_some();
        match frame.split_first() {
            Some((&PLAIN, _)) if has_keys && self.encryption.verify_incoming => {
                Err(Refusal::KeyNeeded)
            }
            Some((&PLAIN, plain)) => Ok(plain.to_vec()),
            Some((&SEALED, _)) if !has_keys => Err(Refusal::NoKey),
            Some((&SEALED, sealed)) => self
                .keyring()
                .open(context, sealed)
                .ok_or(Refusal::WrongKey),
            Some((&REFUSED, code)) => Err(told(code)),
            Some(_) | None => Err(Refusal::Version),
        }
    }

    /// Whether a complaint of that kind may be logged now, and how many were not since the last one.
    pub(crate) fn complain(&mut self, refusal: &Refusal, now: Duration) -> Option<u64> {
        let complaint = self.complaints.get_mut(usize::from(code(refusal)))?;
        if now < complaint.again {
            complaint.kept += 1;
            return None;
        }
        complaint.again = now + COMPLAIN_EVERY;
        Some(std::mem::take(&mut complaint.kept))
    }
}

/// A refusal as a frame in the clear: it is all that one without the right key can read.
pub(crate) fn refuse(refusal: &Refusal) -> Vec<u8> {
    framed(REFUSED, &[code(refusal)])
}

fn framed(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(bytes.len() + 1);
    frame.push(kind);
    frame.extend_from_slice(bytes);
    frame
}

/// Whether a frame says no, rather than that it is refused here.
pub(crate) fn is_refusal(frame: &[u8]) -> bool {
    frame.first() == Some(&REFUSED)
}

const fn code(refusal: &Refusal) -> u8 {
    match refusal {
        Refusal::WrongKey => 0,
        Refusal::KeyNeeded => 1,
        Refusal::NoKey => 2,
        Refusal::Version
        | Refusal::Datacenter { .. }
        | Refusal::NameTaken { .. }
        | Refusal::IdTaken { .. }
        | Refusal::Network(_)
        | Refusal::Full(_) => 3,
    }
}

fn told(code: &[u8]) -> Refusal {
    match code {
        [0] => Refusal::WrongKey,
        [1] => Refusal::KeyNeeded,
        [2] => Refusal::NoKey,
        _ => Refusal::Version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::key;
    use proptest::prelude::*;

    fn gate(keys: &[u8], verify_incoming: bool) -> Gate {
        Gate::new(Encryption {
            keyring: KeyringFile::in_memory(Keyring::of(keys.iter().map(|byte| key(*byte)))),
            verify_incoming,
            verify_outgoing: true,
        })
    }

    #[test]
    fn frames_that_are_refused_say_why() {
        let (one, two, none, lax) = (
            gate(&[1], true),
            gate(&[2], true),
            gate(&[], true),
            gate(&[1], false),
        );
        let frame = one.seal(b"a", b"hello");
        assert!(!frame.windows(5).any(|part| part == b"hello"));
        assert_eq!(one.open(b"a", &frame).unwrap(), b"hello");
        assert_eq!(
            one.open(b"b", &frame),
            Err(Refusal::WrongKey),
            "said of something else"
        );
        assert_eq!(two.open(b"a", &frame), Err(Refusal::WrongKey));
        assert_eq!(none.open(b"a", &frame), Err(Refusal::NoKey));
        let plain = none.seal(b"a", b"hello");
        assert_eq!(one.open(b"a", &plain), Err(Refusal::KeyNeeded));
        assert_eq!(lax.open(b"a", &plain).unwrap(), b"hello");
        assert_eq!(
            one.open(b"a", &refuse(&Refusal::WrongKey)),
            Err(Refusal::WrongKey)
        );
        assert_eq!(one.open(b"a", b""), Err(Refusal::Version));
        assert_eq!(one.open(b"a", b"\x09"), Err(Refusal::Version));
    }

    #[test]
    fn a_complaint_is_logged_once_in_a_while_with_their_number() {
        let mut gate = gate(&[1], true);
        assert_eq!(gate.complain(&Refusal::WrongKey, Duration::ZERO), Some(0));
        assert_eq!(
            gate.complain(&Refusal::WrongKey, Duration::from_secs(1)),
            None
        );
        assert_eq!(
            gate.complain(&Refusal::KeyNeeded, Duration::from_secs(1)),
            Some(0)
        );
        assert_eq!(
            gate.complain(&Refusal::WrongKey, Duration::from_secs(11)),
            Some(1)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_hurt(bytes in prop::collection::vec(any::<u8>(), 0..200), keys in 0..3_u8) {
            let keys: Vec<u8> = (0..keys).collect();
            if let Ok(plain) = gate(&keys, true).open(b"a", &bytes) {
                prop_assert!(keys.is_empty() && plain.len() < bytes.len());
            }
        }
    }
}
