//! What a request is answered from.

use tribune_acl::{Access, Authorizer, Permission};
use tribune_derived::{Key, Value};
use tribune_state::{Snapshot, WatchSet};
use tribune_types::call::CallError;

/// What is the same for every request to a cluster.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The datacenter.
    pub datacenter: String,
    /// Whether what no intention matches is allowed.
    pub default_allow: bool,
    /// Whether an operator said so for intentions alone, and it does not follow from access control.
    pub intention_policy: bool,
    /// Address and port of the leader; empty while there is none.
    pub leader: String,
    /// Addresses and ports of the servers.
    pub peers: Vec<String>,
}

/// What one request is answered from.
pub struct Context<'a> {
    /// The catalog, at one moment.
    pub snapshot: &'a Snapshot,
    /// What the caller may do.
    pub authorizer: &'a Authorizer,
    /// What is the same for every request.
    pub settings: &'a Settings,
    /// The time, for what is stamped with it.
    pub now: std::time::SystemTime,
    /// Chance, for what is named by it.
    pub random: u128,
    /// Computes a derived value from `snapshot`, recording what it read.
    pub derive: &'a dyn Fn(&Key, &mut WatchSet) -> Value,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Context<'_> {
    /// Whether the caller may do this.
    pub(crate) const fn allows(&self, permission: Permission<'_>) -> bool {
        self.authorizer.allows(permission)
    }

    /// Goes on only where the caller may do this.
    pub(crate) fn require(&self, permission: Permission<'_>) -> Result<(), CallError> {
        if self.allows(permission) {
            return Ok(());
        }
        Err(CallError::Denied(format!("the token lacks {permission}")))
    }

    /// Whether a service's rows may be seen.
    pub(crate) const fn sees_service(&self, service: &tribune_types::ServiceName) -> bool {
        self.allows(Permission::Service(service, Access::Read))
    }

    /// Whether a node's rows may be seen.
    pub(crate) const fn sees_node(&self, node: &tribune_types::NodeName) -> bool {
        self.allows(Permission::Node(node, Access::Read))
    }
}
