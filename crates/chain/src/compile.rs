//! The compiler.

mod facts;
mod route;
mod target;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tribune_types::ServiceName;
use tribune_types::config_entry::is_http_like;
use tribune_types::proxy::EnvoyExtension;

use self::facts::Facts;
use self::target::Resolving;
use crate::chain::{Chain, Node, Overrides, Resolver, Target};
use crate::customization::Customization;
use crate::entries::{Defaults, Entries};

/// Most redirects, and most splitters, one after the other. People write two or three; without a limit the
/// stack would be one, and a write could keep a leader busy for long.
const DEEPEST: usize = 64;

/// Most shares of one splitter once those of the splitters after it are its own. Each level multiplies.
const MOST_SPLITS: usize = 4_096;

/// What to compile.
#[derive(Clone, Copy, Debug)]
pub struct CompileRequest<'a> {
    /// The service.
    pub service: &'a ServiceName,
    /// The datacenter to compile in.
    pub datacenter: &'a str,
    /// The cluster's trust domain; empty until there is a certificate authority.
    pub trust_domain: &'a str,
    /// What the caller insists on.
    pub overrides: &'a Overrides,
    /// Virtual addresses that the cluster gave the service.
    pub auto_virtual_ips: &'a [String],
    /// Virtual addresses that an operator gave the service; absent where it has no row.
    pub manual_virtual_ips: Option<&'a [String]>,
}

/// Why there is no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The service has no name.
    #[error("a discovery chain needs the name of a service")]
    NoService,
    /// The names in the chain can't be made.
    #[error("there is no trust domain yet: the certificate authority is not configured")]
    NoTrustDomain,
    /// Whoever asks may not see it.
    #[error("the token may not read the service")]
    Denied,
    /// Services of one chain speak different protocols.
    #[error(
        "discovery chain \"{chain}\" uses inconsistent protocols; service \"{service}\" has {protocol:?} which is not {expected:?}: give both the same Protocol in their service-defaults"
    )]
    MixedProtocols {
        /// The service that the chain is of.
        chain: ServiceName,
        /// The one that does not fit.
        service: ServiceName,
        /// What it speaks.
        protocol: String,
        /// What those before it speak.
        expected: String,
    },
    /// There is a router or a splitter, and no requests that it could look into.
    #[error(
        "discovery chain \"{chain}\" uses a protocol {protocol:?} that does not permit advanced routing or splitting behavior: set Protocol to http, http2 or grpc in its service-defaults"
    )]
    NeedsHttp {
        /// The service that the chain is of.
        chain: ServiceName,
        /// What it speaks.
        protocol: String,
    },
    /// Something names a subset that the service's resolver does not define.
    #[error(
        "service \"{service}\" does not have a subset named {subset:?}: define it under Subsets in its service-resolver"
    )]
    UnknownSubset {
        /// The service.
        service: ServiceName,
        /// The subset.
        subset: String,
    },
    /// A service outside the mesh can't be divided, and nothing can stand in for it.
    #[error(
        "service \"{service}\" has an external SNI set; cannot define {what} for external services"
    )]
    External {
        /// The service.
        service: ServiceName,
        /// What its resolver defines.
        what: &'static str,
    },
    /// Redirects lead back to where they started.
    #[error("detected circular resolver redirect: [{}]", .0.join(" -> "))]
    CircularRedirect(Vec<String>),
    /// Splitters lead back to where they started.
    #[error("detected circular reference: [{}]", .0.join(" -> "))]
    CircularReference(Vec<String>),
    /// More redirects or splitters follow each other than anybody needs.
    #[error(
        "more than {DEEPEST} redirects or splitters follow each other, up to service \"{0}\": go there more directly"
    )]
    TooDeep(ServiceName),
    /// Nested splitters have more shares in all than anybody needs.
    #[error(
        "service \"{0}\" and the splitters that it leads to share out its traffic more than {MOST_SPLITS} times: split it less"
    )]
    TooManySplits(ServiceName),
}

/// Compiles the chain of a service.
///
/// # Errors
/// Why there is none.
pub fn compile(
    request: &CompileRequest<'_>,
    entries: &mut dyn Entries,
) -> Result<Chain, CompileError> {
    if request.service.name.is_empty() {
        return Err(CompileError::NoService);
    }
    if request.trust_domain.is_empty() {
        return Err(CompileError::NoTrustDomain);
    }
    let mut compiler = Compiler::new(request, entries);
    let start_node = compiler.start()?;
    compiler.chain(start_node)
}

/// A chain that is being compiled.
struct Compiler<'a> {
    request: &'a CompileRequest<'a>,
    facts: Facts<'a>,
    customization: Customization,
    nodes: BTreeMap<String, Node>,
    targets: BTreeMap<String, Arc<Target>>,
    /// What the services so far speak.
    protocol: Option<String>,
    /// Services of which it is known that they speak it.
    agreed: BTreeSet<ServiceName>,
    /// Whether there is a router or a splitter.
    advanced: bool,
    /// Keys of the splitters that lead to where the compiler is.
    path: Vec<String>,
    /// Whether a splitter's shares became those of one before it, so that it may lead to nothing any longer.
    inherited: bool,
}

// === impl Compiler ===

impl<'a> Compiler<'a> {
    fn new(request: &'a CompileRequest<'a>, entries: &'a mut dyn Entries) -> Self {
        Self {
            request,
            facts: Facts::new(entries),
            customization: Customization::default(),
            nodes: BTreeMap::new(),
            targets: BTreeMap::new(),
            protocol: None,
            agreed: BTreeSet::new(),
            advanced: false,
            path: Vec::new(),
            inherited: false,
        }
    }

    /// Compiles everything; the key of the first node.
    fn start(&mut self) -> Result<String, CompileError> {
        let service = self.request.service;
        if let Some(router) = self.facts.router(service)
            && self.takes_requests_apart()
        {
            return self.router(&router);
        }
        self.splitter_or_resolver(service)
    }

    /// Whether routers and splitters count, where there is one: a caller who insists on another protocol than
    /// HTTP does without them.
    fn takes_requests_apart(&mut self) -> bool {
        let wanted = &self.request.overrides.protocol;
        if wanted.is_empty() || is_http_like(wanted) {
            return true;
        }
        self.customization.0.protocol.clone_from(wanted);
        false
    }

    fn splitter_or_resolver(&mut self, service: &ServiceName) -> Result<String, CompileError> {
        match self.splitter(service)? {
            Some(key) => Ok(key),
            None => self.resolver(Resolving::of(service, "")),
        }
    }

    /// All services of a chain speak the same protocol.
    fn agree(&mut self, service: &ServiceName) -> Result<(), CompileError> {
        if self.agreed.contains(service) {
            return Ok(());
        }
        let protocol = self.facts.defaults(service).protocol();
        match &self.protocol {
            Some(expected) if *expected != protocol => Err(CompileError::MixedProtocols {
                chain: self.request.service.clone(),
                service: service.clone(),
                protocol,
                expected: expected.clone(),
            }),
            Some(_) | None => {
                self.agreed.insert(service.clone());
                self.protocol = Some(protocol);
                Ok(())
            }
        }
    }

    /// Puts the chain together out of what was compiled.
    fn chain(mut self, start_node: String) -> Result<Chain, CompileError> {
        let request = self.request;
        if self.inherited {
            self.remove_unreachable(&start_node);
        }
        let defaults = self.facts.defaults(request.service);
        // a chain that leads to a peer at once has no service of this cluster in it
        let protocol = self.protocol.take().unwrap_or_else(|| "tcp".to_owned());
        if self.advanced && !is_http_like(&protocol) {
            return Err(CompileError::NeedsHttp {
                chain: request.service.clone(),
                protocol,
            });
        }
        let protocol = self.overridden_protocol(protocol);
        let service_meta = defaults.service().map(|entry| entry.raw().meta.clone());
        let default = self.nodes.get(&start_node).and_then(Node::as_resolver);
        let default = default.is_some_and(|resolver| self.is_default(resolver));
        Ok(Chain {
            service: request.service.clone(),
            datacenter: request.datacenter.to_owned(),
            customization_hash: self.customization.hash(),
            default,
            protocol,
            service_meta: service_meta.filter(|meta| !meta.is_empty()),
            envoy_extensions: envoy_extensions(&defaults),
            start_node,
            nodes: self.nodes,
            targets: self.targets,
            auto_virtual_ips: request.auto_virtual_ips.to_vec(),
            manual_virtual_ips: request.manual_virtual_ips.map(<[String]>::to_vec),
        })
    }

    /// Whether a chain that starts with this resolver is shaped by nothing.
    fn is_default(&self, resolver: &Resolver) -> bool {
        let target = self.targets.get(&resolver.target);
        resolver.default
            && target.is_some_and(|target| {
                target.service == *self.request.service && target.peer.is_empty()
            })
    }

    /// The chain's protocol; the caller's word for it is taken as it is.
    fn overridden_protocol(&mut self, own: String) -> String {
        let wanted = &self.request.overrides.protocol;
        if wanted.is_empty() || *wanted == own {
            return own;
        }
        self.customization.0.protocol.clone_from(wanted);
        wanted.clone()
    }

    /// Splitters whose shares became those of the splitters before them are left over.
    fn remove_unreachable(&mut self, start_node: &str) {
        let mut reachable = BTreeSet::new();
        let mut left = vec![start_node];
        while let Some(key) = left.pop() {
            if reachable.insert(key)
                && let Some(node) = self.nodes.get(key)
            {
                left.extend(node.next());
            }
        }
        if reachable.len() < self.nodes.len() {
            let reachable: BTreeSet<String> = reachable.into_iter().map(str::to_owned).collect();
            self.nodes.retain(|key, _| reachable.contains(key));
        }
    }
}

fn envoy_extensions(defaults: &Defaults) -> Vec<EnvoyExtension> {
    let of_proxies = defaults.proxy().map(|entry| &entry.raw().envoy_extensions);
    let of_service = defaults
        .service()
        .map(|entry| &entry.raw().envoy_extensions);
    of_proxies
        .into_iter()
        .chain(of_service)
        .flatten()
        .cloned()
        .collect()
}
