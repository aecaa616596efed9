//! What keys have where nobody has said anything about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tribune_chain::{CompileRequest, compile};

use crate::{Intentions, Key, Roots, Value};

/// What is the same for every key that nobody has set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unset {
    /// The datacenter that chains are compiled in where their key names none.
    pub datacenter: String,
    /// The certificates that the mesh trusts; nothing can be served while there are none.
    pub roots: Option<Arc<Roots>>,
    /// Whether traffic that no intention matches is allowed.
    pub default_allow: bool,
}

impl Unset {
    /// The value of a key without config entries, intentions or instances: no proxy, no endpoints, and the
    /// chain that leads to the service itself.
    #[must_use]
    pub fn value(&self, key: &Key) -> Value {
        match key {
            Key::Proxy(_) => Value::Proxy(None),
            Key::Endpoints(_) | Key::Subset(_) => Value::Endpoints(Arc::default()),
            Key::ServiceConfig(_) => Value::ServiceConfig(Arc::default()),
            Key::Chain(key) => {
                let trust_domain = self.roots.as_ref().map(|roots| roots.trust_domain.as_str());
                let request = CompileRequest {
                    service: &key.service,
                    datacenter: if key.datacenter.is_empty() {
                        &self.datacenter
                    } else {
                        &key.datacenter
                    },
                    trust_domain: trust_domain.unwrap_or_default(),
                    overrides: &key.overrides,
                    auto_virtual_ips: &[],
                    manual_virtual_ips: None,
                };
                let chain = compile(&request, &mut BTreeMap::new());
                Value::Chain(chain.map(Arc::new).map_err(Arc::new))
            }
            Key::Intentions(_) => {
                let default_allow = self.default_allow;
                Value::Intentions(Arc::new(Intentions {
                    intentions: Vec::new(),
                    default_allow,
                }))
            }
            Key::Roots => Value::Roots(self.roots.clone()),
            Key::Mesh => Value::Mesh(Arc::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tribune_types::ServiceName;

    use super::*;
    use crate::ChainKey;

    fn chain(datacenter: &str) -> Key {
        Key::Chain(ChainKey {
            service: ServiceName::new("api"),
            datacenter: datacenter.to_owned(),
            overrides: Default::default(),
        })
    }

    fn unset() -> Unset {
        let roots = Roots {
            trust_domain: "11111111-2222-3333-4444-555555555555.consul".to_owned(),
            active_root_id: "aa".to_owned(),
            bundle: "PEM\n".into(),
        };
        Unset {
            datacenter: "dc1".to_owned(),
            roots: Some(Arc::new(roots)),
            default_allow: true,
        }
    }

    #[test]
    fn a_chain_leads_to_the_service_in_the_datacenter_asked_for() {
        for (asked, datacenter) in [("", "dc1"), ("dc2", "dc2")] {
            let Value::Chain(Ok(chain)) = unset().value(&chain(asked)) else {
                panic!("a chain without entries compiles")
            };
            assert_eq!(
                (chain.datacenter.as_str(), chain.default),
                (datacenter, true)
            );
        }
    }

    #[test]
    fn without_roots_there_is_no_chain_and_no_trust() {
        let unset = Unset::default();
        assert!(matches!(unset.value(&chain("dc1")), Value::Chain(Err(_))));
        assert_eq!(unset.value(&Key::Roots), Value::Roots(None));
    }

    #[test]
    fn what_no_intention_matches_is_decided_by_the_default() {
        let key = Key::Intentions(ServiceName::new("api"));
        for (unset, expected) in [(unset(), true), (Unset::default(), false)] {
            let Value::Intentions(intentions) = unset.value(&key) else {
                panic!("the key of intentions has intentions")
            };
            assert_eq!(
                (intentions.default_allow, intentions.intentions.len()),
                (expected, 0)
            );
        }
    }
}
