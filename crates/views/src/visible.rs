//! What of a value somebody may see.

use std::sync::Arc;

use tribune_acl::{Access, Authorizer, Permission};
use tribune_chain::CompileError;
use tribune_derived::{Endpoints, Intentions, Key, ServiceConfig, SubsetKey, Value};
use tribune_types::{PeeredServiceName, ServiceName};

/// The part of a key's value that may be seen: the same pointer where that is all of it. What may not be seen
/// is as if it were not there.
#[must_use]
pub fn visible(key: &Key, value: &Value, authorizer: &Authorizer) -> Value {
    if authorizer.sees_all() {
        return value.clone();
    }
    let reads =
        |service: &ServiceName| authorizer.allows(Permission::Service(service, Access::Read));
    match (key, value) {
        (_, Value::Proxy(Some(proxy))) => {
            let node = Permission::Node(&proxy.instance.node, Access::Read);
            let seen = reads(&proxy.service) && authorizer.allows(node);
            Value::Proxy(seen.then(|| Arc::clone(proxy)))
        }
        (
            Key::Endpoints(PeeredServiceName { service, .. })
            | Key::Subset(SubsetKey { service, .. }),
            Value::Endpoints(endpoints),
        ) => {
            let readable = reads(service);
            Value::Endpoints(seen_endpoints(endpoints, |node| {
                readable && authorizer.allows(Permission::Node(node, Access::Read))
            }))
        }
        (Key::ServiceConfig(service), Value::ServiceConfig(_)) if !reads(service) => {
            Value::ServiceConfig(Arc::new(ServiceConfig::default()))
        }
        (Key::Chain(chain), Value::Chain(_)) if !reads(&chain.service) => {
            Value::Chain(Err(Arc::new(CompileError::Denied)))
        }
        (Key::Intentions(destination), Value::Intentions(_))
            if !authorizer.allows(Permission::Intention(destination, Access::Read)) =>
        {
            // whoever can't see what is denied must not take it for allowed
            Value::Intentions(Arc::new(Intentions::default()))
        }
        // certificates and the settings of the mesh are for everybody
        _ => value.clone(),
    }
}

fn seen_endpoints(
    all: &Arc<Endpoints>,
    sees: impl Fn(&tribune_types::NodeName) -> bool,
) -> Arc<Endpoints> {
    let seen: Vec<_> = all
        .endpoints
        .iter()
        .filter(|endpoint| sees(&endpoint.instance.node))
        .collect();
    if seen.len() == all.endpoints.len() {
        return Arc::clone(all);
    }
    Arc::new(Endpoints {
        endpoints: seen.into_iter().cloned().collect(),
    })
}
