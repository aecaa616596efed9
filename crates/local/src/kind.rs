//! Where the results of a check come from, and what must hold of its definition.

use std::collections::BTreeMap;
use std::time::Duration;

use tribune_types::definition::CheckType;
use tribune_types::{GoDuration, Name, Status};

use crate::error::RegisterError;

/// Shortest time between two probes.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// How long a probe may take where nothing is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of output that are kept where nothing is said.
pub(crate) const OUTPUT: usize = 4096;

/// Where the results of a check come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// From the application, which must report before its time runs out.
    Ttl(Duration),
    /// From the health of another instance on this agent.
    Alias {
        /// The node that instance is on; this agent's where empty.
        node: Name,
        /// The instance; that node's own checks alone where empty.
        service: Name,
    },
    /// From a probe.
    Probe(Probe),
    /// From an operator: it is what takes something out of service.
    Maintenance,
}

/// What is probed, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is asked.
    pub target: ProbeTarget,
    /// Time between two probes.
    pub interval: Duration,
    /// Time that one probe may take.
    pub timeout: Duration,
    /// Bytes of output that are worth reading.
    pub output_limit: usize,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeTarget {
    /// A connection is taken: `host:port`.
    Tcp(String),
    /// A request is answered with a 2xx status.
    Http {
        /// The URL.
        url: String,
        /// The method.
        method: String,
        /// Headers.
        headers: BTreeMap<String, Vec<String>>,
        /// The body.
        body: String,
        /// Whether an answer that points elsewhere is followed.
        redirects: bool,
    },
    /// Something that is not probed yet; the word for it.
    Unsupported(&'static str),
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// What it makes of the check.
    pub status: Status,
    /// Words for people.
    pub output: String,
}

impl CheckKind {
    /// What a definition asks for. Scripts and what only the agent's own machine can tell are refused, so
    /// that nobody waits for a result that never comes.
    pub(crate) fn of(check: &CheckType, scripts: bool) -> Result<Self, RegisterError> {
        if !check.docker_container_id.is_empty() {
            return Err(RegisterError::UnsupportedCheck("Docker"));
        }
        if is_script(check) {
            return Err(if scripts {
                RegisterError::UnsupportedCheck("Script")
            } else {
                RegisterError::ScriptsDisabled
            });
        }
        if check.ttl > GoDuration::ZERO {
            return Ok(Self::Ttl(check.ttl.to_std()));
        }
        if let Some(target) = target(check) {
            let timeout = check.timeout;
            return Ok(Self::Probe(Probe {
                target,
                interval: check.interval.to_std().max(SHORTEST_INTERVAL),
                timeout: if timeout > GoDuration::ZERO {
                    timeout.to_std()
                } else {
                    DEFAULT_TIMEOUT
                },
                output_limit: output_limit(check),
            }));
        }
        if is_alias(check) {
            return Ok(Self::Alias {
                node: check.alias_node.as_str().into(),
                service: check.alias_service.as_str().into(),
            });
        }
        Err(RegisterError::UnsupportedCheck("OSService"))
    }
}

/// What is probed, where a probe is asked for that this agent knows.
fn target(check: &CheckType) -> Option<ProbeTarget> {
    let unsupported = [
        (&check.udp, "UDP"),
        (&check.grpc, "gRPC"),
        (&check.h2ping, "H2PING"),
    ];
    Some(if !check.http.is_empty() {
        let tls = check
            .http
            .get(..6)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        if tls {
            ProbeTarget::Unsupported("HTTPS")
        } else {
            let method = if check.method.is_empty() {
                "GET"
            } else {
                &check.method
            };
            ProbeTarget::Http {
                url: check.http.clone(),
                method: method.to_owned(),
                headers: check.header.clone(),
                body: check.body.clone(),
                redirects: !check.disable_redirects,
            }
        }
    } else if !check.tcp.is_empty() {
        if check.tcp_use_tls {
            ProbeTarget::Unsupported("TCP over TLS")
        } else {
            ProbeTarget::Tcp(check.tcp.clone())
        }
    } else {
        let (_, word) = unsupported.iter().find(|(target, _)| !target.is_empty())?;
        ProbeTarget::Unsupported(word)
    })
}

/// Bytes of output that are kept.
pub(crate) fn output_limit(check: &CheckType) -> usize {
    usize::try_from(check.output_max_size)
        .ok()
        .filter(|max| *max > 0)
        .unwrap_or(OUTPUT)
}

/// What is wrong with a check, in words.
pub(crate) fn problem(check: &CheckType) -> Option<String> {
    let interval = check.interval > GoDuration::ZERO;
    let ttl = check.ttl > GoDuration::ZERO;
    let alias = is_alias(check);
    let probed = [
        &check.http,
        &check.h2ping,
        &check.tcp,
        &check.udp,
        &check.grpc,
        &check.os_service,
    ];
    let probed = probed.iter().any(|target| !target.is_empty()) || is_script(check);
    let probed = probed || !check.docker_container_id.is_empty();
    let problem = if interval && ttl {
        "Interval and TTL cannot both be specified"
    } else if probed && !interval {
        "Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks"
    } else if probed && alias {
        "Interval cannot be set for Alias checks"
    } else if alias && ttl {
        "TTL must be not be set for Alias checks"
    } else if !probed && !alias && !ttl {
        "TTL must be > 0 for TTL checks"
    } else if check.output_max_size < 0 {
        "MaxOutputMaxSize must be positive"
    } else if check.failures_before_warning > check.failures_before_critical {
        "FailuresBeforeWarning can't be higher than FailuresBeforeCritical"
    } else {
        return None;
    };
    Some(problem.to_owned())
}

/// The word for a check's kind in its row; the first where it asks for several.
pub(crate) fn type_name(check: &CheckType) -> &'static str {
    let kinds = [
        (!check.grpc.is_empty(), "grpc"),
        (!check.http.is_empty(), "http"),
        (check.ttl > GoDuration::ZERO, "ttl"),
        (!check.tcp.is_empty(), "tcp"),
        (!check.udp.is_empty(), "udp"),
        (is_alias(check), "alias"),
        (!check.docker_container_id.is_empty(), "docker"),
        (is_script(check), "script"),
        (!check.h2ping.is_empty(), "h2ping"),
        (!check.os_service.is_empty(), "os_service"),
    ];
    kinds
        .into_iter()
        .find(|(is, _)| *is)
        .map_or("", |(_, name)| name)
}

const fn is_alias(check: &CheckType) -> bool {
    !check.alias_node.is_empty() || !check.alias_service.is_empty()
}

const fn is_script(check: &CheckType) -> bool {
    !check.script_args.is_empty() || !check.args.is_empty()
}
