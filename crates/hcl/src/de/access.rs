//! Walks over the entries of objects and the items of lists, adding position and path to errors on the way.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess};

use super::{Deserializer, Options};
use crate::{Entry, Error, Value};

/// Entries under the names by which the type knows them.
pub(super) struct Fields<'a, 'de> {
    rest: std::vec::IntoIter<(&'a str, &'de Entry)>,
    current: Option<(&'a str, &'de Entry)>,
    options: Options,
}

impl<'a, 'de> Fields<'a, 'de> {
    pub(super) fn new(entries: Vec<(&'a str, &'de Entry)>, options: Options) -> Self {
        Self {
            rest: entries.into_iter(),
            current: None,
            options,
        }
    }

    /// Adds the position of the key at which a visitor gave up, where nothing more exact is known.
    pub(super) fn locate(&self, error: Error) -> Error {
        match self.current {
            Some((_, entry)) => error.at(entry.key_span),
            None => error,
        }
    }
}

impl<'de> MapAccess<'de> for Fields<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.current = self.rest.next();
        let Some((name, _)) = self.current else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((name, entry)) = self.current.take() else {
            return Err(serde::de::Error::custom(
                "a value was asked for before its key",
            ));
        };
        let deserializer = Deserializer {
            value: &entry.value,
            options: self.options,
        };
        seed.deserialize(deserializer)
            .map_err(|error| error.at(entry.value.span).in_key(name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The items of a list.
pub(super) struct Items<'de> {
    rest: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
    options: Options,
}

impl<'de> Items<'de> {
    pub(super) fn new(items: &'de [Value], options: Options) -> Self {
        Self {
            rest: items.iter().enumerate(),
            options,
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some((index, value)) = self.rest.next() else {
            return Ok(None);
        };
        let deserializer = Deserializer {
            value,
            options: self.options,
        };
        seed.deserialize(deserializer)
            .map(Some)
            .map_err(|error| error.at(value.span).in_index(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}
