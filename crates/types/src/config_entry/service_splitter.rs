//! `service-splitter`: how the traffic to a service is shared out.

use serde::{Deserialize, Serialize};

use super::header_modifiers::HeaderModifiers;
use super::invalid::{Invalid, Problems, Reason};
use super::weight::Weight;
use super::{Ignored, checks};
use crate::{Meta, ServiceName};

/// A `service-splitter` entry as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawServiceSplitter {
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
    /// The shares, at least one, which together are 100 %.
    pub splits: Vec<Split>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A share of the traffic, and where it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Split {
    /// The share.
    pub weight: Weight,
    /// The service; the splitter's own where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// A subset of its instances, which is not split any further; as its resolver says where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_subset: String,
    /// Taken and without meaning: there is one namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Taken and without meaning: there is one partition.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
    /// What is done to the headers of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<HeaderModifiers>,
    /// What is done to the headers of responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_headers: Option<HeaderModifiers>,
}

/// A checked `service-splitter` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSplitter(RawServiceSplitter);

// === impl ServiceSplitter ===

impl ServiceSplitter {
    /// Its fields, normalised.
    #[must_use]
    pub const fn raw(&self) -> &RawServiceSplitter {
        &self.0
    }

    /// The service that it is about.
    #[must_use]
    pub fn service(&self) -> ServiceName {
        ServiceName::new(self.0.name.as_str())
    }

    /// The other services that traffic goes to.
    pub fn related(&self) -> impl Iterator<Item = ServiceName> {
        let own = self.service();
        self.0
            .splits
            .iter()
            .filter(|split| !split.service.is_empty())
            .map(|split| ServiceName::new(split.service.as_str()))
            .filter(move |service| *service != own)
    }
}

impl TryFrom<RawServiceSplitter> for ServiceSplitter {
    type Error = Invalid;

    fn try_from(raw: RawServiceSplitter) -> Result<Self, Invalid> {
        let mut problems = Problems::default();
        checks::name(&mut problems, "Name", &raw.name);
        checks::meta(&mut problems, "Meta", &raw.meta);
        for (i, split) in raw.splits.iter().enumerate() {
            let twice = raw.splits[..i]
                .iter()
                .any(|before| before.is_same_destination(split, &raw.name));
            let service = split.service_or(&raw.name);
            let what = match split.service_subset.as_str() {
                "" => service.to_owned(),
                subset => format!("{subset} of {service}"),
            };
            problems.add_if(twice, &format!("Splits[{i}]"), Reason::Duplicate(what));
        }
        let weights = raw.splits.iter().map(|split| split.weight.hundredths());
        let sum = weights.map(i64::from).sum();
        if raw.splits.is_empty() {
            problems.add("Splits", Reason::Required);
        } else if sum != i64::from(Weight::ALL.hundredths()) {
            problems.add("Splits", Reason::WrongSum(sum));
        }
        problems.finish()?;
        Ok(Self(raw))
    }
}

// === impl Split ===

impl Split {
    /// The service that it names, or the splitter's own.
    #[must_use]
    pub fn service_or<'a>(&'a self, own: &'a str) -> &'a str {
        if self.service.is_empty() {
            own
        } else {
            &self.service
        }
    }

    /// Whether both send traffic to one place in one way. Splits that change headers are never the same, as in
    /// Consul.
    fn is_same_destination(&self, other: &Self, own: &str) -> bool {
        let plain =
            |split: &Self| split.request_headers.is_none() && split.response_headers.is_none();
        let place = |split: &Self| {
            (
                split.service_subset.clone(),
                split.namespace.clone(),
                split.partition.clone(),
            )
        };
        plain(self)
            && plain(other)
            && self.service_or(own) == other.service_or(own)
            && place(self) == place(other)
    }
}
