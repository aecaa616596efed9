//! `service-resolver`: which instances a service's name stands for.

mod check;
mod load_balancer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use load_balancer::{HashCookie, HashPolicy, LeastRequest, LoadBalancer, RingHash};

use super::invalid::Invalid;
use super::{FailoverPolicy, Ignored, PrioritizeByLocality};
use crate::names::WILDCARD;
use crate::{GoDuration, Meta, PeerName, ServiceName, is_default};

/// A `service-resolver` entry as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawServiceResolver {
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
    /// The service.
    pub name: String,
    /// The subset that is meant where nobody names one; all instances where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub default_subset: String,
    /// Named parts of the instances.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub subsets: BTreeMap<String, Subset>,
    /// Another service that is meant instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// What stands in while no instance is healthy, by subset; `*` for every other one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failover: BTreeMap<String, Failover>,
    /// Refused unless it says nothing: a Consul Enterprise feature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prioritize_by_locality: Option<PrioritizeByLocality>,
    /// Time to establish a connection; not set where zero.
    #[serde(skip_serializing_if = "GoDuration::is_zero")]
    pub connect_timeout: GoDuration,
    /// Time that a whole request may take; not set where zero.
    #[serde(skip_serializing_if = "GoDuration::is_zero")]
    pub request_timeout: GoDuration,
    /// How requests are spread over the instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A named part of a service's instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Subset {
    /// A filter expression over the rows of the health API; every instance where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// Whether instances with a warning are left out.
    #[serde(skip_serializing_if = "is_default")]
    pub only_passing: bool,
}

/// Another service that is meant instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Redirect {
    /// The service; the resolver's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// A subset of its instances; as its own resolver says where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_subset: String,
    /// Refused: a Consul Enterprise feature.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Refused: a Consul Enterprise feature.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
    /// The datacenter; the one that is asked from where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub datacenter: String,
    /// The peer that exports it; none where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub peer: String,
    /// Refused: a Consul Enterprise feature.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sameness_group: String,
}

/// What stands in while no instance is healthy: targets, or a service in this or in other datacenters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Failover {
    /// The service; the resolver's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// A subset of its instances.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_subset: String,
    /// Refused: a Consul Enterprise feature.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Datacenters in the order of preference; only this one where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub datacenters: Vec<String>,
    /// Stand-ins in the order of preference, in place of all of the above.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<FailoverTarget>,
    /// How they are ordered. One that is there and says nothing hides that of the proxy defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<FailoverPolicy>,
    /// Refused: a Consul Enterprise feature.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sameness_group: String,
}

/// One that stands in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct FailoverTarget {
    /// The service; the resolver's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// A subset of its instances.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_subset: String,
    /// Refused: a Consul Enterprise feature.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
    /// Refused: a Consul Enterprise feature.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The datacenter; this one where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub datacenter: String,
    /// The peer that exports it; none where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub peer: String,
}

/// A checked `service-resolver` entry. Its filters are expressions to the eye only: whether they can be read is
/// checked with the other entries, by who knows the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceResolver(RawServiceResolver);

// === impl ServiceResolver ===

impl ServiceResolver {
    /// Its fields, normalised.
    #[must_use]
    pub const fn raw(&self) -> &RawServiceResolver {
        &self.0
    }

    /// The service that it is about.
    #[must_use]
    pub fn service(&self) -> ServiceName {
        ServiceName::new(self.0.name.as_str())
    }

    /// What stands in for a subset, or for all instances where its name is empty.
    #[must_use]
    pub fn failover(&self, subset: &str) -> Option<&Failover> {
        let failover = &self.0.failover;
        failover.get(subset).or_else(|| failover.get(WILDCARD))
    }

    /// Whether it says nothing that shapes a chain.
    #[must_use]
    pub fn is_default(&self) -> bool {
        let raw = &self.0;
        raw.default_subset.is_empty()
            && raw.subsets.is_empty()
            && raw.redirect.is_none()
            && raw.failover.is_empty()
            && raw.prioritize_by_locality.is_none()
            && raw.connect_timeout.is_zero()
            && raw.request_timeout.is_zero()
            && raw.load_balancer.is_none()
    }

    /// The other services of this cluster that may be meant.
    pub fn related(&self) -> impl Iterator<Item = ServiceName> {
        let own = self.service();
        let redirect = self.0.redirect.iter();
        let redirect = redirect
            .filter(|redirect| redirect.peer.is_empty())
            .map(|redirect| &redirect.service);
        let failover = self.0.failover.values().flat_map(|failover| {
            let targets = failover.targets.iter();
            let targets = targets
                .filter(|target| target.peer.is_empty())
                .map(|target| &target.service);
            std::iter::once(&failover.service).chain(targets)
        });
        redirect
            .chain(failover)
            .filter(|service| !service.is_empty())
            .map(|service| ServiceName::new(service.as_str()))
            .filter(move |service| *service != own)
    }

    /// The peers that are asked to stand in, or are meant instead.
    pub fn peers(&self) -> impl Iterator<Item = PeerName> {
        let redirect = self.0.redirect.iter().map(|redirect| &redirect.peer);
        let targets = self
            .0
            .failover
            .values()
            .flat_map(|failover| failover.targets.iter().map(|target| &target.peer));
        redirect
            .chain(targets)
            .filter(|peer| !peer.is_empty())
            .map(|peer| PeerName::from(peer.as_str()))
    }
}

impl TryFrom<RawServiceResolver> for ServiceResolver {
    type Error = Invalid;

    fn try_from(raw: RawServiceResolver) -> Result<Self, Invalid> {
        check::check(&raw)?;
        Ok(Self(raw))
    }
}
