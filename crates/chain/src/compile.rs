//! The compiler.

use std::collections::BTreeMap;
use std::sync::Arc;

use tribune_types::config_entry::Subset;
use tribune_types::proxy::{EnvoyExtension, MeshGateway, TransparentProxy};
use tribune_types::{GoDuration, PeerName, ServiceName};

use crate::chain::{Chain, Node, Overrides, Resolver, Target};
use crate::customization::Customization;
use crate::entries::{Defaults, Entries};
use crate::names::{service_sni, target_id};

/// Time to establish a connection where nobody says otherwise.
const CONNECT_TIMEOUT: GoDuration = GoDuration::from_secs(5);

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
    let defaults = Defaults::read(request.service, entries);
    let mut compiler = Compiler {
        request,
        customization: Customization::default(),
    };
    let (resolver, target) = compiler.default_resolver(&defaults);
    let protocol = compiler.protocol(defaults.protocol());
    let start_node = format!("resolver:{}", resolver.name);
    let service_meta = defaults.service().map(|entry| entry.raw().meta.clone());
    Ok(Chain {
        service: request.service.clone(),
        datacenter: request.datacenter.to_owned(),
        customization_hash: compiler.customization.hash(),
        default: true,
        protocol,
        service_meta: service_meta.filter(|meta| !meta.is_empty()),
        envoy_extensions: envoy_extensions(&defaults),
        nodes: BTreeMap::from([(start_node.clone(), Node::Resolver(resolver))]),
        start_node,
        targets: BTreeMap::from([(target.id.clone(), Arc::new(target))]),
        auto_virtual_ips: request.auto_virtual_ips.to_vec(),
        manual_virtual_ips: request.manual_virtual_ips.map(<[String]>::to_vec),
    })
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

struct Compiler<'a> {
    request: &'a CompileRequest<'a>,
    customization: Customization,
}

impl Compiler<'_> {
    /// The resolver of a service that no service-resolver shapes, and its target.
    fn default_resolver(&mut self, defaults: &Defaults) -> (Resolver, Target) {
        let (service, datacenter) = (self.request.service, self.request.datacenter);
        let id = target_id(service, datacenter);
        let connect_timeout = self.connect_timeout(CONNECT_TIMEOUT);
        let name = service_sni(service, datacenter, self.request.trust_domain);
        let external_sni = defaults
            .service()
            .map_or("", |entry| &entry.raw().external_sni);
        let external = !external_sni.is_empty();
        let target = Target {
            id: id.clone(),
            service: service.clone(),
            datacenter: datacenter.to_owned(),
            mesh_gateway: if external {
                MeshGateway::default()
            } else {
                self.mesh_gateway(defaults)
            },
            transparent_proxy: TransparentProxy {
                dialed_directly: dialed_directly(defaults),
                ..TransparentProxy::default()
            },
            connect_timeout,
            sni: if external {
                external_sni.to_owned()
            } else {
                name.clone()
            },
            name,
            external,
            service_subset: String::new(),
            peer: PeerName::default(),
            subset: Subset::default(),
            prioritize_by_locality: None,
        };
        let resolver = Resolver {
            name: id.clone(),
            default: true,
            connect_timeout,
            request_timeout: GoDuration::ZERO,
            target: id,
            failover: None,
            load_balancer: None,
        };
        (resolver, target)
    }

    fn connect_timeout(&mut self, own: GoDuration) -> GoDuration {
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

    /// The chain's protocol; the caller's word for it is taken as it is.
    fn protocol(&mut self, own: String) -> String {
        let wanted = &self.request.overrides.protocol;
        if wanted.is_empty() || *wanted == own {
            return own;
        }
        self.customization.0.protocol.clone_from(wanted);
        wanted.clone()
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
