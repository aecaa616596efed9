//! What a sidecar is configured with, case by case: `golden/NAME.json` says what is registered, written and
//! running, `golden/NAME.golden` what Envoy gets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tribune_chain::CompileRequest;
use tribune_derived::{Endpoint, Endpoints, Health, Intentions, Key, Mesh, Proxy, Roots, Value};
use tribune_proxycfg::{Builder, Need};
use tribune_testkit::golden;
use tribune_types::config_entry::{Entry, Key as EntryKey, Kind, Raw};
use tribune_types::proxy::ProxyConfig;
use tribune_types::{InstanceName, Meta, NodeName, ServiceKind, ServiceName, Weights, intention};
use tribune_xds::{Generator, Memo, check, dump};

const TRUST_DOMAIN: &str = "11111111-2222-3333-4444-555555555555.consul";

/// One proxy and the mesh around it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[expect(dead_code, reason = "words for people")]
    about: String,
    #[serde(default)]
    address: String,
    port: i32,
    /// The registration's `Proxy`, central configuration merged in.
    proxy: ProxyConfig,
    /// Config entries as they are written.
    #[serde(default)]
    entries: Vec<Json>,
    /// Sidecars by the service that they stand for, and `SERVICE where FILTER` for those that a filter selects.
    #[serde(default)]
    instances: BTreeMap<String, Vec<Instance>>,
    #[serde(default)]
    default_allow: bool,
    /// Names of clusters that the case refers to without configuring them.
    #[serde(default)]
    elsewhere: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Instance {
    address: String,
    port: i32,
    #[serde(default)]
    weights: Weights,
    #[serde(default)]
    health: String,
}

#[test]
fn sidecars_are_configured_as_recorded() {
    golden::check_cases("tests/golden", "json", |text| {
        let case: Case = serde_json::from_str(text).unwrap();
        golden::json_text(&case.configuration())
    });
}

// === impl Case ===

impl Case {
    /// The resources by type and name, and what is not served.
    fn configuration(&self) -> Json {
        let mut builder = Builder::new(instance("web-sidecar-proxy"));
        while let Some(need) = builder.poll_need() {
            if let Need::Subscribe(key) = need {
                builder.handle_update(&key, &self.value(&key));
            }
        }
        let snapshot = builder.snapshot().unwrap();
        let mut generator = Generator::new();
        let changed = generator.handle_snapshot(&snapshot, &mut Memo::new());
        let resources = || generator.resources().map(AsRef::as_ref);
        let dangling = check(resources());
        let elsewhere = |name: &String| self.elsewhere.contains(name);
        assert!(
            dangling.iter().all(|dangling| elsewhere(&dangling.to.1)),
            "{dangling:?}"
        );
        let mut configuration = Map::new();
        for resource in resources() {
            let of_kind = configuration
                .entry(resource.kind.as_str())
                .or_insert_with(|| json!({}));
            of_kind[&*resource.name] = dump(resource.kind.type_url(), &resource.body).unwrap();
        }
        let problems = changed
            .problems
            .iter()
            .map(|problem| format!("{}: {}", problem.resource, problem.reason));
        configuration.insert("problems".to_owned(), problems.collect());
        Json::Object(configuration)
    }

    fn value(&self, key: &Key) -> Value {
        match key {
            Key::Proxy(_) => Value::Proxy(Some(Arc::new(self.proxy()))),
            Key::Endpoints(service) => {
                Value::Endpoints(Arc::new(self.endpoints(&service.service, "")))
            }
            Key::Subset(subset) => {
                let of = self.endpoints(&subset.service, &subset.filter);
                Value::Endpoints(Arc::new(of))
            }
            Key::Chain(key) => {
                let request = CompileRequest {
                    service: &key.service,
                    datacenter: "dc1",
                    trust_domain: TRUST_DOMAIN,
                    overrides: &key.overrides,
                    auto_virtual_ips: &[],
                    manual_virtual_ips: None,
                };
                Value::Chain(
                    tribune_chain::compile(&request, &mut self.entries())
                        .map(Arc::new)
                        .map_err(Arc::new),
                )
            }
            Key::Intentions(destination) => {
                Value::Intentions(Arc::new(self.intentions(destination)))
            }
            Key::Roots => Value::Roots(Some(Arc::new(Roots {
                trust_domain: TRUST_DOMAIN.to_owned(),
                active_root_id: "aa:bb".to_owned(),
                bundle: "the roots' PEM\n".into(),
            }))),
            Key::Mesh => Value::Mesh(Arc::new(Mesh {
                entry: self.entries().remove(&EntryKey::mesh()),
            })),
            Key::ServiceConfig(_) => {
                unreachable!("proxies come with their service's configuration")
            }
        }
    }

    fn proxy(&self) -> Proxy {
        Proxy {
            instance: instance("web-sidecar-proxy"),
            kind: ServiceKind::ConnectProxy,
            service: ServiceName::new("web-sidecar-proxy"),
            address: self.address.clone(),
            port: self.port,
            node_address: "10.0.0.1".to_owned(),
            tagged_addresses: BTreeMap::new(),
            meta: Meta::new(),
            datacenter: "dc1".to_owned(),
            locality: None,
            config: self.proxy.clone(),
        }
    }

    fn entries(&self) -> BTreeMap<EntryKey, Arc<Entry>> {
        let read = |json: &Json| {
            let kind = Kind::parse(json["Kind"].as_str().unwrap()).unwrap();
            let entry: Entry = Raw::deserialize(kind, json).unwrap().try_into().unwrap();
            (entry.key(), Arc::new(entry))
        };
        self.entries.iter().map(read).collect()
    }

    fn intentions(&self, destination: &ServiceName) -> Intentions {
        let entries = self.entries();
        let all = entries.values().filter_map(|entry| match &**entry {
            Entry::ServiceIntentions(entry) => Some(intention::of_entry(entry).collect::<Vec<_>>()),
            _ => None,
        });
        let about = all
            .flatten()
            .filter(|intention| intention.covers_destination(destination));
        let mut intentions: Vec<_> = about.map(Arc::new).collect();
        intentions.sort_by(|a, b| a.order(b));
        Intentions {
            intentions,
            default_allow: self.default_allow,
        }
    }

    fn endpoints(&self, service: &ServiceName, filter: &str) -> Endpoints {
        let name = if filter.is_empty() {
            service.to_string()
        } else {
            format!("{service} where {filter}")
        };
        let instances = self.instances.get(&name).into_iter().flatten().zip(1..);
        let endpoint = |(of, number): (&Instance, usize)| Endpoint {
            instance: instance(&format!("{service}-{number}-sidecar-proxy")),
            kind: ServiceKind::ConnectProxy,
            address: of.address.clone(),
            port: of.port,
            node_address: of.address.clone(),
            node_tagged_addresses: Meta::new(),
            tagged_addresses: BTreeMap::new(),
            datacenter: "dc1".to_owned(),
            locality: None,
            meta: Meta::new(),
            tags: Vec::new(),
            weights: of.weights,
            health: match of.health.as_str() {
                "" | "passing" => Health::Passing,
                "warning" => Health::Warning,
                "critical" => Health::Critical,
                other => panic!("{other:?} is no health"),
            },
        };
        Endpoints {
            endpoints: instances.map(endpoint).collect(),
        }
    }
}

fn instance(id: &str) -> InstanceName {
    InstanceName {
        node: NodeName::new("n1"),
        id: id.into(),
    }
}
