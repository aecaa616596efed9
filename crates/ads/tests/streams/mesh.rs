//! A mesh in memory: a source, tokens, certificates, and the service over them on a port of its own.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tribune_acl::{Authorizer, ResolveError, Resolver};
use tribune_ads::{Config, Limits, ProxyStatus, Registry, Service, serve};
use tribune_ca::{Certificate, KeyPair};
use tribune_chain::{CompileRequest, compile};
use tribune_derived::{
    ChainKey, Endpoints, Intentions, Key, Mesh, Proxy, Roots, ServiceConfig, Sink, Source,
    Subscription, Value,
};
use tribune_leaf::{Issuer, Issuing, Manager, Subject};
use tribune_types::proxy::{ProxyConfig, Upstream};
use tribune_types::spiffe::TrustDomain;
use tribune_types::{InstanceName, Meta, NodeName, ServiceKind, ServiceName, Token};

const TRUST_DOMAIN: &str = "11111111-2222-3333-4444-555555555555.consul";

/// Every value that was set, and who wants to know.
#[derive(Default)]
struct Values {
    values: HashMap<Key, Value>,
    sinks: HashMap<u64, (Key, Arc<dyn Sink>)>,
    last: u64,
}

#[derive(Clone, Default)]
pub(crate) struct TestSource(Arc<Mutex<Values>>);

impl TestSource {
    pub(crate) fn set(&self, key: Key, value: Value) {
        let mut values = self.0.lock().unwrap();
        for (_, sink) in values.sinks.values().filter(|(wanted, _)| *wanted == key) {
            sink.deliver(&key, &value);
        }
        values.values.insert(key, value);
    }

    /// How many subscriptions there are.
    pub(crate) fn subscriptions(&self) -> usize {
        self.0.lock().unwrap().sinks.len()
    }
}

impl Source for TestSource {
    fn subscribe(&self, key: &Key, _: &Token, sink: &Arc<dyn Sink>) -> Subscription {
        struct Guard(TestSource, u64);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.0.lock().unwrap().sinks.remove(&self.1);
            }
        }
        let mut values = self.0.lock().unwrap();
        match values.values.get(key) {
            Some(value) => sink.deliver(key, value),
            None if matches!(key, Key::Proxy(_)) => sink.deliver(key, &Value::Proxy(None)),
            None => {}
        }
        values.last += 1;
        let number = values.last;
        values.sinks.insert(number, (key.clone(), Arc::clone(sink)));
        Subscription::new(Guard(self.clone(), number))
    }
}

/// Tokens that are not anonymous: what they may do, or that they do not exist.
#[derive(Clone, Default)]
pub(crate) struct Tokens(Arc<Mutex<HashMap<String, Authorizer>>>);

impl Tokens {
    pub(crate) fn set(&self, secret: &str, authorizer: Authorizer) {
        self.0.lock().unwrap().insert(secret.to_owned(), authorizer);
    }
}

impl Resolver for Tokens {
    fn resolve(&self, token: &Token) -> Result<Authorizer, ResolveError> {
        if token.is_anonymous() {
            return Ok(Authorizer::allow_all());
        }
        self.0
            .lock()
            .unwrap()
            .get(token.secret())
            .cloned()
            .ok_or(ResolveError::NotFound)
    }
}

/// Issues certificates that say which root they are under.
struct TestIssuer(Arc<Mutex<String>>);

impl Issuer for TestIssuer {
    fn issue<'a>(&'a self, subject: &'a Subject, _: &'a KeyPair) -> Issuing<'a> {
        let root = self.0.lock().unwrap().clone();
        let domain = TrustDomain::new(TRUST_DOMAIN).unwrap();
        let now = SystemTime::now();
        Box::pin(std::future::ready(Ok(Certificate {
            chain_pem: format!("certificate under {root}\n"),
            serial_number: root.clone(),
            id: subject.identity.clone().within(&domain),
            not_before: now - Duration::from_secs(60),
            not_after: now + Duration::from_secs(3600),
            signing_key_id: root.into(),
        })))
    }
}

/// The service on a port, and everything behind it.
pub(crate) struct TestMesh {
    pub(crate) source: TestSource,
    pub(crate) tokens: Tokens,
    pub(crate) address: SocketAddr,
    pub(crate) registry: Registry,
    leaves: Manager,
    root: Arc<Mutex<String>>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl TestMesh {
    pub(crate) async fn start(limits: Limits) -> Self {
        let (source, tokens) = (TestSource::default(), Tokens::default());
        let root = Arc::new(Mutex::new("root-1".to_owned()));
        let leaves = Manager::new(
            Arc::new(TestIssuer(Arc::clone(&root))),
            Arc::new(SystemTime::now),
        );
        let service = Service::new(Config {
            source: Arc::new(source.clone()),
            resolver: Arc::new(tokens.clone()),
            leaves: leaves.clone(),
            node_name: "n1".into(),
            limits,
            now: Arc::new(SystemTime::now),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let registry = service.registry().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, service, async {
            let _ = stopped.await;
        }));
        let mesh = Self {
            source,
            tokens,
            address,
            registry,
            leaves,
            root,
            stop: Some(stop),
            server,
        };
        mesh.set_roots("root certificate\n");
        mesh.source
            .set(Key::Mesh, Value::Mesh(Arc::new(Mesh::default())));
        mesh
    }

    pub(crate) fn set_roots(&self, bundle: &str) {
        let roots = Roots {
            trust_domain: TRUST_DOMAIN.to_owned(),
            active_root_id: "root-1".to_owned(),
            bundle: bundle.into(),
        };
        self.source
            .set(Key::Roots, Value::Roots(Some(Arc::new(roots))));
    }

    /// Has every leaf issued anew.
    pub(crate) fn renew_leaves(&self, root: &str) {
        root.clone_into(&mut self.root.lock().unwrap());
        self.leaves.handle_roots(root);
    }

    /// Registers a proxy of `web` with these upstreams, which exist without instances.
    pub(crate) fn register(&self, id: &str, upstreams: &[&str]) {
        self.register_on_port(id, upstreams, 20000);
    }

    pub(crate) fn register_on_port(&self, id: &str, upstreams: &[&str], port: i32) {
        let identity = ServiceName::new("web");
        let intentions = Intentions {
            intentions: Vec::new(),
            default_allow: true,
        };
        self.source.set(
            Key::Intentions(identity),
            Value::Intentions(Arc::new(intentions)),
        );
        for upstream in upstreams {
            self.set_upstream(upstream);
        }
        let instance = InstanceName {
            node: NodeName::new("n1"),
            id: id.into(),
        };
        let upstreams = upstreams.iter().zip(9000..).map(|(name, port)| Upstream {
            destination_name: (*name).into(),
            local_bind_port: port,
            ..Upstream::default()
        });
        let proxy = Proxy {
            instance: instance.clone(),
            kind: ServiceKind::ConnectProxy,
            service: ServiceName::new("web-sidecar-proxy"),
            address: "127.0.0.1".to_owned(),
            port,
            node_address: "127.0.0.1".to_owned(),
            tagged_addresses: BTreeMap::new(),
            meta: Meta::new(),
            datacenter: "dc1".to_owned(),
            locality: None,
            config: ProxyConfig {
                destination_service_name: "web".into(),
                local_service_port: 8080,
                upstreams: upstreams.collect(),
                ..ProxyConfig::default()
            },
        };
        self.source
            .set(Key::Proxy(instance), Value::Proxy(Some(Arc::new(proxy))));
    }

    fn set_upstream(&self, name: &str) {
        let service = ServiceName::new(name);
        let key = ChainKey {
            service: service.clone(),
            datacenter: "dc1".to_owned(),
            overrides: Default::default(),
        };
        let request = CompileRequest {
            service: &service,
            datacenter: "dc1",
            trust_domain: TRUST_DOMAIN,
            overrides: &key.overrides,
            auto_virtual_ips: &[],
            manual_virtual_ips: None,
        };
        let chain = compile(&request, &mut BTreeMap::new())
            .map(Arc::new)
            .map_err(Arc::new);
        self.source.set(Key::Chain(key), Value::Chain(chain));
        let endpoints = Value::Endpoints(Arc::new(Endpoints::default()));
        self.source
            .set(Key::Endpoints(service.clone().into()), endpoints);
        let config = Value::ServiceConfig(Arc::new(ServiceConfig::default()));
        self.source.set(Key::ServiceConfig(service), config);
    }

    /// The status of a proxy, once it is as `wanted`.
    pub(crate) async fn status(
        &self,
        id: &str,
        wanted: impl Fn(&ProxyStatus) -> bool,
    ) -> ProxyStatus {
        let found = || {
            self.registry
                .list()
                .into_iter()
                .find(|s| s.instance.id.as_str() == id)
        };
        let until = async {
            loop {
                if let Some(status) = found().filter(&wanted) {
                    return status;
                }
                tokio::task::yield_now().await;
            }
        };
        let status = tokio::time::timeout(Duration::from_secs(10), until).await;
        status.unwrap_or_else(|_| panic!("{id} is {:?}", found()))
    }

    /// Waits until no stream is open and nothing is subscribed to.
    pub(crate) async fn idle(&self) {
        let until = async {
            while self.registry.streams() > 0 || self.source.subscriptions() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), until)
            .await
            .expect("streams stay open");
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let ended = tokio::time::timeout(Duration::from_secs(10), &mut self.server).await;
        ended.expect("the server stops").unwrap();
    }
}
