//! What has a form on disk, and how it is written and read.

use std::sync::Arc;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::error::DecodeError;

/// A value that has a form on disk.
///
/// It is a trait of its own because many rows have another form in the API, or none, and because some of
/// these types are of other crates.
pub(super) trait Form: Sized {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// A value in its form, for serde.
pub(super) struct Formed<T>(pub(super) T);

impl<T: Form> Serialize for Formed<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

impl<'de, T: Form> Deserialize<'de> for Formed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self)
    }
}

/// For `#[serde(with = "form")]`.
pub(super) fn serialize<T: Form, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.write(serializer)
}

/// For `#[serde(with = "form")]`.
pub(super) fn deserialize<'de, T: Form, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    T::read(deserializer)
}

/// For `skip_serializing_if`: whether a value is what its absence means.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Implements [`Form`] for types by declarations of their fields beside them.
macro_rules! declared {
    ($($type:ty: $declaration:ty),* $(,)?) => {$(
        impl $crate::codec::form::Form for $type {
            fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$declaration>::serialize(self, serializer)
            }

            fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$declaration>::deserialize(deserializer)
            }
        }
    )*};
}
pub(super) use declared;

impl<T: Form> Form for Vec<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Formed))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Vec::<Formed<T>>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|value| value.0).collect())
    }
}

impl<T: Form> Form for Option<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(Formed).serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::<Formed<T>>::deserialize(deserializer)?;
        Ok(value.map(|value| value.0))
    }
}

impl<T: Form> Form for Box<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).write(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self::new)
    }
}

impl<T: Form> Form for Arc<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).write(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self::new)
    }
}

/// Appends a value to bytes.
pub(super) fn append<T: Serialize + ?Sized>(into: &mut Vec<u8>, value: &T) {
    let mut serializer = rmp_serde::Serializer::new(into).with_struct_map();
    value.serialize(&mut serializer).expect(
        "memory takes every byte, and what nests deeper than 1,024 levels was never parsed",
    );
}

/// Reads values one after another; what they are is for the errors.
pub(super) struct Values<'a> {
    what: &'static str,
    deserializer: rmp_serde::Deserializer<rmp_serde::decode::ReadReader<&'a [u8]>>,
}

impl<'a> Values<'a> {
    pub(super) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self {
            what,
            deserializer: rmp_serde::Deserializer::new(bytes),
        }
    }

    /// Whether nothing follows.
    pub(super) fn is_empty(&self) -> bool {
        self.deserializer.get_ref().is_empty()
    }

    /// Passes over the value that follows.
    pub(super) fn skip(&mut self) -> Result<(), DecodeError> {
        let skipped = serde::de::IgnoredAny::deserialize(&mut self.deserializer);
        skipped.map_err(|error| DecodeError::Malformed {
            what: self.what,
            problem: error.to_string(),
        })?;
        Ok(())
    }

    /// The value that follows. It may have no field that is not known.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<T, DecodeError> {
        let mut unknown = None;
        let value = serde_ignored::deserialize(&mut self.deserializer, |path| {
            unknown.get_or_insert_with(|| path.to_string());
        })
        .map_err(|error| DecodeError::Malformed {
            what: self.what,
            problem: error.to_string(),
        })?;
        if let Some(field) = unknown {
            return Err(DecodeError::UnknownField {
                what: self.what,
                field,
            });
        }
        Ok(value)
    }
}

/// Bytes as such, not as a list of numbers.
pub(super) mod bytes {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(in crate::codec) fn serialize<T: AsRef<[u8]>, S: Serializer>(
        bytes: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes.as_ref())
    }

    pub(in crate::codec) fn deserialize<'de, T: From<Vec<u8>>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        deserializer.deserialize_bytes(Bytes).map(T::from)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
}

/// A name of 16 bytes, the most significant first.
pub(super) mod id {
    use serde::{Deserializer, Serializer, de::Error};

    pub(in crate::codec) fn serialize<S: Serializer>(
        id: &u128,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&id.to_be_bytes())
    }

    pub(in crate::codec) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u128, D::Error> {
        let bytes: Vec<u8> = super::bytes::deserialize(deserializer)?;
        let length = bytes.len();
        let id = bytes
            .try_into()
            .map_err(|_| D::Error::invalid_length(length, &"16 bytes"))?;
        Ok(u128::from_be_bytes(id))
    }
}
