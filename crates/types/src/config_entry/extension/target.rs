//! Whom an extension asks.

use super::ext_authz::HeaderPair;
use super::reader::Reader;
use crate::GoDuration;
use crate::config_entry::invalid::Reason;

/// Whom an extension asks, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it is.
    pub address: TargetAddress,
    /// How long an answer may take.
    pub timeout: Option<GoDuration>,
}

/// Where the one is that an extension asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetAddress {
    /// An upstream of the proxy, by the name of its service.
    Service(String),
    /// A port of the proxy's own host.
    Local {
        /// `localhost`, `127.0.0.1` or `::1`.
        host: String,
        /// The port.
        port: u16,
    },
}

/// A gRPC service that an extension asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcService {
    /// Whom.
    pub target: Target,
    /// The `:authority` of the question.
    pub authority: String,
    /// Headers of the question.
    pub initial_metadata: Vec<HeaderPair>,
}

impl GrpcService {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        Self {
            target: Target::read(reader),
            authority: reader.text("Authority"),
            initial_metadata: reader.objects("InitialMetadata", HeaderPair::read),
        }
    }
}

impl Target {
    /// The `Target` field of an object, which must be there.
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        if reader.value("Target").is_none() {
            reader.add("Target", Reason::Required);
            return Self {
                address: TargetAddress::Service(String::new()),
                timeout: None,
            };
        }
        reader.within("Target", |target| {
            let uri = target.text("URI");
            let service = target.object("Service", |service| service.text("Name"));
            let service = service.filter(|name| !name.is_empty());
            let both = service.is_some() && !uri.is_empty();
            let none = service.is_none() && uri.is_empty();
            target.add_if(both || none, "", Reason::ExactlyOne("Service and URI"));
            let address = match service {
                Some(service) => TargetAddress::Service(service),
                None => local(target, &uri),
            };
            Self {
                address,
                timeout: target.duration("Timeout"),
            }
        })
    }
}

/// A host of one's own and a port, behind a scheme that is not looked at.
fn local(target: &mut Reader<'_, '_>, uri: &str) -> TargetAddress {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let parsed = rest
        .rsplit_once(':')
        .and_then(|(host, port)| port.parse().ok().map(|port| (host, port)));
    let Some((host, port)) = parsed else {
        if !uri.is_empty() {
            let expected = "a host and a port, such as \"127.0.0.1:9191\"";
            target.add(
                "URI",
                Reason::Malformed {
                    value: uri.to_owned(),
                    expected,
                },
            );
        }
        return TargetAddress::Service(String::new());
    };
    let host = if host.is_empty() { "localhost" } else { host };
    target.one_of("URI", host, &["localhost", "127.0.0.1", "::1"]);
    TargetAddress::Local {
        host: host.to_owned(),
        port,
    }
}
