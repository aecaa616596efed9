//! `terminating-gateway`: services outside the mesh that are reached through a gateway.

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, Problems, Reason};
use super::{Ignored, checks};
use crate::{Meta, ServiceName, is_default};

/// A `terminating-gateway` entry as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawTerminatingGateway {
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
    /// Service name of the gateway.
    pub name: String,
    /// What it leads to. Absent and empty print differently.
    pub services: Option<Vec<LinkedService>>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A service that a terminating gateway leads to, and how the gateway speaks to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LinkedService {
    /// The service, or `*` for every one.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// File on the gateway with the authorities that the service's certificate must be of.
    #[serde(rename = "CAFile", skip_serializing_if = "String::is_empty")]
    pub ca_file: String,
    /// File on the gateway with its certificate towards the service.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_file: String,
    /// File on the gateway with the key of that certificate.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key_file: String,
    /// Name that the gateway asks for in its TLS handshake.
    #[serde(rename = "SNI", skip_serializing_if = "String::is_empty")]
    pub sni: String,
    /// Whether requests keep the host that they came with.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_auto_host_rewrite: bool,
}

/// A checked `terminating-gateway` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminatingGateway(RawTerminatingGateway);

impl TerminatingGateway {
    /// Its fields.
    #[must_use]
    pub const fn raw(&self) -> &RawTerminatingGateway {
        &self.0
    }

    /// Service name of the gateway.
    #[must_use]
    pub fn gateway(&self) -> ServiceName {
        ServiceName::new(self.0.name.as_str())
    }

    /// What it leads to.
    pub fn services(&self) -> impl Iterator<Item = &LinkedService> {
        self.0.services.iter().flatten()
    }
}

impl TryFrom<RawTerminatingGateway> for TerminatingGateway {
    type Error = Invalid;

    fn try_from(raw: RawTerminatingGateway) -> Result<Self, Invalid> {
        let mut problems = Problems::default();
        checks::name(&mut problems, "Name", &raw.name);
        checks::meta(&mut problems, "Meta", &raw.meta);
        let mut seen = std::collections::BTreeSet::new();
        for (i, service) in raw.services.iter().flatten().enumerate() {
            let at = format!("Services[{i}]");
            checks::name(&mut problems, &format!("{at}.Name"), &service.name);
            if !seen.insert(service.name.as_str()) {
                let twice = Reason::Duplicate(service.name.clone());
                problems.add(format!("{at}.Name"), twice);
            }
            service.check(&mut problems, &at);
        }
        problems.finish()?;
        Ok(Self(raw))
    }
}

impl LinkedService {
    /// A client certificate needs its key, and authorities to trust.
    fn check(&self, problems: &mut Problems, at: &str) {
        if self.cert_file.is_empty() && self.key_file.is_empty() {
            return;
        }
        for (field, file) in [
            ("CAFile", &self.ca_file),
            ("CertFile", &self.cert_file),
            ("KeyFile", &self.key_file),
        ] {
            let missing = Reason::RequiredBy("a CertFile or KeyFile");
            problems.add_if(file.is_empty(), &format!("{at}.{field}"), missing);
        }
    }
}
