//! What is made for the chain of an upstream.

use std::sync::Arc;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use prost::Message;
use tribune_chain::{Chain, Resolver, Target};
use tribune_proxycfg::{Snapshot, Upstream};

use super::{Generator, mesh};
use crate::clusters::{self, Parameters};
use crate::listeners::is_http;
use crate::listeners::upstream::{self, Leads};
use crate::memo::Memo;
use crate::problem::{Problem, Reason};
use crate::resource::{Resource, ResourceType};
use crate::wire::ads;
use crate::{names, routes};

/// The resources of a chain, and whose endpoints its clusters ask for.
#[derive(Default)]
pub(super) struct Made {
    pub(super) resources: Vec<Arc<Resource>>,
    /// The clusters whose endpoints are assigned: the name, and the chain's target.
    pub(super) assigned: Vec<(Arc<str>, String)>,
    pub(super) problems: Vec<Problem>,
}

/// What it is made of, and for whom.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) upstream: &'a Upstream,
    pub(super) chain: &'a Arc<Chain>,
}

// === impl Made ===

impl Made {
    fn report(&mut self, of: Of<'_>, reason: Reason) {
        let about = format!("upstream {}", of.upstream.definition.id);
        self.problems.push(Problem::new(about, reason));
    }
}

// === impl Of ===

impl<'a> Of<'a> {
    /// Whether the endpoints of every target in this datacenter are known.
    fn is_known(self) -> bool {
        let datacenter = &self.snapshot.registration.proxy.datacenter;
        self.chain.targets.values().all(|target| {
            !target.peer.is_empty()
                || target.datacenter != *datacenter
                || self.upstream.endpoints.contains_key(&target.id)
        })
    }

    /// The targets of a resolver that are reached, the one that others stand in for first. None of them is where
    /// that one is not.
    fn members(self, resolver: &'a Resolver, made: &mut Made) -> Vec<&'a Arc<Target>> {
        let stand_ins = resolver.failover.iter().flat_map(|over| &over.targets);
        let mut members = Vec::new();
        for id in std::iter::once(&resolver.target).chain(stand_ins) {
            let Some(target) = self.chain.targets.get(id) else {
                continue;
            };
            if !target.peer.is_empty() {
                made.report(self, Reason::Target(id.clone()));
                if *id == resolver.target {
                    return Vec::new();
                }
                continue;
            }
            if target.datacenter != self.snapshot.registration.proxy.datacenter {
                made.report(self, Reason::Target(id.clone()));
            }
            members.push(target);
        }
        members
    }
}

// === impl Generator ===

impl Generator {
    /// The clusters, the listener and the routes of an upstream, and whose endpoints they ask for. Nothing while
    /// endpoints of this datacenter are not known: a cluster without them would only hold Envoy up.
    pub(super) fn chain(&self, of: Of<'_>, memo: &mut Memo) -> Made {
        let mut made = Made::default();
        if !of.is_known() {
            return made;
        }
        let mut start = None;
        for resolver in of.chain.resolvers() {
            let cluster = self.resolver(of, resolver, memo, &mut made);
            if of.chain.start().and_then(|node| node.as_resolver()) == Some(resolver) {
                start = cluster;
            }
        }
        self.listener(of, start, memo, &mut made);
        made
    }

    /// The clusters of a resolver; the name of the one that its traffic goes to.
    fn resolver(
        &self,
        of: Of<'_>,
        resolver: &Resolver,
        memo: &mut Memo,
        made: &mut Made,
    ) -> Option<Arc<str>> {
        let name = names::cluster_of(of.chain, resolver);
        let members = of.members(resolver, made);
        let name = name.filter(|_| !members.is_empty())?;
        if resolver.failover.is_none() {
            return self.cluster(of, (resolver, members[0]), name, memo, made);
        }
        let of_members = (0..members.len()).map(|index| names::failover_member(index, &name));
        let of_members: Vec<_> = of_members.collect();
        for (target, name) in members.into_iter().zip(&of_members) {
            self.cluster(of, (resolver, target), name.clone(), memo, made);
        }
        let cluster = memo.intern(clusters::failover(&name, resolver, of_members));
        let name = Arc::clone(&cluster.name);
        made.resources.push(cluster);
        Some(name)
    }

    /// The cluster of a target; its name.
    fn cluster(
        &self,
        of: Of<'_>,
        (resolver, target): (&Resolver, &Target),
        name: String,
        memo: &mut Memo,
        made: &mut Made,
    ) -> Option<Arc<str>> {
        let definition = &of.upstream.definition;
        let settings = &definition.settings;
        let parameters = Parameters {
            cluster: name,
            protocol: clusters::protocol(definition, of.chain),
            limits: settings.limits,
            passive_health_check: settings.passive_health_check,
            fetch_timeout_ms: of.snapshot.registration.settings.xds_fetch_timeout_ms,
        };
        let trust_domain = &of.snapshot.roots.trust_domain;
        let outgoing = mesh(of.snapshot).and_then(|mesh| mesh.tls.as_ref()?.outgoing.as_ref());
        let make = |parameters: &Parameters| {
            clusters::upstream(resolver, target, trust_domain, (outgoing, parameters))
        };
        let (cluster, endpoints) = match replacement(of, || make(&parameters), made) {
            Some((cluster, endpoints)) => (memo.intern(cluster), endpoints.map(Into::into)),
            None => {
                let key = parameters.clone();
                let mesh = &of.snapshot.mesh;
                let cluster = memo.cluster(of.chain, mesh, trust_domain, key, || {
                    let body = make(&parameters).encode_to_vec();
                    Resource::new(ResourceType::Cluster, &*parameters.cluster, body)
                });
                let name = Arc::clone(&cluster.name);
                (cluster, Some(name))
            }
        };
        let name = Arc::clone(&cluster.name);
        made.resources.push(cluster);
        if let Some(endpoints) = endpoints {
            made.assigned.push((endpoints, target.id.clone()));
        }
        Some(name)
    }

    /// The listener of an upstream whose traffic goes to `cluster`, or to where its routes say.
    fn listener(&self, of: Of<'_>, cluster: Option<Arc<str>>, memo: &mut Memo, made: &mut Made) {
        let Of {
            snapshot,
            upstream,
            chain,
        } = of;
        let definition = &upstream.definition;
        let context = self.context(snapshot);
        let protocol = clusters::protocol(definition, chain);
        let leads = if is_http(&protocol) && !chain.default {
            let id = definition.id.as_str();
            let mesh_entry = mesh(snapshot);
            let (routes, problems) = memo.routes(id, chain, &snapshot.mesh, || {
                routes::build(id, chain, mesh_entry)
            });
            made.resources.push(routes);
            made.problems.extend(problems.iter().cloned());
            Leads::Routes(ads(snapshot.registration.settings.xds_fetch_timeout_ms))
        } else if let Some(cluster) = cluster {
            Leads::Cluster(cluster)
        } else {
            // a start that is a peer's is reported with its cluster
            if chain.start_target().is_none() {
                made.report(of, Reason::NotRouted(protocol));
            }
            return;
        };
        let mut report = |reason| made.report(of, reason);
        let listener = upstream::build(&context, definition, chain, &leads, &mut report);
        made.resources.push(memo.intern(listener));
    }
}

/// What `envoy_cluster_json` puts in the place of `usual`, and the name that its endpoints are asked for by.
fn replacement(
    of: Of<'_>,
    usual: impl FnOnce() -> Cluster,
    made: &mut Made,
) -> Option<(Resource, Option<String>)> {
    let text = &of.upstream.definition.settings.cluster_json;
    if text.is_empty() {
        return None;
    }
    if !of.chain.default {
        made.report(of, Reason::Shaped("envoy_cluster_json"));
        return None;
    }
    clusters::replacement(text, &usual())
        .map_err(|reason| made.report(of, reason))
        .ok()
}
