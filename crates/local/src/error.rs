//! Why an agent does not take a registration or a result.

use tribune_types::Name;

/// Why a service or a check is not registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// A service has no name.
    #[error("Missing service name")]
    MissingServiceName,
    /// A check has no name.
    #[error("Missing check name")]
    MissingCheckName,
    /// A service's address stands for any address.
    #[error(
        "Invalid service address: nobody can connect to {0:?}; leave it out to use the agent's own"
    )]
    AnyAddress(String),
    /// A service's weights are out of range.
    #[error("Invalid Weights: {0}")]
    Weights(String),
    /// A service's free-form pairs are not as they must be.
    #[error("Invalid Service Meta: {0}")]
    Meta(String),
    /// A service is not as it must be.
    #[error("Validation failed: {0}")]
    Service(String),
    /// A check is not as it must be.
    #[error("Invalid check: {0}")]
    Check(String),
    /// A check of a sidecar is not as it must be.
    #[error("Invalid check in sidecar_service: {0}")]
    SidecarCheck(String),
    /// A check starts with a status that does not exist.
    #[error("Status for checks must be 'passing', 'warning' or 'critical', not {0:?}")]
    Status(String),
    /// A sidecar is not as it must be.
    #[error("Invalid SidecarService: {0}")]
    Sidecar(String),
    /// A check is about a service that is not registered.
    #[error("ServiceID {0:?} does not exist")]
    NoSuchService(Name),
    /// A tagged address is of the wrong kind. The reference finds this late and blames itself (500).
    #[error("Service tagged address {name:?} must be a valid {kind} address")]
    TaggedAddress {
        /// Its name.
        name: String,
        /// What it must be: `ipv4` or `ipv6`.
        kind: &'static str,
    },
    /// Sidecars get no ports here (500 in the reference).
    #[error("no port provided for sidecar_service and auto-assignment disabled in config")]
    NoSidecarPorts,
    /// Every port for sidecars is taken (500 in the reference).
    #[error(
        "no port provided for sidecar_service and none left in the configured range [{0}, {1}]"
    )]
    SidecarPortsTaken(u16, u16),
    /// Checks of this kind are not run here (500 in the reference where it cannot run one).
    #[error("{0} checks are not supported yet; supported are HTTP, TCP, TTL and alias checks")]
    UnsupportedCheck(&'static str),
    /// Checks that run a command are switched off (500 in the reference).
    #[error(
        "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' or \
         'enable_local_script_checks' to true"
    )]
    ScriptsDisabled,
}

/// There is no such service here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Unknown service ID {0:?}. Ensure that the service ID is passed, not the service name.")]
pub struct UnknownService(pub Name);

/// There is no such check here, or none that can be updated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownCheck {
    /// There is no such check.
    #[error("Unknown check ID {0:?}. Ensure that the check ID is passed, not the check name.")]
    NoSuchCheck(Name),
    /// Its results come from a probe, not from the application.
    #[error("CheckID {0:?} does not have associated TTL")]
    NoTtl(Name),
}
