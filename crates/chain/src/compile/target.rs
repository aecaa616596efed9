//! Resolvers and their targets.

use std::sync::Arc;

use tribune_types::config_entry::{
    FailoverTarget, PrioritizeByLocality, RawServiceResolver, Redirect, ServiceResolver, Subset,
};
use tribune_types::proxy::{MeshGateway, TransparentProxy};
use tribune_types::{GoDuration, PeerName, ServiceName};

use super::facts::Read;
use super::{CompileError, Compiler, DEEPEST};
use crate::chain::{Failover, Node, Resolver, Target};
use crate::entries::Defaults;
use crate::names::{service_sni, target_id};

/// Time to establish a connection where nobody says otherwise.
const CONNECT_TIMEOUT: GoDuration = GoDuration::from_secs(5);

/// What is to be resolved: a target before anything but its name is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolving {
    service: ServiceName,
    subset: String,
    /// The one that is compiled in where empty.
    datacenter: String,
    peer: PeerName,
    /// Whether the resolver of a service of this cluster sent traffic to the service of that name at the peer:
    /// its settings go along.
    keeps_settings: bool,
}

/// What a resolver puts in place of a target; what is empty stays as it is.
#[derive(Clone, Copy, Default)]
struct Rewrite<'a> {
    service: &'a str,
    subset: &'a str,
    datacenter: &'a str,
    peer: &'a str,
}

/// A target at which no redirect and no default subset lead any further.
struct Resolved {
    name: Resolving,
    id: String,
    resolver: Option<Read<ServiceResolver>>,
    defaults: Defaults,
}

// === impl Resolving ===

impl Resolving {
    /// A service or a subset of it, in the datacenter that is compiled in.
    pub(super) fn of(service: &ServiceName, subset: &str) -> Self {
        Self {
            service: service.clone(),
            subset: subset.to_owned(),
            datacenter: String::new(),
            peer: PeerName::default(),
            keeps_settings: false,
        }
    }

    fn rewritten(&self, rewrite: Rewrite<'_>) -> Self {
        let mut name = self.clone();
        let same = rewrite.service.is_empty() || self.service.name.as_str() == rewrite.service;
        if !same {
            name.service = ServiceName::new(rewrite.service);
            name.subset.clear();
        }
        if !rewrite.subset.is_empty() {
            rewrite.subset.clone_into(&mut name.subset);
        }
        if !rewrite.datacenter.is_empty() {
            rewrite.datacenter.clone_into(&mut name.datacenter);
        }
        name.peer = rewrite.peer.into();
        name.keeps_settings = same && !name.peer.is_empty();
        // which of its instances are meant, and where they are, is the peer's to say
        if !name.peer.is_empty() {
            name.datacenter.clear();
            name.subset.clear();
        }
        name
    }

    fn datacenter<'a>(&'a self, own: &'a str) -> &'a str {
        match self.datacenter.as_str() {
            "" if self.peer.is_empty() => own,
            datacenter => datacenter,
        }
    }

    fn id(&self, own_datacenter: &str) -> String {
        target_id(
            &self.service,
            &self.subset,
            self.datacenter(own_datacenter),
            &self.peer,
        )
    }
}

impl<'a> From<&'a Redirect> for Rewrite<'a> {
    fn from(redirect: &'a Redirect) -> Self {
        Self {
            service: &redirect.service,
            subset: &redirect.service_subset,
            datacenter: &redirect.datacenter,
            peer: &redirect.peer,
        }
    }
}

impl<'a> From<&'a FailoverTarget> for Rewrite<'a> {
    fn from(target: &'a FailoverTarget) -> Self {
        Self {
            service: &target.service,
            subset: &target.service_subset,
            datacenter: &target.datacenter,
            peer: &target.peer,
        }
    }
}

impl Compiler<'_> {
    /// Compiles what a name resolves to; the key of its resolver.
    pub(super) fn resolver(&mut self, name: Resolving) -> Result<String, CompileError> {
        let resolved = self.resolve(name)?;
        let key = format!("resolver:{}", resolved.id);
        if self.nodes.contains_key(&key) {
            return Ok(key);
        }
        let connect_timeout = self.target(&resolved)?;
        let raw = resolved.raw();
        let failover = match &resolved.resolver {
            Some(resolver) => self.failover(&resolved, resolver)?,
            None => None,
        };
        let node = Node::Resolver(Resolver {
            name: resolved.id.clone(),
            default: resolved
                .resolver
                .as_ref()
                .is_none_or(|resolver| resolver.is_default()),
            connect_timeout,
            request_timeout: raw.map_or(GoDuration::ZERO, |raw| raw.request_timeout),
            failover,
            load_balancer: raw.and_then(|raw| raw.load_balancer.clone()),
            target: resolved.id,
        });
        self.nodes.insert(key.clone(), node);
        Ok(key)
    }

    /// Follows redirects and default subsets to their end.
    fn resolve(&mut self, mut name: Resolving) -> Result<Resolved, CompileError> {
        let datacenter = self.request.datacenter;
        let mut visited = Vec::new();
        loop {
            let id = name.id(datacenter);
            if visited.contains(&id) {
                visited.push(id);
                return Err(CompileError::CircularRedirect(visited));
            }
            let local = name.peer.is_empty();
            if local {
                self.agree(&name.service)?;
            }
            let resolver = if local || name.keeps_settings {
                self.facts.resolver(&name.service)
            } else {
                None
            };
            if let Some(raw) = resolver.as_ref().map(|resolver| resolver.raw()) {
                let redirect = raw.redirect.as_ref().filter(|_| local);
                let redirected = redirect.map(|redirect| name.rewritten(redirect.into()));
                let next = redirected.filter(|next| next.id(datacenter) != id);
                let next = next.or_else(|| {
                    let named = name.subset.is_empty() && !raw.default_subset.is_empty() && local;
                    named.then(|| {
                        name.rewritten(Rewrite {
                            subset: &raw.default_subset,
                            ..Rewrite::default()
                        })
                    })
                });
                if let Some(next) = next {
                    if visited.len() == DEEPEST {
                        return Err(CompileError::TooDeep(name.service));
                    }
                    visited.push(id);
                    name = next;
                    continue;
                }
            }
            let defaults = if local || name.keeps_settings {
                self.facts.defaults(&name.service)
            } else {
                self.facts.defaults_of_proxies()
            };
            return Ok(Resolved {
                name,
                id,
                resolver,
                defaults,
            });
        }
    }

    /// Keeps the target of what was resolved; its time to establish a connection.
    fn target(&mut self, resolved: &Resolved) -> Result<GoDuration, CompileError> {
        let (name, raw) = (&resolved.name, resolved.raw());
        let connect_timeout = self.connect_timeout(raw);
        if self.targets.contains_key(&resolved.id) {
            return Ok(connect_timeout);
        }
        let subset = resolved.subset()?;
        let external_sni = resolved.external_sni()?;
        let datacenter = name.datacenter(self.request.datacenter);
        let sni_name = if name.peer.is_empty() {
            service_sni(
                &name.service,
                &name.subset,
                datacenter,
                self.request.trust_domain,
            )
        } else {
            String::new()
        };
        let target = Target {
            id: resolved.id.clone(),
            service: name.service.clone(),
            service_subset: name.subset.clone(),
            datacenter: datacenter.to_owned(),
            peer: name.peer.clone(),
            mesh_gateway: if external_sni.is_some() {
                MeshGateway::default()
            } else {
                self.mesh_gateway(&resolved.defaults)
            },
            subset,
            transparent_proxy: TransparentProxy {
                dialed_directly: dialed_directly(&resolved.defaults),
                ..TransparentProxy::default()
            },
            connect_timeout,
            sni: external_sni.map_or_else(|| sni_name.clone(), str::to_owned),
            name: sni_name,
            external: external_sni.is_some(),
            prioritize_by_locality: resolved.prioritize_by_locality(),
        };
        self.targets.insert(resolved.id.clone(), Arc::new(target));
        Ok(connect_timeout)
    }

    /// What stands in for a target. Stand-ins follow redirects and default subsets; nothing stands in for them.
    fn failover(
        &mut self,
        primary: &Resolved,
        resolver: &ServiceResolver,
    ) -> Result<Option<Failover>, CompileError> {
        let name = &primary.name;
        let Some(failover) = resolver.failover(&name.subset) else {
            return Ok(None);
        };
        let here = Rewrite {
            service: &failover.service,
            subset: &failover.service_subset,
            ..Rewrite::default()
        };
        let rewrites: Vec<Rewrite<'_>> = if !failover.datacenters.is_empty() {
            let datacenters = failover.datacenters.iter();
            datacenters
                .map(|datacenter| Rewrite { datacenter, ..here })
                .collect()
        } else if !failover.targets.is_empty() {
            failover.targets.iter().map(Rewrite::from).collect()
        } else {
            vec![here]
        };
        let mut targets = Vec::new();
        for rewrite in rewrites {
            let stand_in = name.rewritten(rewrite);
            if stand_in.id(self.request.datacenter) == primary.id {
                continue;
            }
            let resolved = self.resolve(stand_in)?;
            self.target(&resolved)?;
            targets.push(resolved.id);
        }
        if targets.is_empty() {
            return Ok(None);
        }
        let of_proxies = primary.defaults.proxy();
        let policy = failover.policy.as_ref();
        let policy = policy.or_else(|| of_proxies?.raw().failover_policy.as_ref());
        Ok(Some(Failover {
            targets,
            policy: policy.cloned(),
        }))
    }

    fn connect_timeout(&mut self, raw: Option<&RawServiceResolver>) -> GoDuration {
        let own = raw.map(|raw| raw.connect_timeout);
        let own = own
            .filter(|own| *own > GoDuration::ZERO)
            .unwrap_or(CONNECT_TIMEOUT);
        let wanted = self.request.overrides.connect_timeout;
        if wanted <= GoDuration::ZERO || wanted == own {
            return own;
        }
        self.customization.0.connect_timeout = wanted;
        wanted
    }

    /// The service's mode, else that of the proxy defaults, unless the caller insists on another.
    fn mesh_gateway(&mut self, defaults: &Defaults) -> MeshGateway {
        let of_service = defaults.service().map(|entry| &entry.raw().mesh_gateway);
        let of_proxies = defaults.proxy().map(|entry| &entry.raw().mesh_gateway);
        let own = of_service
            .filter(|gateway| !gateway.mode.is_empty())
            .or(of_proxies);
        let own = own.cloned().unwrap_or_default();
        let wanted = &self.request.overrides.mesh_gateway;
        if wanted.mode.is_empty() || *wanted == own {
            return own;
        }
        self.customization.0.mesh_gateway = wanted.clone();
        wanted.clone()
    }
}

// === impl Resolved ===

impl Resolved {
    fn raw(&self) -> Option<&RawServiceResolver> {
        self.resolver.as_ref().map(|resolver| resolver.raw())
    }

    /// Which instances the subset has.
    fn subset(&self) -> Result<Subset, CompileError> {
        let name = &self.name.subset;
        if name.is_empty() {
            return Ok(Subset::default());
        }
        match self.raw().and_then(|raw| raw.subsets.get(name)) {
            Some(subset) => Ok(subset.clone()),
            None => Err(CompileError::UnknownSubset {
                service: self.name.service.clone(),
                subset: name.clone(),
            }),
        }
    }

    /// The name that a service outside the mesh is asked for by. Such a service is one thing in one place.
    fn external_sni(&self) -> Result<Option<&str>, CompileError> {
        let sni = self.defaults.service();
        let sni = sni.map(|entry| entry.raw().external_sni.as_str());
        let Some(sni) = sni.filter(|sni| !sni.is_empty()) else {
            return Ok(None);
        };
        let defined = self.raw().and_then(|raw| {
            [
                (raw.redirect.is_some(), "redirects"),
                (!raw.subsets.is_empty(), "subsets"),
                (!raw.failover.is_empty(), "failover"),
            ]
            .into_iter()
            .find_map(|(is_there, what)| is_there.then_some(what))
        });
        match defined {
            None => Ok(Some(sni)),
            Some(what) => Err(CompileError::External {
                service: self.name.service.clone(),
                what,
            }),
        }
    }

    /// The resolver's word on it, else that of the proxy defaults; imported instances have no place here.
    fn prioritize_by_locality(&self) -> Option<PrioritizeByLocality> {
        if !self.name.peer.is_empty() {
            return None;
        }
        let own = self
            .raw()
            .and_then(|raw| raw.prioritize_by_locality.as_ref());
        let of_proxies = self.defaults.proxy();
        own.or_else(|| of_proxies?.raw().prioritize_by_locality.as_ref())
            .cloned()
    }
}

/// Whether either of the defaults turns it on; neither can turn it off again.
fn dialed_directly(defaults: &Defaults) -> bool {
    defaults
        .service()
        .is_some_and(|entry| entry.raw().transparent_proxy.dialed_directly)
        || defaults
            .proxy()
            .is_some_and(|entry| entry.raw().transparent_proxy.dialed_directly)
}
