//! Whose certificate it is.

use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tribune_types::spiffe::{self, SpiffeId};
use webpki::{EndEntityCert, KeyUsage};

use super::Settings;
use super::material::Material;
use crate::Identity;

/// Why a certificate is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// It is no certificate.
    #[error("the certificate cannot be read: {0}")]
    Unreadable(String),
    /// Nobody who is trusted signed it, or it is out of date.
    #[error("the certificate is not trusted: {0}")]
    Untrusted(String),
    /// It stands for something of the mesh.
    #[error("the certificate is that of {0}, and no agent or server may use it")]
    Mesh(String),
    /// It has a SPIFFE ID that means nothing.
    #[error("the certificate's SPIFFE ID is not one of an agent: {0}")]
    Spiffe(String),
    /// It was signed by the mesh, for an agent elsewhere or for nobody in particular.
    #[error("the certificate is signed by the mesh and names no agent of datacenter {0}")]
    Elsewhere(String),
    /// It does not carry the name of a server.
    #[error("the certificate is not valid for {expected}, the name of a server; it names {names}")]
    Name {
        /// The name of a server.
        expected: String,
        /// The names that it has.
        names: String,
    },
}

/// What a certificate says, whoever signed it.
pub(super) struct Names {
    dns: Vec<String>,
    /// The agent that its SPIFFE ID names, and its datacenter.
    agent: Option<(String, String)>,
}

/// Refuses certificates of services, gateways and authorities of the mesh.
pub(super) fn may_be_agent(certificate: &CertificateDer<'_>) -> Result<Names, Refused> {
    let parsed = EndEntityCert::try_from(certificate)
        .map_err(|error| Refused::Unreadable(error.to_string()))?;
    let mut agent = None;
    for uri in parsed.valid_uri_names() {
        if !uri.to_ascii_lowercase().starts_with("spiffe:") {
            continue;
        }
        let id: SpiffeId = uri
            .parse()
            .map_err(|error: spiffe::SpiffeError| Refused::Spiffe(error.to_string()))?;
        match id.identity {
            spiffe::Identity::Agent {
                datacenter, node, ..
            } => agent = Some((datacenter, node)),
            spiffe::Identity::Server { .. } => {}
            spiffe::Identity::Service { service, .. } => {
                return Err(Refused::Mesh(format!("service {service:?} of the mesh")));
            }
            spiffe::Identity::MeshGateway { datacenter, .. } => {
                return Err(Refused::Mesh(format!("mesh gateways of {datacenter:?}")));
            }
            spiffe::Identity::Signing => {
                return Err(Refused::Mesh("an authority of the mesh".to_owned()));
            }
        }
    }
    let dns = parsed.valid_dns_names().map(str::to_owned).collect();
    Ok(Names { dns, agent })
}

/// Whether a certificate carries a name.
pub(super) fn check_name(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
) -> Result<(), Refused> {
    let parsed = EndEntityCert::try_from(certificate)
        .map_err(|error| Refused::Unreadable(error.to_string()))?;
    parsed
        .verify_is_valid_for_subject_name(name)
        .map_err(|_| Refused::Name {
            expected: name.to_str().into_owned(),
            names: none_or(parsed.valid_dns_names().collect::<Vec<_>>().join(", ")),
        })
}

fn none_or(names: String) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names
    }
}

/// Whether the first of a chain is signed under one of the roots.
pub(super) fn check_chain(
    chain: &[CertificateDer<'_>],
    roots: &RootCertStore,
    now: UnixTime,
    usage: KeyUsage,
) -> Result<(), Refused> {
    let (leaf, intermediates) = chain
        .split_first()
        .ok_or_else(|| Refused::Unreadable("there is none".to_owned()))?;
    let parsed =
        EndEntityCert::try_from(leaf).map_err(|error| Refused::Unreadable(error.to_string()))?;
    let algorithms = ring::default_provider()
        .signature_verification_algorithms
        .all;
    parsed
        .verify_for_usage(
            algorithms,
            &roots.roots,
            intermediates,
            now,
            usage,
            None,
            None,
        )
        .map(|_| ())
        .map_err(|error| Refused::Untrusted(error.to_string()))
}

impl Material {
    /// Who a client is. A certificate that the operator's CA signed can be a server's; one that the mesh
    /// signed is never more than an agent's, whatever names it was able to get into it.
    pub(super) fn identify(
        &self,
        settings: &Settings,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Identity, Refused> {
        let Some(leaf) = chain.first() else {
            return Ok(Identity::Nobody);
        };
        let names = may_be_agent(leaf)?;
        let configured = check_chain(chain, &self.configured.store, now, KeyUsage::client_auth());
        match (configured, &self.connect) {
            (Ok(()), _) => Ok(of_operator(settings, leaf, names)),
            (Err(untrusted), None) => Err(untrusted),
            (Err(untrusted), Some(connect)) => {
                // the operator's CA is the one that most certificates are meant for
                check_chain(chain, &connect.store, now, KeyUsage::client_auth())
                    .map_err(|_| untrusted)?;
                of_mesh(settings, names)
            }
        }
    }
}

/// Whose certificate it is that the operator's CA signed. Where servers are not known by name, any that is
/// not an agent's for certain may be a server's.
fn of_operator(settings: &Settings, leaf: &CertificateDer<'_>, names: Names) -> Identity {
    let is_server = || {
        let name = ServerName::try_from(settings.server_name(&settings.datacenter));
        name.is_ok_and(|name| check_name(leaf, &name).is_ok())
    };
    if names.agent.is_none() && (!settings.verify_server_hostname || is_server()) {
        return Identity::Server { names: names.dns };
    }
    Identity::Agent {
        node: names.agent.map(|(_, node)| node),
        names: names.dns,
    }
}

fn of_mesh(settings: &Settings, names: Names) -> Result<Identity, Refused> {
    match names.agent {
        Some((datacenter, node)) if datacenter == settings.datacenter => Ok(Identity::Agent {
            names: vec![node.clone()],
            node: Some(node),
        }),
        _ => Err(Refused::Elsewhere(settings.datacenter.clone())),
    }
}
