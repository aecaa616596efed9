//! What each method asks of its caller.

use std::fmt;

use tribune_proto::rpc::v1::servers_server::SERVICE_NAME;

use crate::{Identity, Limits};

/// Most bytes of a message that holds a few names or a certificate signing request.
const SMALL: usize = 64 << 10;
/// Most bytes of a message that holds a piece of a snapshot.
const CHUNK: usize = 1 << 20;
/// Most bytes of what an agent reports of its proxies.
const REPORT: usize = 8 << 20;

/// A method of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Call,
    Watch,
    Raft,
    Sign,
    AutoEncrypt,
    Report,
    ProxyReports,
    SnapshotSave,
    SnapshotRestore,
}

/// Whom a method takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Anybody, with or without a certificate.
    Anybody,
    /// Whoever has a certificate of an agent or of a server; anybody where none are asked for
    /// (`verify_incoming`).
    Member,
    /// A server.
    Server,
}

/// Why a method was not taken from a caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} is for {needs}, and the caller {caller}")]
pub(crate) struct NotAllowed {
    method: Method,
    needs: Needs,
    caller: String,
}

// === impl Method ===

impl Method {
    const ALL: [Self; 9] = [
        Self::Call,
        Self::Watch,
        Self::Raft,
        Self::Sign,
        Self::AutoEncrypt,
        Self::Report,
        Self::ProxyReports,
        Self::SnapshotSave,
        Self::SnapshotRestore,
    ];

    /// The method that a request's path names.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let name = path.strip_prefix('/')?.strip_prefix(SERVICE_NAME)?;
        let name = name.strip_prefix('/')?;
        Self::ALL
            .into_iter()
            .find(|method| method.to_string() == name)
    }

    /// Most bytes of one message of a request.
    pub(crate) const fn message_limit(self, limits: &Limits) -> usize {
        match self {
            Self::Call => limits.request,
            Self::Raft => limits.raft,
            Self::Report => REPORT,
            Self::SnapshotRestore => CHUNK,
            Self::Watch
            | Self::Sign
            | Self::AutoEncrypt
            | Self::ProxyReports
            | Self::SnapshotSave => SMALL,
        }
    }

    /// Whom it takes.
    pub(crate) const fn needs(self) -> Needs {
        match self {
            Self::AutoEncrypt => Needs::Anybody,
            Self::Call
            | Self::Watch
            | Self::Sign
            | Self::Report
            | Self::ProxyReports
            | Self::SnapshotSave
            | Self::SnapshotRestore => Needs::Member,
            Self::Raft => Needs::Server,
        }
    }

    /// Refuses callers that it does not take.
    pub(crate) fn allow(
        self,
        identity: &Identity,
        verify_incoming: bool,
    ) -> Result<(), NotAllowed> {
        let allowed = match (self.needs(), identity) {
            (_, Identity::Plaintext)
            | (Needs::Anybody, _)
            | (Needs::Member, Identity::Agent { .. })
            | (_, Identity::Server { .. }) => true,
            (Needs::Member, Identity::Nobody) => !verify_incoming,
            (Needs::Server, Identity::Nobody | Identity::Agent { .. }) => false,
        };
        if allowed {
            return Ok(());
        }
        Err(NotAllowed {
            method: self,
            needs: self.needs(),
            caller: identity.to_string(),
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anybody => "anybody",
            Self::Member => "holders of a certificate of an agent or a server",
            Self::Server => "holders of a server's certificate",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> Identity {
        Identity::Agent {
            names: vec!["client.dc1.consul".into()],
            node: None,
        }
    }

    fn allowed(identity: &Identity, verify_incoming: bool) -> Vec<Method> {
        let mut methods = Method::ALL.to_vec();
        methods.retain(|method| method.allow(identity, verify_incoming).is_ok());
        methods
    }

    #[test]
    fn every_method_is_known_by_its_path() {
        for method in Method::ALL {
            let path = format!("/tribune.rpc.v1.Servers/{method}");
            assert_eq!(Method::of_path(&path), Some(method));
        }
        for path in ["", "/", "/Call", "/tribune.rpc.v1.Servers/Nothing", "Call"] {
            assert_eq!(Method::of_path(path), None);
        }
    }

    #[test]
    fn who_has_no_certificate_can_ask_for_one_and_nothing_else() {
        assert_eq!(
            allowed(&Identity::Nobody, true),
            [Method::AutoEncrypt],
            "where certificates are asked for"
        );
        assert!(!allowed(&Identity::Nobody, false).contains(&Method::Raft));
    }

    #[test]
    fn an_agent_is_no_server() {
        let methods = allowed(&agent(), true);
        assert_eq!(methods.len(), Method::ALL.len() - 1);
        let refused = Method::Raft.allow(&agent(), false).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Raft is for holders of a server's certificate, and the caller has the certificate of an agent (client.dc1.consul)"
        );
    }

    #[test]
    fn a_server_and_a_cluster_without_tls_can_do_everything() {
        let server = Identity::Server {
            names: vec!["server.dc1.consul".into()],
        };
        for identity in [server, Identity::Plaintext] {
            assert_eq!(allowed(&identity, true), Method::ALL);
        }
    }
}
