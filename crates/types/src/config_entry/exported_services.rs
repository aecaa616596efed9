//! `exported-services`: which services peers may reach.

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, Problems, Reason};
use super::{Ignored, checks};
use crate::names::WILDCARD;
use crate::{Meta, is_default};

/// The only name that an `exported-services` entry can have.
pub const EXPORTED_SERVICES_NAME: &str = "default";

/// An `exported-services` entry as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawExportedServices {
    /// Ignored: the kind is known before the fields are read.
    #[serde(skip_serializing)]
    pub kind: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub create_index: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub modify_index: Ignored,
    /// Ignored: computed from the rest.
    #[serde(skip_serializing)]
    pub hash: Ignored,
    /// `default`.
    pub name: String,
    /// The services and who may reach them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ExportedService>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A service and who may reach it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ExportedService {
    /// The service, or `*` for every one.
    pub name: String,
    /// Dropped: there is one namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Who may reach it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consumers: Vec<ServiceConsumer>,
}

/// Who may reach a service: at most one of the fields is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ServiceConsumer {
    /// A partition of this cluster, of which there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
    /// A peer.
    #[serde(skip_serializing_if = "is_default")]
    pub peer: String,
    /// The peer by an older name of the field; where both are there, `Peer` counts.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub peer_name: String,
    /// Refused: a Consul Enterprise feature.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sameness_group: String,
}

/// A checked `exported-services` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedServices(RawExportedServices);

impl ExportedServices {
    /// Its fields, normalised.
    #[must_use]
    pub const fn raw(&self) -> &RawExportedServices {
        &self.0
    }
}

impl TryFrom<RawExportedServices> for ExportedServices {
    type Error = Invalid;

    fn try_from(mut raw: RawExportedServices) -> Result<Self, Invalid> {
        let mut problems = Problems::default();
        problems.one_of("Name", &raw.name, &[EXPORTED_SERVICES_NAME]);
        checks::meta(&mut problems, "Meta", &raw.meta);
        for (i, service) in raw.services.iter_mut().enumerate() {
            let at = format!("Services[{i}]");
            checks::name(&mut problems, &format!("{at}.Name"), &service.name);
            problems.add_if(
                service.consumers.is_empty(),
                &format!("{at}.Consumers"),
                Reason::Required,
            );
            service.namespace.clear();
            for (j, consumer) in service.consumers.iter_mut().enumerate() {
                consumer.normalize();
                consumer.check(&mut problems, &format!("{at}.Consumers[{j}]"));
            }
        }
        problems.finish()?;
        Ok(Self(raw))
    }
}

impl ServiceConsumer {
    fn normalize(&mut self) {
        let older = std::mem::take(&mut self.peer_name);
        if self.peer.is_empty() {
            self.peer = older;
        }
    }

    fn check(&self, problems: &mut Problems, at: &str) {
        let set = [
            !self.partition.is_empty(),
            !self.peer.is_empty(),
            !self.sameness_group.is_empty(),
        ];
        let several = set.into_iter().filter(|set| *set).count() > 1;
        let one = Reason::Excludes("another of Peer, Partition and SamenessGroup");
        problems.add_if(several, at, one);
        let field = |name: &str| format!("{at}.{name}");
        problems.add_if(
            self.partition == WILDCARD,
            &field("Partition"),
            Reason::Wildcard,
        );
        problems.add_if(self.peer == WILDCARD, &field("Peer"), Reason::Wildcard);
        problems.add_if(
            !self.sameness_group.is_empty(),
            &field("SamenessGroup"),
            Reason::Enterprise,
        );
    }
}
