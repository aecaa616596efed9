//! Config entries: a map of the kind to the fields. They are checked again when they are read.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serializer};
use tribune_types::config_entry::{BoundApiGateway, Entry, Kind, Raw};

use super::form::{Form, Formed};

impl Form for Entry {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(&Formed(&self.kind()), self)?;
        map.end()
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfKind)
    }
}

struct OfKind;

impl<'de> Visitor<'de> for OfKind {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of a kind of config entry to its fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let kind = map.next_key::<Formed<Kind>>()?;
        let kind = kind
            .ok_or_else(|| A::Error::custom("the config entry has no kind"))?
            .0;
        let entry = map.next_value_seed(Fields(kind))?;
        if map.next_key::<Formed<Kind>>()?.is_some() {
            return Err(A::Error::custom("the config entry has two kinds"));
        }
        Ok(entry)
    }
}

struct Fields(Kind);

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = Entry;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Entry, D::Error> {
        // The one kind that has no other form: what nobody writes but the control plane.
        if self.0 == Kind::BoundApiGateway {
            return BoundApiGateway::deserialize(deserializer).map(Entry::BoundApiGateway);
        }
        Entry::stored(Raw::deserialize(self.0, deserializer)?).map_err(|invalid| {
            D::Error::custom(format!("config entry of kind {}: {invalid}", self.0))
        })
    }
}
