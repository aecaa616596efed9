//! Resources that many proxies share.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Weak};

use tribune_chain::Chain;
use tribune_derived::{Endpoints, Intentions, Mesh, Roots};

use crate::clusters::Parameters;
use crate::endpoints;
use crate::problem::Problem;
use crate::rbac::Enforcement;
use crate::resource::{Resource, ResourceType};
use crate::secrets;

/// What was made from shared values alone, for as long as somebody holds it.
///
/// An entry is found by the addresses of the values that it was made from. It keeps a weak pointer to each, so
/// that no other value can come to lie at that address while the entry is there.
#[derive(Debug, Default)]
pub struct Memo {
    assignments: Table<AssignmentKey, Weak<Endpoints>, Arc<[Problem]>>,
    clusters: Table<ClusterKey, OfChain, ()>,
    routes: Table<RoutesKey, OfChain, Arc<[Problem]>>,
    roots: Table<usize, Weak<Roots>, ()>,
    enforcements: Table<EnforcementKey, Weak<Intentions>, (), Enforcement>,
    /// Every resource, so that equal ones of different proxies are one.
    equal: Table<(ResourceType, u64, Arc<str>), (), ()>,
}

/// What is made of a chain and the mesh entry.
type OfChain = (Weak<Chain>, Weak<Mesh>);

/// Address of the endpoints, whether only passing ones count, and name of the cluster.
type AssignmentKey = (usize, bool, Arc<str>);

/// Addresses of the chain and of the mesh entry, and name of the routes.
type RoutesKey = (usize, usize, String);

/// Address of the intentions, whether requests are looked into, and the trust domain.
type EnforcementKey = (usize, bool, String);

#[derive(Debug, PartialEq, Eq, Hash)]
struct ClusterKey {
    chain: usize,
    mesh: usize,
    trust_domain: String,
    parameters: Parameters,
}

// === impl Memo ===

impl Memo {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The assignment of a cluster, and what of the endpoints is left out of it.
    pub(crate) fn assignment(
        &mut self,
        cluster: &Arc<str>,
        endpoints: &Arc<Endpoints>,
        only_passing: bool,
    ) -> (Arc<Resource>, Arc<[Problem]>) {
        let address = Arc::as_ptr(endpoints).addr();
        let key = (address, only_passing, Arc::clone(cluster));
        self.assignments.find_or_make(key, || {
            let (resource, problems) = endpoints::assignment(cluster, endpoints, only_passing);
            (resource, Arc::downgrade(endpoints), problems.into())
        })
    }

    /// The cluster of a chain with these parameters.
    pub(crate) fn cluster(
        &mut self,
        chain: &Arc<Chain>,
        mesh: &Arc<Mesh>,
        trust_domain: &str,
        parameters: Parameters,
        make: impl FnOnce() -> Resource,
    ) -> Arc<Resource> {
        let key = ClusterKey {
            chain: Arc::as_ptr(chain).addr(),
            mesh: Arc::as_ptr(mesh).addr(),
            trust_domain: trust_domain.to_owned(),
            parameters,
        };
        self.clusters
            .find_or_make(key, || {
                (make(), (Arc::downgrade(chain), Arc::downgrade(mesh)), ())
            })
            .0
    }

    /// The routes of a chain by this name, and what of them is left out.
    pub(crate) fn routes(
        &mut self,
        name: &str,
        chain: &Arc<Chain>,
        mesh: &Arc<Mesh>,
        make: impl FnOnce() -> (Resource, Vec<Problem>),
    ) -> (Arc<Resource>, Arc<[Problem]>) {
        let key = (
            Arc::as_ptr(chain).addr(),
            Arc::as_ptr(mesh).addr(),
            name.to_owned(),
        );
        self.routes.find_or_make(key, || {
            let (resource, problems) = make();
            let sources = (Arc::downgrade(chain), Arc::downgrade(mesh));
            (resource, sources, problems.into())
        })
    }

    /// The secret with the certificates that the mesh trusts.
    pub(crate) fn roots(&mut self, roots: &Arc<Roots>) -> Arc<Resource> {
        let key = Arc::as_ptr(roots).addr();
        self.roots
            .find_or_make(key, || (secrets::roots(roots), Arc::downgrade(roots), ()))
            .0
    }

    /// The filters that enforce these intentions, on requests where `http`.
    pub(crate) fn enforcement(
        &mut self,
        intentions: &Arc<Intentions>,
        http: bool,
        trust_domain: &str,
    ) -> Arc<Enforcement> {
        let key = (
            Arc::as_ptr(intentions).addr(),
            http,
            trust_domain.to_owned(),
        );
        self.enforcements
            .find_or_make(key, || {
                let enforcement = Enforcement::new(intentions, http, trust_domain);
                (enforcement, Arc::downgrade(intentions), ())
            })
            .0
    }

    /// The one resource that is equal to this one.
    pub(crate) fn intern(&mut self, resource: Resource) -> Arc<Resource> {
        let key = (resource.kind, resource.version, Arc::clone(&resource.name));
        self.equal.find_or_make(key, || (resource, (), ())).0
    }
}

/// Weak entries, swept whenever they have doubled since the last time.
#[derive(Debug)]
struct Table<K, S, V, M = Resource> {
    entries: HashMap<K, Entry<S, V, M>>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Entry<S, V, M> {
    made: Weak<M>,
    #[expect(
        dead_code,
        reason = "keeps the addresses in the key from being used again"
    )]
    sources: S,
    value: V,
}

impl<K, S, V, M> Default for Table<K, S, V, M> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            sweep_at: 64,
        }
    }
}

impl<K: Eq + Hash, S, V: Clone, M> Table<K, S, V, M> {
    fn find_or_make(&mut self, key: K, make: impl FnOnce() -> (M, S, V)) -> (Arc<M>, V) {
        if let Some(entry) = self.entries.get(&key)
            && let Some(made) = entry.made.upgrade()
        {
            return (made, entry.value.clone());
        }
        if self.entries.len() >= self.sweep_at {
            self.entries
                .retain(|_, entry| entry.made.strong_count() > 0);
            self.sweep_at = (self.entries.len() * 2).max(64);
        }
        let (made, sources, value) = make();
        let made = Arc::new(made);
        let entry = Entry {
            made: Arc::downgrade(&made),
            sources,
            value: value.clone(),
        };
        self.entries.insert(key, entry);
        (made, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lasts_as_long_as_somebody_holds_its_resource() {
        let (mut memo, cluster) = (Memo::new(), Arc::from("db"));
        let endpoints = Arc::new(Endpoints::default());
        let (held, _) = memo.assignment(&cluster, &endpoints, false);
        assert!(Arc::ptr_eq(
            &held,
            &memo.assignment(&cluster, &endpoints, false).0
        ));
        let version = held.version;
        drop(held);
        assert_eq!(
            memo.assignment(&cluster, &endpoints, false).0.version,
            version
        );
    }

    #[test]
    fn proxies_of_one_service_share_what_enforces_its_intentions() {
        let (mut memo, intentions) = (Memo::new(), Arc::new(Intentions::default()));
        let one = memo.enforcement(&intentions, true, "td");
        assert!(Arc::ptr_eq(
            &one,
            &memo.enforcement(&intentions, true, "td")
        ));
        for (intentions, http, trust_domain) in [
            (&intentions, false, "td"),
            (&intentions, true, "other"),
            (&Arc::new(Intentions::default()), true, "td"),
        ] {
            let other = memo.enforcement(intentions, http, trust_domain);
            assert!(!Arc::ptr_eq(&one, &other), "{http} {trust_domain}");
        }
    }

    #[test]
    fn entries_that_nobody_holds_do_not_pile_up() {
        let (mut memo, cluster) = (Memo::new(), Arc::from("db"));
        let held: Vec<_> = (0..10).map(|_| Arc::new(Endpoints::default())).collect();
        let kept: Vec<_> = held
            .iter()
            .map(|endpoints| memo.assignment(&cluster, endpoints, false).0)
            .collect();
        for _ in 0..1_000 {
            memo.assignment(&cluster, &Arc::new(Endpoints::default()), false);
        }
        assert!(memo.assignments.entries.len() <= 64);
        for (endpoints, resource) in held.iter().zip(&kept) {
            assert!(Arc::ptr_eq(
                resource,
                &memo.assignment(&cluster, endpoints, false).0
            ));
        }
    }
}
