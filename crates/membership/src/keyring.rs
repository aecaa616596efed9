//! The keys that are held, and which of them is used.

use std::collections::BTreeMap;

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::KeyringError;
use crate::key::Key;

/// How many keys there may be: a frame that nobody sent costs one attempt each.
const MOST: usize = 16;

/// Keys, the one that is used first. Empty where nothing is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyring {
    keys: Vec<Key>,
}

/// What the members say about their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyringReport {
    /// Members that were asked, this one included.
    pub members: usize,
    /// How many hold each key.
    pub keys: BTreeMap<String, usize>,
    /// How many use each key.
    pub primary: BTreeMap<String, usize>,
    /// Who did not do as asked, and why.
    pub errors: BTreeMap<String, String>,
}

// === impl Keyring ===

impl Keyring {
    /// A keyring of one key.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self { keys: vec![key] }
    }

    /// A keyring of several keys, the one that is used first.
    #[must_use]
    pub fn of(keys: impl IntoIterator<Item = Key>) -> Self {
        let mut ring = Self::default();
        for key in keys {
            if !ring.keys.contains(&key) && ring.keys.len() < MOST {
                ring.keys.push(key);
            }
        }
        ring
    }

    /// The keys, the one that is used first.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The one that is used.
    #[must_use]
    pub fn primary(&self) -> Option<&Key> {
        self.keys.first()
    }

    /// Adds a key, which is not used yet. One that is there already is no error.
    ///
    /// # Errors
    /// Where nothing is encrypted, or there are too many.
    pub fn install(&mut self, key: Key) -> Result<(), KeyringError> {
        self.enabled()?;
        if self.keys.contains(&key) {
            return Ok(());
        }
        if self.keys.len() >= MOST {
            return Err(KeyringError::Full(MOST));
        }
        self.keys.push(key);
        Ok(())
    }

    /// Uses a key that was installed.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn use_key(&mut self, key: &Key) -> Result<(), KeyringError> {
        self.enabled()?;
        let at = self.position(key).ok_or(KeyringError::Unknown)?;
        self.keys[..=at].rotate_right(1);
        Ok(())
    }

    /// Takes a key away. One that is not there is no error.
    ///
    /// # Errors
    /// Where it is the one that is used.
    pub fn remove(&mut self, key: &Key) -> Result<(), KeyringError> {
        self.enabled()?;
        match self.position(key) {
            Some(0) => Err(KeyringError::Primary),
            Some(at) => {
                self.keys.remove(at);
                Ok(())
            }
            None => Ok(()),
        }
    }

    const fn enabled(&self) -> Result<(), KeyringError> {
        if self.keys.is_empty() {
            return Err(KeyringError::NotEnabled);
        }
        Ok(())
    }

    fn position(&self, key: &Key) -> Option<usize> {
        self.keys.iter().position(|held| held == key)
    }

    /// Encrypts with the key that is used; `None` without one.
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; ring::aead::NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .expect("the system has random bytes");
        Some(self.primary()?.seal(nonce, context, plain))
    }

    /// What was sealed with any of the keys.
    #[must_use]
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.keys.iter().find_map(|key| key.open(context, sealed))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    pub(crate) fn key(byte: u8) -> Key {
        Key::parse(&STANDARD.encode([byte; 32])).unwrap()
    }

    #[test]
    fn a_key_is_installed_used_and_the_old_one_removed() {
        let mut ring = Keyring::new(key(1));
        let old = ring.seal(b"", b"old").unwrap();
        ring.install(key(2)).unwrap();
        ring.install(key(2)).unwrap();
        assert_eq!(ring.keys(), [key(1), key(2)]);
        ring.use_key(&key(2)).unwrap();
        assert_eq!(ring.primary(), Some(&key(2)));
        assert_eq!(
            ring.open(b"", &old).unwrap(),
            b"old",
            "both are read for a while"
        );
        assert!(matches!(ring.remove(&key(2)), Err(KeyringError::Primary)));
        ring.remove(&key(1)).unwrap();
        ring.remove(&key(1)).unwrap();
        assert_eq!(ring.open(b"", &old), None);
        assert!(matches!(ring.use_key(&key(1)), Err(KeyringError::Unknown)));
    }

    #[test]
    fn using_a_key_keeps_the_order_of_the_others() {
        let mut ring = Keyring::of([key(1), key(2), key(3), key(4)]);
        ring.use_key(&key(3)).unwrap();
        assert_eq!(ring.keys(), [key(3), key(1), key(2), key(4)]);
    }

    #[test]
    fn without_keys_none_is_installed_and_nothing_sealed() {
        let mut ring = Keyring::default();
        assert!(matches!(
            ring.install(key(1)),
            Err(KeyringError::NotEnabled)
        ));
        assert_eq!(ring.seal(b"", b"x"), None);
    }
}
