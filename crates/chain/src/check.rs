//! Whether a write leaves the config entries in a state that makes sense together.

mod exported;
mod graph;
mod ingress;

use std::collections::BTreeSet;
use std::sync::Arc;

use tribune_types::ServiceName;
use tribune_types::config_entry::{
    Effect, Entry, JwtRequirement, Key, Kind, ServiceIntentions, is_http_like,
};

use crate::compile::CompileError;
use crate::entries::{Defaults, Entries, with_mesh};

const PERMISSIVE: &str = "permissive";

/// A write of a config entry that was not made yet.
#[derive(Clone, Debug)]
pub enum Proposal {
    /// Puts this entry where its key is.
    Put(Arc<Entry>),
    /// Takes away the entry that is there.
    Delete(Key),
}

/// Why a write is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Plain text may not be allowed beside mutual TLS.
    #[error(
        "cannot set MutualTLSMode=permissive because AllowEnablingPermissiveMutualTLS=false in the mesh config entry"
    )]
    PermissiveMutualTls,
    /// Requests to a service can't be looked into.
    #[error(
        "service \"{service}\" has protocol {protocol:?}, which is incompatible with L7 intentions permissions"
    )]
    PermissionsNeedHttp {
        /// The destination of the intention.
        service: ServiceName,
        /// What it speaks.
        protocol: String,
    },
    /// An intention relies on tokens of an issuer that nobody described.
    #[error("Referenced JWT Provider does not exist. Provider Name: {provider}")]
    NoJwtProvider {
        /// Name of the provider.
        provider: String,
    },
    /// An intention relies on the tokens of an issuer.
    #[error(
        "cannot delete jwt provider config entry referenced by an intention. Provider name: {provider}, intention name: {intention}"
    )]
    JwtProviderInUse {
        /// Name of the provider.
        provider: String,
        /// Destination of the intention.
        intention: ServiceName,
    },
    /// There is a gateway of another kind by that name.
    #[error(
        "cannot create a {kind} config entry with name \"{name}\", a {other} config entry with that name already exists"
    )]
    GatewayOfOtherKind {
        /// Kind of the entry.
        kind: Kind,
        /// Name of the gateway.
        name: ServiceName,
        /// Kind of the entry that exists.
        other: Kind,
    },
    /// A subset's filter can't be read.
    #[error(
        "Filter for subset {subset:?} of service \"{service}\" is not a valid expression: {error}"
    )]
    Filter {
        /// The service.
        service: ServiceName,
        /// The subset.
        subset: String,
        /// What is wrong with it.
        error: tribune_filter::Error,
    },
    /// A gateway's listener speaks another protocol than a service behind it.
    #[error(
        "service \"{service}\" has protocol {protocol:?}, which does not match defined listener protocol {listener:?} of ingress gateway \"{gateway}\""
    )]
    IngressProtocol {
        /// The gateway.
        gateway: ServiceName,
        /// The service behind it.
        service: ServiceName,
        /// What the service speaks.
        protocol: String,
        /// What the listener speaks.
        listener: String,
    },
    /// Peers would be sent to another place.
    #[error("peer exported service \"{service}\" contains {what}")]
    ExportedElsewhere {
        /// The service.
        service: ServiceName,
        /// What sends them there.
        what: &'static str,
    },
    /// Peers would be sent to somebody else.
    #[error(
        "peer exported service \"{service}\" uses protocol={protocol:?} and cannot introduce new discovery chain targets like {target:?}"
    )]
    ExportedTarget {
        /// The service.
        service: ServiceName,
        /// What it speaks.
        protocol: String,
        /// ID of the target.
        target: String,
    },
    /// The chain of a service would not compile any longer.
    #[error("service \"{service}\" would have no discovery chain: {error}")]
    Chain {
        /// The service.
        service: ServiceName,
        /// Why it would not compile.
        error: CompileError,
    },
}

/// Checks a write against the entries that are stored now.
///
/// # Errors
/// The first rule that the state after the write would break.
pub fn check(proposal: &Proposal, stored: &mut dyn Entries) -> Result<(), CheckError> {
    if let Proposal::Put(entry) = proposal {
        permissive_mutual_tls(entry, stored)?;
        graph::filters(entry)?;
    }
    let key = proposal.key();
    let mut proposed = Proposed::new(proposal, stored);
    match key.kind {
        Kind::Mesh
        | Kind::ApiGateway
        | Kind::BoundApiGateway
        | Kind::FileSystemCertificate
        | Kind::HttpRoute
        | Kind::InlineCertificate
        | Kind::SamenessGroup
        | Kind::TcpRoute => Ok(()),
        Kind::ServiceResolver | Kind::ServiceRouter | Kind::ServiceSplitter => {
            graph::chains(&key, &mut proposed)
        }
        Kind::ServiceIntentions => match proposal {
            Proposal::Put(entry) => intentions(entry, &mut proposed),
            Proposal::Delete(_) => Ok(()),
        },
        Kind::ServiceDefaults => {
            graph::chains(&key, &mut proposed)?;
            let about = proposed.entry(&Key::new(Kind::ServiceIntentions, key.name));
            about.map_or(Ok(()), |entry| intentions(&entry, &mut proposed))
        }
        Kind::ProxyDefaults => {
            graph::chains(&key, &mut proposed)?;
            let intentions_of_all = proposed.of_kind(Kind::ServiceIntentions);
            intentions_of_all
                .iter()
                .try_for_each(|entry| intentions(entry, &mut proposed))
        }
        Kind::JwtProvider => unused_provider(proposal, &mut proposed),
        Kind::ExportedServices => match proposal {
            Proposal::Put(_) => graph::exports(&mut proposed),
            Proposal::Delete(_) => Ok(()),
        },
        Kind::IngressGateway => {
            one_gateway_kind(proposal, Kind::TerminatingGateway, &mut proposed)?;
            match proposal {
                Proposal::Put(entry) => ingress::gateway(entry, &mut proposed),
                Proposal::Delete(_) => Ok(()),
            }
        }
        Kind::TerminatingGateway => one_gateway_kind(proposal, Kind::IngressGateway, &mut proposed),
    }
}

/// A provider can't go while an intention relies on it.
fn unused_provider(proposal: &Proposal, entries: &mut dyn Entries) -> Result<(), CheckError> {
    let Proposal::Delete(key) = proposal else {
        return Ok(());
    };
    let provider = key.name.name.as_str();
    for entry in entries.of_kind(Kind::ServiceIntentions) {
        if let Entry::ServiceIntentions(intentions) = &*entry
            && jwt_providers(intentions)
                .iter()
                .any(|used| used.eq_ignore_ascii_case(provider))
        {
            return Err(CheckError::JwtProviderInUse {
                provider: provider.to_owned(),
                intention: intentions.destination.clone(),
            });
        }
    }
    Ok(())
}

/// A gateway is of one kind, since its registration and its entry share a name.
fn one_gateway_kind(
    proposal: &Proposal,
    other: Kind,
    entries: &mut dyn Entries,
) -> Result<(), CheckError> {
    let Key { kind, name } = proposal.key();
    match (proposal, entries.entry(&Key::new(other, name.clone()))) {
        (Proposal::Put(_), Some(_)) => Err(CheckError::GatewayOfOtherKind { kind, name, other }),
        (Proposal::Put(_) | Proposal::Delete(_), _) => Ok(()),
    }
}

/// Plain text beside mutual TLS must be allowed by the mesh when it is turned on, not while it stays on.
fn permissive_mutual_tls(entry: &Entry, stored: &mut dyn Entries) -> Result<(), CheckError> {
    if mutual_tls_mode(entry) != PERMISSIVE {
        return Ok(());
    }
    if stored
        .entry(&entry.key())
        .is_some_and(|before| mutual_tls_mode(&before) == PERMISSIVE)
    {
        return Ok(());
    }
    match with_mesh(stored, |mesh| {
        mesh.raw().allow_enabling_permissive_mutual_tls
    }) {
        Some(true) => Ok(()),
        Some(false) | None => Err(CheckError::PermissiveMutualTls),
    }
}

fn mutual_tls_mode(entry: &Entry) -> &str {
    match entry {
        Entry::ServiceDefaults(entry) => &entry.raw().mutual_tls_mode,
        Entry::ProxyDefaults(entry) => &entry.raw().mutual_tls_mode,
        Entry::ServiceIntentions(_)
        | Entry::Mesh(_)
        | Entry::ServiceResolver(_)
        | Entry::ServiceRouter(_)
        | Entry::ServiceSplitter(_)
        | Entry::ApiGateway(_)
        | Entry::BoundApiGateway(_)
        | Entry::ExportedServices(_)
        | Entry::FileSystemCertificate(_)
        | Entry::HttpRoute(_)
        | Entry::IngressGateway(_)
        | Entry::InlineCertificate(_)
        | Entry::JwtProvider(_)
        | Entry::TcpRoute(_)
        | Entry::TerminatingGateway(_) => "",
    }
}

fn intentions(entry: &Entry, entries: &mut dyn Entries) -> Result<(), CheckError> {
    let Entry::ServiceIntentions(entry) = entry else {
        return Ok(());
    };
    for provider in jwt_providers(entry) {
        let key = Key::new(Kind::JwtProvider, ServiceName::new(provider));
        if entries.entry(&key).is_none() {
            return Err(CheckError::NoJwtProvider {
                provider: provider.to_owned(),
            });
        }
    }
    if !entry
        .sources
        .iter()
        .any(|source| matches!(source.effect, Effect::Permissions(_)))
    {
        return Ok(());
    }
    let protocol = Defaults::read(&entry.destination, entries).protocol();
    if is_http_like(&protocol) {
        return Ok(());
    }
    Err(CheckError::PermissionsNeedHttp {
        service: entry.destination.clone(),
        protocol,
    })
}

/// Names of the providers that an entry relies on.
fn jwt_providers(entry: &ServiceIntentions) -> BTreeSet<&str> {
    let permissions = entry
        .sources
        .iter()
        .filter_map(|source| match &source.effect {
            Effect::Permissions(permissions) => Some(permissions.iter()),
            Effect::Action(_) => None,
        });
    let requirements: Vec<&JwtRequirement> = permissions
        .flatten()
        .filter_map(|permission| permission.jwt.as_ref())
        .collect();
    let providers = entry
        .jwt
        .as_deref()
        .into_iter()
        .chain(requirements)
        .flat_map(|jwt| &jwt.providers);
    providers.map(|provider| provider.name.as_str()).collect()
}

impl Proposal {
    /// What names the entry.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Put(entry) => entry.key(),
            Self::Delete(key) => key.clone(),
        }
    }

    fn entry(&self) -> Option<&Arc<Entry>> {
        match self {
            Self::Put(entry) => Some(entry),
            Self::Delete(_) => None,
        }
    }
}

/// The entries as they would be after a write.
pub(crate) struct Proposed<'a> {
    proposal: &'a Proposal,
    key: Key,
    stored: &'a mut dyn Entries,
}

impl<'a> Proposed<'a> {
    pub(crate) fn new(proposal: &'a Proposal, stored: &'a mut dyn Entries) -> Self {
        Self {
            proposal,
            key: proposal.key(),
            stored,
        }
    }
}

impl Entries for Proposed<'_> {
    fn entry(&mut self, key: &Key) -> Option<Arc<Entry>> {
        if *key == self.key {
            self.proposal.entry().cloned()
        } else {
            self.stored.entry(key)
        }
    }

    fn of_kind(&mut self, kind: Kind) -> Vec<Arc<Entry>> {
        let mut entries = self.stored.of_kind(kind);
        entries.retain(|entry| entry.key() != self.key);
        entries.extend(
            self.proposal
                .entry()
                .filter(|entry| entry.kind() == kind)
                .cloned(),
        );
        entries
    }
}
