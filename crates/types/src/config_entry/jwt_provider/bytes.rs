//! Bytes as JSON has them, and the base64 that they are printed in.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes, printed in base64. A text that is base64 stands for what it says, another one for its own bytes, and a
/// list for those with its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A list is read as the bytes that it is; a text that was printed is not what it was printed from.
        if serializer.is_human_readable() {
            serializer.serialize_str(&encode(&self.0))
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a list of numbers from 0 to 255")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                Ok(Bytes(if is_base64(text) {
                    decode(text)
                } else {
                    text.as_bytes().to_owned()
                }))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = list.next_element()? {
                    bytes.push(byte);
                }
                Ok(Bytes(bytes))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Bytes, E> {
                Ok(Bytes::default())
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// Base64 with padding.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .chain(std::iter::repeat(&0))
            .take(3)
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place)) & 63;
            let digit = ALPHABET[usize::try_from(digit).unwrap_or_default()];
            text.push(if place <= group.len() {
                digit.into()
            } else {
                '='
            });
        }
    }
    text
}

/// The bytes that base64 stands for; what is no digit is passed over.
fn decode(text: &str) -> Vec<u8> {
    let digits = text
        .bytes()
        .filter_map(|byte| ALPHABET.iter().position(|digit| *digit == byte));
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_usize, 0);
    for digit in digits {
        bits = bits << 6 | digit;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.extend(u8::try_from(bits >> count & 0xff));
        }
        bits &= 0xff;
    }
    bytes
}

/// Whether a text is base64 with padding. Line ends are passed over, as in Go.
pub(super) fn is_base64(text: &str) -> bool {
    let text: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    let digits = text
        .iter()
        .take_while(|byte| ALPHABET.contains(byte))
        .count();
    let padding = &text[digits..];
    text.len().is_multiple_of(4) && padding.len() <= 2 && padding.iter().all(|byte| *byte == b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_print_in_base64() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"a", "YQ=="),
            (b"ab", "YWI="),
            (b"abc", "YWJj"),
            (&[255, 254, 0, 1], "//4AAQ=="),
        ] {
            assert_eq!(encode(bytes), text);
            assert!(is_base64(text), "{text}");
            assert_eq!(decode(text), bytes, "{text}");
        }
        let read = |json: &str| serde_json::from_str::<Bytes>(json).unwrap().0;
        assert_eq!(read("\"YWJj\""), b"abc");
        assert_eq!(read("\"a-b\""), b"a-b");
        assert_eq!(read("[1, 2]"), [1, 2]);
        for text in ["YQ", "-_-_", "{}", "YQ=a", "Y===", "YQ=", "Y Q="] {
            assert!(!is_base64(text), "{text}");
        }
        assert!(is_base64("YWJj\nYWJj\n"));
    }
}
