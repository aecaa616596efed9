//! Where the agent serves xDS.

use std::net::{SocketAddr, ToSocketAddrs};

use clap::ArgMatches;
use serde_json::Value as Json;
use tribune_bootstrap::AgentAddress;

use crate::Context;
use crate::context::Session;
use crate::failure::Failure;
use crate::flags;

/// Where the agent serves xDS where it does not say so itself.
const DEFAULT_PORT: u16 = 8502;

/// The agent, as Envoy reaches it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Agent {
    pub(super) address: AgentAddress,
    /// Whether the address asks for TLS.
    pub(super) tls: bool,
}

// === impl Agent ===

impl Agent {
    /// The address of `-grpc-addr` or `CONSUL_GRPC_ADDR`, else the one that the agent tells.
    pub(super) fn find(
        context: &mut Context<'_>,
        matches: &ArgMatches,
        session: &Session,
    ) -> Result<Self, Failure> {
        let given =
            flags::text_of(matches, "grpc-addr").or_else(|| context.variable("CONSUL_GRPC_ADDR"));
        let address = match given {
            Some(address) => address,
            None => {
                let myself = session
                    .wait(session.client.agent().myself())
                    .map_err(|failure| failure.while_doing("Error looking up xDS port"))?;
                if let Some(address) = advertised(&myself) {
                    address
                } else {
                    writeln!(
                        context.err,
                        "The agent does not say where it serves xDS: using localhost:{DEFAULT_PORT}"
                    )?;
                    format!("http://localhost:{DEFAULT_PORT}")
                }
            }
        };
        Self::parse(&address)
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        if let Some(path) = text.strip_prefix("unix://") {
            return Ok(Self {
                address: AgentAddress::Unix {
                    path: path.to_owned(),
                },
                tls: false,
            });
        }
        let (tls, host) = match text.strip_prefix("https://") {
            Some(host) => (true, host),
            None => (false, text.strip_prefix("http://").unwrap_or(text)),
        };
        let socket =
            resolve(host).map_err(|failure| failure.while_doing("Invalid gRPC address"))?;
        Ok(Self {
            address: AgentAddress::Tcp {
                address: socket.ip(),
                port: socket.port(),
            },
            tls,
        })
    }
}

/// The address in what an agent says of itself.
fn advertised(myself: &Json) -> Option<String> {
    let port = |name| {
        myself["xDS"]["Ports"][name]
            .as_i64()
            .filter(|port| *port > 0)
    };
    let tls = port("TLS").map(|port| format!("https://localhost:{port}"));
    tls.or_else(|| port("Plaintext").map(|port| format!("http://localhost:{port}")))
}

/// The socket address of `HOST:PORT`, the host resolved: Envoy's bootstrap takes IP addresses only.
pub(super) fn resolve(text: &str) -> Result<SocketAddr, Failure> {
    let resolved: Vec<SocketAddr> = text
        .to_socket_addrs()
        .map_err(|error| Failure::new(format!("{text:?}: {error}")))?
        .collect();
    let preferred = resolved
        .iter()
        .find(|address| address.is_ipv4())
        .or_else(|| resolved.first());
    preferred
        .copied()
        .ok_or_else(|| Failure::new(format!("{text:?} has no address")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_read_in_every_form() {
        let tcp = |address: &str, port| AgentAddress::Tcp {
            address: address.parse().unwrap(),
            port,
        };
        for (text, address, tls) in [
            ("127.0.0.1:8502", tcp("127.0.0.1", 8502), false),
            ("localhost:8502", tcp("127.0.0.1", 8502), false),
            ("http://127.0.0.2:1", tcp("127.0.0.2", 1), false),
            ("https://[::1]:8503", tcp("::1", 8503), true),
            (
                "unix:///run/agent.sock",
                AgentAddress::Unix {
                    path: "/run/agent.sock".to_owned(),
                },
                false,
            ),
        ] {
            assert_eq!(
                Agent::parse(text).unwrap(),
                Agent { address, tls },
                "{text}"
            );
        }
        for text in ["nonsense", "127.0.0.1", "127.0.0.1:port", "https://"] {
            assert!(Agent::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_agent_tells_its_tls_port_before_its_plain_one() {
        let agent = |plain: i64, tls: i64| {
            advertised(&json!({"xDS": {"Ports": {"Plaintext": plain, "TLS": tls}}}))
        };
        assert_eq!(agent(9997, 9998).as_deref(), Some("https://localhost:9998"));
        assert_eq!(agent(9997, -1).as_deref(), Some("http://localhost:9997"));
        assert_eq!(agent(0, -1), None);
        assert_eq!(advertised(&json!({})), None);
    }
}
