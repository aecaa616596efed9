//! Why there is no chain.

use tribune_chain::CompileError;
use tribune_proto::rpc::v1::{self as proto, chain_error as message};

use crate::convert::names::{service, service_message};
use crate::convert::{Malformed, present};

/// What a service outside the mesh cannot have. A newer version may name something else.
const EXTERNAL: [&str; 3] = ["redirects", "subsets", "failover"];

pub(super) fn error_message(error: &CompileError) -> proto::ChainError {
    use message::Error as Message;
    let unit = proto::Unit {};
    let error = match error {
        CompileError::NoService => Message::NoService(unit),
        CompileError::NoTrustDomain => Message::NoTrustDomain(unit),
        CompileError::Denied => Message::Denied(unit),
        CompileError::MixedProtocols {
            chain,
            service,
            protocol,
            expected,
        } => Message::MixedProtocols(message::MixedProtocols {
            chain: Some(service_message(chain)),
            service: Some(service_message(service)),
            protocol: protocol.clone(),
            expected: expected.clone(),
        }),
        CompileError::NeedsHttp { chain, protocol } => Message::NeedsHttp(message::NeedsHttp {
            chain: Some(service_message(chain)),
            protocol: protocol.clone(),
        }),
        CompileError::UnknownSubset { service, subset } => {
            Message::UnknownSubset(message::UnknownSubset {
                service: Some(service_message(service)),
                subset: subset.clone(),
            })
        }
        CompileError::External { service, what } => Message::External(message::External {
            service: Some(service_message(service)),
            what: (*what).to_owned(),
        }),
        CompileError::CircularRedirect(names) => Message::CircularRedirect(message::Circle {
            names: names.clone(),
        }),
        CompileError::CircularReference(names) => Message::CircularReference(message::Circle {
            names: names.clone(),
        }),
        CompileError::TooDeep(service) => Message::TooDeep(service_message(service)),
        CompileError::TooManySplits(service) => Message::TooManySplits(service_message(service)),
    };
    proto::ChainError { error: Some(error) }
}

pub(super) fn error(sent: proto::ChainError) -> Result<CompileError, Malformed> {
    use message::Error as Message;
    let name = |name| service("chain.error", name);
    Ok(match present("chain.error", sent.error)? {
        Message::NoService(proto::Unit {}) => CompileError::NoService,
        Message::NoTrustDomain(proto::Unit {}) => CompileError::NoTrustDomain,
        Message::Denied(proto::Unit {}) => CompileError::Denied,
        Message::MixedProtocols(sent) => CompileError::MixedProtocols {
            chain: name(sent.chain)?,
            service: name(sent.service)?,
            protocol: sent.protocol,
            expected: sent.expected,
        },
        Message::NeedsHttp(sent) => CompileError::NeedsHttp {
            chain: name(sent.chain)?,
            protocol: sent.protocol,
        },
        Message::UnknownSubset(sent) => CompileError::UnknownSubset {
            service: name(sent.service)?,
            subset: sent.subset,
        },
        Message::External(sent) => CompileError::External {
            service: name(sent.service)?,
            what: EXTERNAL
                .into_iter()
                .find(|known| *known == sent.what)
                .unwrap_or("what it does"),
        },
        Message::CircularRedirect(sent) => CompileError::CircularRedirect(sent.names),
        Message::CircularReference(sent) => CompileError::CircularReference(sent.names),
        Message::TooDeep(service) => CompileError::TooDeep(name(Some(service))?),
        Message::TooManySplits(service) => CompileError::TooManySplits(name(Some(service))?),
    })
}
