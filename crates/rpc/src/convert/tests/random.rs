//! Values of every kind, from a seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tribune_chain::{
    Chain, CompileError, Failover, Node, Overrides, Resolver, Route, Router, Split, Splitter,
    Target,
};
use tribune_derived::{
    ChainKey, Endpoint, Endpoints, Health, Intentions, Key, Mesh, Proxy, Roots, ServiceConfig,
    SubsetKey, UpstreamDefaults, Value,
};
use tribune_types::catalog::Locality;
use tribune_types::config_entry::{
    Action, Effect, Entry, HeaderMatch, HeaderValue, HttpPermission, JwtClaim, JwtProvider,
    JwtRequirement, Kind, PathMatch, Permission, Raw, Weight,
};
use tribune_types::intention::Intention;
use tribune_types::proxy::{MeshGateway, ProxyConfig};
use tribune_types::{
    GoDuration, InstanceName, Meta, NodeName, Opaque, PeeredServiceName, ServiceAddress,
    ServiceName, Tenancy, Weights,
};

/// Makes things up.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    const fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    const fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    fn int(&mut self) -> i32 {
        self.next() as i32
    }

    fn text(&mut self) -> String {
        let words = ["", "web", "Web", "api-2", "10.0.0.1", "ß/\"\\\n", "*"];
        words[self.below(words.len() as u64) as usize].to_owned()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| make(self))
    }

    fn list<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| make(self)).collect()
    }

    fn map<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> BTreeMap<String, T> {
        let pairs = self.list(|random| (random.text(), make(random)));
        pairs.into_iter().collect()
    }

    fn meta(&mut self) -> Meta {
        self.map(Self::text)
    }

    fn duration(&mut self) -> GoDuration {
        GoDuration::from_nanos(self.next() as i64)
    }

    fn opaque(&mut self) -> Opaque {
        let float = f64::from_bits(self.next());
        let float = if float.is_finite() { float } else { 0.1 };
        let (text, number, flag) = (self.text(), self.next(), self.flag());
        let json = json!({"t": text, "n": number, "f": float, "l": [flag, null], "m": {"": {}}});
        match json {
            serde_json::Value::Object(map) if self.flag() => map,
            _ => Opaque::new(),
        }
    }

    fn service(&mut self) -> ServiceName {
        ServiceName {
            name: self.text().into(),
            tenancy: self.tenancy(),
        }
    }

    fn tenancy(&mut self) -> Tenancy {
        let (partition, namespace) = (self.text(), self.text());
        Tenancy::new(&partition, &namespace)
    }

    fn peered(&mut self) -> PeeredServiceName {
        PeeredServiceName {
            service: self.service(),
            peer: self.text().into(),
        }
    }

    fn instance(&mut self) -> InstanceName {
        InstanceName {
            node: NodeName {
                name: self.text().into(),
                peer: self.text().into(),
                tenancy: Tenancy::new(&self.text(), ""),
            },
            id: self.text().into(),
        }
    }

    fn address(&mut self) -> ServiceAddress {
        ServiceAddress {
            address: self.text(),
            port: self.int(),
        }
    }

    fn locality(&mut self) -> Locality {
        Locality {
            region: self.text(),
            zone: self.text(),
        }
    }

    fn config(&mut self) -> ProxyConfig {
        let (config, upstream) = (self.opaque(), self.opaque());
        let (name, text, flag, port) = (self.text(), self.text(), self.flag(), self.int());
        let json = json!({
            "EnvoyExtensions": [{"Name": name, "Required": flag, "Arguments": config}],
            "DestinationServiceName": text,
            "LocalServicePort": port,
            "Mode": text,
            "Config": config,
            "Upstreams": [
                {"DestinationName": name, "LocalBindPort": port, "Config": upstream, "MeshGateway": {"Mode": text}},
                {},
            ],
            "MeshGateway": {"Mode": name},
            "Expose": {"Checks": flag, "Paths": [{"Path": text, "ListenerPort": port}]},
            "TransparentProxy": {"OutboundListenerPort": port, "DialedDirectly": flag},
            "AccessLogs": {"Enabled": flag, "JSONFormat": text},
        });
        let mut config: ProxyConfig = if self.flag() {
            serde_json::from_value(json).unwrap()
        } else {
            ProxyConfig::default()
        };
        config.mutual_tls_mode = self.text();
        config
    }

    fn proxy(&mut self) -> Proxy {
        Proxy {
            instance: self.instance(),
            kind: self.text().as_str().into(),
            service: self.service(),
            address: self.text(),
            port: self.int(),
            node_address: self.text(),
            tagged_addresses: self.map(Self::address),
            meta: self.meta(),
            datacenter: self.text(),
            locality: self.maybe(Self::locality),
            config: self.config(),
        }
    }

    pub(super) fn endpoint(&mut self) -> Endpoint {
        let health = [Health::Passing, Health::Warning, Health::Critical];
        Endpoint {
            instance: self.instance(),
            kind: ["", "connect-proxy", "other"][self.below(3) as usize].into(),
            address: self.text(),
            port: self.int(),
            node_address: self.text(),
            node_tagged_addresses: self.meta(),
            tagged_addresses: self.map(Self::address),
            datacenter: self.text(),
            locality: self.maybe(Self::locality),
            meta: self.meta(),
            tags: self.list(Self::text),
            weights: Weights {
                passing: self.int(),
                warning: self.int(),
            },
            health: health[self.below(3) as usize],
        }
    }

    fn service_config(&mut self) -> ServiceConfig {
        let overrides = self.list(|random| (random.peered(), random.opaque()));
        ServiceConfig {
            proxy: self.config(),
            protocol: self.text(),
            upstreams: UpstreamDefaults {
                protocol: self.text(),
                wildcard: self.opaque(),
                defaults: self.maybe(Self::opaque),
                overrides: overrides.into_iter().collect(),
            },
            meta: self.meta(),
        }
    }

    fn jwt(&mut self) -> JwtRequirement {
        let claim = |random: &mut Self| JwtClaim {
            path: random.list(Self::text),
            value: random.text(),
        };
        JwtRequirement {
            providers: self.list(|random| JwtProvider {
                name: random.text(),
                verify_claims: random.list(claim),
            }),
        }
    }

    fn action(&mut self) -> Action {
        if self.flag() {
            Action::Allow
        } else {
            Action::Deny
        }
    }

    fn header(&mut self) -> HeaderMatch {
        let text = self.text();
        HeaderMatch {
            name: self.text(),
            value: match self.below(6) {
                0 => HeaderValue::Present,
                1 => HeaderValue::Exact(text),
                2 => HeaderValue::Prefix(text),
                3 => HeaderValue::Suffix(text),
                4 => HeaderValue::Contains(text),
                _ => HeaderValue::Regex(text),
            },
            invert: self.flag(),
            ignore_case: self.flag(),
        }
    }

    fn permission(&mut self) -> Permission {
        let text = self.text();
        Permission {
            action: self.action(),
            http: HttpPermission {
                path: match self.below(4) {
                    0 => PathMatch::Any,
                    1 => PathMatch::Exact(text),
                    2 => PathMatch::Prefix(text),
                    _ => PathMatch::Regex(text),
                },
                headers: self.list(Self::header),
                methods: self.list(Self::text),
            },
            jwt: self.maybe(Self::jwt),
        }
    }

    fn intention(&mut self) -> Intention {
        let mut permissions = self.list(Self::permission);
        permissions.push(self.permission());
        Intention {
            source: self.service(),
            peer: self.text().into(),
            destination: self.service(),
            effect: if self.flag() {
                Effect::Action(self.action())
            } else {
                Effect::Permissions(permissions.into())
            },
            jwt: self.maybe(|random| Arc::new(random.jwt())),
            precedence: self.next() as u8,
            description: self.text(),
            meta: self.meta(),
        }
    }

    fn mesh(&mut self) -> Entry {
        let flag = self.flag();
        let json = json!({
            "TransparentProxy": {"MeshDestinationsOnly": flag},
            "AllowEnablingPermissiveMutualTLS": !flag,
            "TLS": {"Incoming": {"TLSMinVersion": "TLSv1_2"}},
            "HTTP": {"SanitizeXForwardedClientCert": flag},
            "Peering": {"PeerThroughMeshGateways": flag},
            "Meta": self.meta(),
        });
        let raw = Raw::deserialize(Kind::Mesh, json).unwrap();
        Entry::try_from(raw).unwrap_or_else(|_| {
            let raw = Raw::deserialize(Kind::Mesh, json!({})).unwrap();
            Entry::try_from(raw).unwrap()
        })
    }

    fn node(&mut self) -> Node {
        let headers = json!({"Add": self.meta(), "Remove": [self.text()]});
        match self.below(3) {
            0 => Node::Router(Router {
                name: self.text(),
                routes: self.list(|random| {
                    let definition = json!({
                        "Match": {"HTTP": {"PathPrefix": random.text(), "Methods": [random.text()]}},
                        "Destination": {
                            "Service": random.text(), "NumRetries": 3, "RequestTimeout": "1.5s",
                            "RequestHeaders": headers,
                        },
                    });
                    Route {
                        definition: serde_json::from_value(definition).unwrap(),
                        next_node: random.text(),
                    }
                }),
            }),
            1 => Node::Splitter(Splitter {
                name: self.text(),
                splits: self.list(|random| {
                    let hundredths = random.below(10_001) as i32;
                    let definition = json!({
                        "Weight": f64::from(hundredths) / 100.0, "ServiceSubset": random.text(),
                        "ResponseHeaders": headers,
                    });
                    Split {
                        definition: serde_json::from_value(definition).unwrap(),
                        weight: Weight::from_hundredths(random.int()),
                        next_node: random.text(),
                    }
                }),
                load_balancer: self.maybe(|random| random.json("Policy")),
            }),
            _ => Node::Resolver(Resolver {
                name: self.text(),
                default: self.flag(),
                connect_timeout: self.duration(),
                request_timeout: self.duration(),
                target: self.text(),
                failover: self.maybe(|random| Failover {
                    targets: random.list(Self::text),
                    policy: random.maybe(|random| random.json("Mode")),
                }),
                load_balancer: self.maybe(|random| random.json("Policy")),
            }),
        }
    }

    /// A part of an entry with one text in it.
    fn json<T: serde::de::DeserializeOwned>(&mut self, field: &str) -> T {
        serde_json::from_value(json!({ field: self.text() })).unwrap()
    }

    fn target(&mut self) -> Target {
        Target {
            id: self.text(),
            service: self.service(),
            service_subset: self.text(),
            datacenter: self.text(),
            peer: self.text().into(),
            mesh_gateway: MeshGateway { mode: self.text() },
            subset: self.json("Filter"),
            transparent_proxy: serde_json::from_value(
                json!({"OutboundListenerPort": self.int(), "DialedDirectly": self.flag()}),
            )
            .unwrap(),
            connect_timeout: self.duration(),
            sni: self.text(),
            name: self.text(),
            external: self.flag(),
            prioritize_by_locality: self.maybe(|random| random.json("Mode")),
        }
    }

    fn chain(&mut self) -> Chain {
        let targets = self.map(|random| Arc::new(random.target()));
        let extensions = self.list(|random| random.json("Name"));
        Chain {
            service: self.service(),
            datacenter: self.text(),
            customization_hash: self.text(),
            default: self.flag(),
            protocol: self.text(),
            service_meta: self.maybe(Self::meta),
            envoy_extensions: extensions,
            start_node: self.text(),
            nodes: self.map(Self::node),
            targets,
            auto_virtual_ips: self.list(Self::text),
            manual_virtual_ips: self.maybe(|random| random.list(Self::text)),
        }
    }

    fn no_chain(&mut self) -> CompileError {
        let (chain, service) = (self.service(), self.service());
        let (protocol, expected) = (self.text(), self.text());
        match self.below(11) {
            0 => CompileError::NoService,
            1 => CompileError::NoTrustDomain,
            2 => CompileError::Denied,
            3 => CompileError::MixedProtocols {
                chain,
                service,
                protocol,
                expected,
            },
            4 => CompileError::NeedsHttp { chain, protocol },
            5 => CompileError::UnknownSubset {
                service,
                subset: protocol,
            },
            6 => CompileError::External {
                service,
                what: "failover",
            },
            7 => CompileError::CircularRedirect(self.list(Self::text)),
            8 => CompileError::CircularReference(self.list(Self::text)),
            9 => CompileError::TooDeep(service),
            _ => CompileError::TooManySplits(service),
        }
    }

    fn roots(&mut self) -> Roots {
        Roots {
            trust_domain: self.text(),
            active_root_id: self.text(),
            bundle: self.text().into(),
        }
    }

    /// One of every kind.
    pub(super) fn values(&mut self) -> Vec<Value> {
        let intentions = self.list(|random| Arc::new(random.intention()));
        vec![
            Value::Proxy(self.maybe(|random| Arc::new(random.proxy()))),
            Value::Endpoints(Arc::new(Endpoints {
                endpoints: self.list(Self::endpoint),
            })),
            Value::ServiceConfig(Arc::new(self.service_config())),
            Value::Chain(Ok(Arc::new(self.chain()))),
            Value::Chain(Err(Arc::new(self.no_chain()))),
            Value::Intentions(Arc::new(Intentions {
                intentions,
                default_allow: self.flag(),
            })),
            Value::Roots(self.maybe(|random| Arc::new(random.roots()))),
            Value::Mesh(Arc::new(Mesh {
                entry: self.maybe(|random| Arc::new(random.mesh())),
            })),
        ]
    }

    /// One of every kind.
    pub(super) fn keys(&mut self) -> Vec<Key> {
        vec![
            Key::Proxy(self.instance()),
            Key::Endpoints(self.peered()),
            Key::Subset(SubsetKey {
                service: self.service(),
                filter: self.text(),
            }),
            Key::ServiceConfig(self.service()),
            Key::Chain(ChainKey {
                service: self.service(),
                datacenter: self.text(),
                overrides: Overrides {
                    protocol: self.text(),
                    connect_timeout: self.duration(),
                    mesh_gateway: MeshGateway { mode: self.text() },
                },
            }),
            Key::Intentions(self.service()),
            Key::Roots,
            Key::Mesh,
        ]
    }
}
