//! Names. One of the default partition and namespace, and of this cluster, is its bare text.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tribune_types::config_entry;
use tribune_types::{
    InstanceName, Name, NodeName, PeerName, PeeredServiceName, ServiceKind, ServiceName, Tenancy,
};

use super::form::{Form, declared, is_default};
use crate::tables::NameKind;

/// A name with where it is valid.
#[derive(Serialize, Deserialize)]
struct Qualified {
    name: Name,
    #[serde(default, skip_serializing_if = "is_default")]
    partition: Name,
    #[serde(default, skip_serializing_if = "is_default")]
    namespace: Name,
    #[serde(default, skip_serializing_if = "is_default")]
    peer: PeerName,
}

impl Qualified {
    fn new(name: &Name, tenancy: &Tenancy, peer: &PeerName) -> Self {
        let part = |text: &str| {
            if tenancy.is_default() {
                Name::default()
            } else {
                text.into()
            }
        };
        Self {
            name: name.clone(),
            partition: part(tenancy.partition()),
            namespace: part(tenancy.namespace()),
            peer: peer.clone(),
        }
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.partition.is_empty() && self.namespace.is_empty() && self.peer.is_empty() {
            return self.name.serialize(serializer);
        }
        self.serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }

    fn tenancy(&self) -> Tenancy {
        Tenancy::new(&self.partition, &self.namespace)
    }
}

struct Visitor;

impl<'de> serde::de::Visitor<'de> for Visitor {
    type Value = Qualified;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name, or a map of its parts")
    }

    fn visit_str<E>(self, name: &str) -> Result<Qualified, E> {
        Ok(Qualified {
            name: name.into(),
            partition: Name::default(),
            namespace: Name::default(),
            peer: PeerName::default(),
        })
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Qualified, A::Error> {
        Qualified::deserialize(serde::de::value::MapAccessDeserializer::new(map))
    }
}

impl Form for ServiceName {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Qualified::new(&self.name, &self.tenancy, &PeerName::default()).write(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Qualified::read(deserializer)?;
        if !name.peer.is_empty() {
            return Err(D::Error::custom("the name of a service here has no peer"));
        }
        Ok(Self {
            tenancy: name.tenancy(),
            name: name.name,
        })
    }
}

impl Form for PeeredServiceName {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let service = &self.service;
        Qualified::new(&service.name, &service.tenancy, &self.peer).write(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Qualified::read(deserializer)?;
        Ok(Self {
            service: ServiceName {
                tenancy: name.tenancy(),
                name: name.name,
            },
            peer: name.peer,
        })
    }
}

impl Form for NodeName {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Qualified::new(&self.name, &self.tenancy, &self.peer).write(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Qualified::read(deserializer)?;
        Ok(Self {
            tenancy: name.tenancy(),
            name: name.name,
            peer: name.peer,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "InstanceName")]
struct InstanceNameForm {
    #[serde(with = "super::form")]
    node: NodeName,
    id: Name,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "NameKind", rename_all = "snake_case")]
enum NameKindForm {
    Instance(ServiceKind),
    ConnectEnabled,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "config_entry::Key")]
struct EntryKeyForm {
    #[serde(with = "super::form")]
    kind: config_entry::Kind,
    #[serde(with = "super::form")]
    name: ServiceName,
}

declared! {
    InstanceName: InstanceNameForm,
    NameKind: NameKindForm,
    config_entry::Key: EntryKeyForm,
}

impl Form for config_entry::Kind {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kind = Name::deserialize(deserializer)?;
        Self::parse(&kind).map_err(D::Error::custom)
    }
}
