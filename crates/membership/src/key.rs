//! A key that frames are encrypted with.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::error::KeyError;

/// What a frame is longer than what is in it.
pub(crate) const OVERHEAD: usize = NONCE_LEN + 16;

/// A key for AES-GCM. It prints as its first bytes only.
#[derive(Clone)]
pub struct Key {
    text: String,
    key: Arc<LessSafeKey>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}…)", self.text.get(..4).unwrap_or_default())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Key {}

// === impl Key ===

impl Key {
    /// Reads a key as `encrypt` has it: base64 of 16 or 32 bytes.
    ///
    /// # Errors
    /// Where it is not base64, or no key is of that length.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD
            .decode(text.trim())
            .map_err(|error| KeyError::Encoding(error.to_string()))?;
        let algorithm = match bytes.len() {
            16 => &AES_128_GCM,
            32 => &AES_256_GCM,
            24 => return Err(KeyError::Aes192),
            other => return Err(KeyError::Length(other)),
        };
        let key = UnboundKey::new(algorithm, &bytes).map_err(|_| KeyError::Length(bytes.len()))?;
        Ok(Self {
            // written anew, so that the same key is the same text
            text: STANDARD.encode(&bytes),
            key: Arc::new(LessSafeKey::new(key)),
        })
    }

    /// The key as text: who has it reads everything.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Encrypts `plain` for what `context` says it is: nonce, text, tag.
    pub fn seal(&self, nonce: [u8; NONCE_LEN], context: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut text = plain.to_vec();
        let nonce_value = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce_value, Aad::from(context), &mut text)
            .expect("a frame is shorter than what AES-GCM can encrypt");
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut text);
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// What was sealed with this key for that context.
    #[must_use]
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .key
            .open_in_place(nonce, Aad::from(context), &mut text)
            .ok()?
            .len();
        text.truncate(length);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_16_and_32_bytes_seal_and_open() {
        for length in [16, 32] {
            let key = Key::parse(&STANDARD.encode(vec![7; length])).unwrap();
            let sealed = key.seal([1; NONCE_LEN], b"a", b"hello");
            assert_eq!(sealed.len(), 5 + OVERHEAD);
            assert_eq!(key.open(b"a", &sealed).unwrap(), b"hello");
            assert_eq!(key.open(b"b", &sealed), None, "another context");
            let other = Key::parse(&STANDARD.encode(vec![8; length])).unwrap();
            assert_eq!(other.open(b"a", &sealed), None, "another key");
            let mut changed = sealed.clone();
            changed[14] ^= 1;
            assert_eq!(key.open(b"a", &changed), None, "changed on the way");
            assert_eq!(key.open(b"a", &sealed[..OVERHEAD - 1]), None, "cut short");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_by_reason() {
        assert_eq!(
            Key::parse(&STANDARD.encode([0; 24])).unwrap_err(),
            KeyError::Aes192
        );
        assert_eq!(
            Key::parse(&STANDARD.encode([0; 8])).unwrap_err(),
            KeyError::Length(8)
        );
        assert!(matches!(Key::parse("no key!"), Err(KeyError::Encoding(_))));
    }

    #[test]
    fn a_key_does_not_print() {
        let text = STANDARD.encode([0x5a; 32]);
        let shown = format!("{:?}", Key::parse(&text).unwrap());
        assert!(shown.len() < 14, "{shown}");
    }
}
