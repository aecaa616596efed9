//! A store behind the API, asked with the requests that clients write.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tribune_acl::Authorizer;
use tribune_api::{Answered, Context, Settings, answer, plan};
use tribune_derived::Key;
use tribune_state::{Command, Operation, Outcome, Snapshot, Store, WatchSet};
use tribune_types::call::{
    Answer, Body, CallError, ChainQuery, Instances, IntentionPair, MatchBy, Options, Query, Write,
};
use tribune_types::config_entry::{self, Kind, Raw};
use tribune_types::connect::{CaConfiguration, CaRoot};
use tribune_types::{Name, NodeName, PeerName, ServiceName, Status};

pub(crate) const CLUSTER: &str = "11111111-2222-3333-4444-555555555555";

/// A cluster of one store. Whoever asks is `authorizer`.
pub(crate) struct World {
    store: Store,
    pub(crate) authorizer: Authorizer,
    pub(crate) settings: Settings,
}

impl Default for World {
    fn default() -> Self {
        let settings = Settings {
            datacenter: "dc1".to_owned(),
            default_allow: true,
            intention_policy: false,
            leader: "127.0.0.1:8300".to_owned(),
            peers: vec!["127.0.0.1:8300".to_owned()],
        };
        Self {
            store: Store::new(),
            authorizer: Authorizer::allow_all(),
            settings,
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The body; text and the words of an error as a JSON string.
    pub(crate) body: Value,
    pub(crate) index: Option<u64>,
    pub(crate) filtered: bool,
}

impl World {
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }

    /// Applies an operation of a plan or a test's own.
    pub(crate) fn apply(&mut self, operation: Operation) -> Outcome {
        let index = self.store.index() + 1;
        self.store.apply(index, Command::from(operation)).outcome
    }

    /// Gives the cluster a certificate authority.
    pub(crate) fn with_ca(mut self) -> Self {
        let root = CaRoot {
            id: "aa:bb".to_owned(),
            name: "Consul CA Primary Cert".to_owned(),
            root_cert: "ROOT\n".to_owned(),
            intermediate_certs: Some(vec!["BETWEEN\n".to_owned()]),
            active: true,
            ..CaRoot::default()
        };
        let configuration = CaConfiguration {
            cluster_id: CLUSTER.to_owned(),
            provider: "consul".to_owned(),
            signing_key: "SECRET".to_owned(),
            ..CaConfiguration::default()
        };
        let outcome = self.apply(Operation::SetCaRoots {
            roots: vec![root],
            configuration: Some(Box::new(configuration)),
            cas: None,
        });
        assert_eq!(outcome, Outcome::Done);
        self
    }

    /// Makes changes that must succeed.
    pub(crate) fn with<'a>(mut self, writes: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        for (path, body) in writes {
            let reply = self.put(path, body);
            assert_eq!(reply.status, 200, "{reply:?}");
        }
        self
    }

    fn in_context<T>(&self, work: impl FnOnce(&Context<'_>) -> T) -> T {
        let snapshot = self.snapshot();
        let settings = tribune_views::Settings {
            datacenter: self.settings.datacenter.clone(),
            default_allow: self.settings.default_allow,
        };
        let derive = |key: &Key, watch: &mut WatchSet| {
            tribune_views::compute(&settings, &snapshot, key, watch)
        };
        work(&Context {
            snapshot: &snapshot,
            authorizer: &self.authorizer,
            settings: &self.settings,
            now: std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000),
            random: u128::from(snapshot.index()),
            derive: &derive,
        })
    }

    pub(crate) fn ask(&self, query: &Query, options: &Options) -> Result<Answered, CallError> {
        self.in_context(|context| answer(context, query, options))
    }

    /// Plans a change and carries it out.
    pub(crate) fn change(&mut self, write: Write) -> Result<Answer, CallError> {
        let plan = self.in_context(|context| plan(context, write))?;
        let Some(operation) = plan.operation else {
            return Ok(plan.reply.answer(true));
        };
        match self.apply(operation) {
            Outcome::Done => Ok(plan.reply.answer(true)),
            Outcome::Cas(held) => Ok(plan.reply.answer(held)),
            Outcome::Refused(error) => Err(CallError::Refused(error.to_string())),
        }
    }

    pub(crate) fn get(&self, url: &str) -> Reply {
        let (query, options) = Url::parse(url).query();
        reply(self.ask(&query, &options).map(|answered| answered.answer))
    }

    pub(crate) fn authorize(&self, target: &str, client_cert_uri: &str) -> Reply {
        let query = Query::Authorize {
            target: ServiceName::new(target),
            client_cert_uri: client_cert_uri.to_owned(),
        };
        let answered = self.ask(&query, &Options::default());
        reply(answered.map(|answered| answered.answer))
    }

    pub(crate) fn put(&mut self, url: &str, body: Value) -> Reply {
        let url = Url::parse(url);
        let write = url.put(body);
        reply(write.and_then(|write| self.change(write)))
    }

    pub(crate) fn delete(&mut self, url: &str) -> Reply {
        let write = Url::parse(url).delete();
        reply(self.change(write))
    }
}

fn reply(result: Result<Answer, CallError>) -> Reply {
    let (status, answer) = match result {
        Ok(answer) => (if answer.missing { 404 } else { 200 }, answer),
        Err(error) => {
            let status = match &error {
                CallError::BadRequest(_) => 400,
                CallError::Denied(_) | CallError::UnknownToken => 403,
                CallError::NotFound(_) => 404,
                CallError::Refused(_) => 500,
                CallError::TooMany(_) => 429,
                CallError::Unavailable(_) => 503,
            };
            let body = Body::Text(error.to_string());
            (
                status,
                Answer {
                    body,
                    ..Answer::default()
                },
            )
        }
    };
    let body = match answer.body {
        Body::Empty => Value::Null,
        Body::Json(bytes) => serde_json::from_slice(&bytes).unwrap(),
        Body::Text(text) | Body::Pem(text) => text.into(),
    };
    Reply {
        status,
        body,
        index: answer.index,
        filtered: answer.filtered_by_acls,
    }
}

/// A request's path and parameters, read as far as the tests need it.
struct Url {
    path: Vec<String>,
    parameters: Vec<(String, String)>,
}

impl Url {
    fn parse(url: &str) -> Self {
        let (path, parameters) = url.split_once('?').unwrap_or((url, ""));
        let path = path.trim_start_matches("/v1/").split('/');
        Self {
            path: path.map(str::to_owned).collect(),
            parameters: form_urlencoded::parse(parameters.as_bytes())
                .into_owned()
                .collect(),
        }
    }

    fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let pairs = self.parameters.iter();
        pairs
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    fn one(&self, key: &str) -> &str {
        let mut pairs = self.parameters.iter();
        pairs
            .find(|(name, _)| name == key)
            .map_or("", |(_, value)| value)
    }

    fn has(&self, key: &str) -> bool {
        self.all(key).any(|value| value != "false")
    }

    fn options(&self) -> Options {
        let pair = |text: &str| {
            let (key, value) = text.split_once(':').unwrap_or((text, ""));
            (key.to_owned(), value.to_owned())
        };
        Options {
            filter: self.one("filter").to_owned(),
            node_meta: self.all("node-meta").map(pair).collect(),
            peer: self.one("peer").into(),
            ..Options::default()
        }
    }

    fn node(&self, name: &str) -> NodeName {
        NodeName {
            peer: self.one("peer").into(),
            ..NodeName::new(name)
        }
    }

    fn instances(&self, service: &str, connect: bool) -> Instances {
        Instances {
            service: ServiceName::new(service),
            connect,
            passing: self.has("passing"),
            tags: self.all("tag").map(str::to_owned).collect(),
            merge_central_config: self.all("merge-central-config").next().is_some(),
        }
    }

    fn pair(&self) -> IntentionPair {
        let (source_peer, source) = self
            .one("source")
            .strip_prefix("peer:")
            .and_then(|text| text.split_once('/'))
            .unwrap_or_else(|| ("", self.one("source")));
        IntentionPair {
            source: service(source),
            source_peer: PeerName::from(source_peer),
            destination: service(self.one("destination")),
        }
    }

    fn cas(&self) -> Option<u64> {
        self.all("cas").next().map(|text| text.parse().unwrap())
    }

    fn query(&self) -> (Query, Options) {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let query = match path[..] {
            ["catalog", "datacenters"] => Query::Datacenters,
            ["catalog", "nodes"] => Query::Nodes,
            ["catalog", "services"] => Query::Services,
            ["catalog", "service", name] => Query::ServiceNodes(self.instances(name, false)),
            ["catalog", "connect", name] => Query::ServiceNodes(self.instances(name, true)),
            ["catalog", "node", node] => Query::Node(self.node(node)),
            ["catalog", "node-services", node] => Query::NodeServices {
                node: self.node(node),
                merge_central_config: self.all("merge-central-config").next().is_some(),
            },
            ["health", "node", node] => Query::NodeChecks(self.node(node)),
            ["health", "checks", name] => Query::ServiceChecks(ServiceName::new(name)),
            ["health", "state", "any"] => Query::ChecksInState(None),
            ["health", "state", state] => Query::ChecksInState(Some(Status::from(state))),
            ["health", "service", name] => Query::CheckServiceNodes(self.instances(name, false)),
            ["health", "connect", name] => Query::CheckServiceNodes(self.instances(name, true)),
            ["config", kind] => Query::ConfigEntries(Kind::parse(kind).unwrap()),
            ["config", kind, name] => Query::ConfigEntry(config_key(kind, name)),
            ["connect", "intentions"] => Query::Intentions,
            ["connect", "intentions", "exact"] => Query::IntentionExact(self.pair()),
            ["connect", "intentions", "check"] => Query::IntentionCheck(self.pair()),
            ["catalog", "gateway-services", name] => Query::GatewayServices(ServiceName::new(name)),
            ["health", "ingress", name] => Query::IngressGatewaysOf {
                service: ServiceName::new(name),
                passing: self.has("passing"),
            },
            ["exported-services"] => Query::ExportedServices,
            ["connect", "intentions", "id", id] => Query::IntentionById(id.to_owned()),
            ["connect", "intentions", "match"] => Query::IntentionMatch {
                by: match self.one("by") {
                    "source" => MatchBy::Source,
                    _ => MatchBy::Destination,
                },
                names: self
                    .all("name")
                    .map(|name| (name.to_owned(), service(name)))
                    .collect(),
            },
            ["connect", "ca", "roots"] => Query::CaRoots {
                pem: self.has("pem"),
            },
            ["connect", "ca", "configuration"] => Query::CaConfiguration,
            ["discovery-chain", name] => Query::DiscoveryChain(ChainQuery {
                service: ServiceName::new(name),
                datacenter: self.one("compile-dc").to_owned(),
                ..ChainQuery::default()
            }),
            ["status", "leader"] => Query::Leader,
            ["status", "peers"] => Query::Peers,
            ref other => panic!("no such endpoint: {other:?}"),
        };
        (query, self.options())
    }

    fn put(&self, body: Value) -> Result<Write, CallError> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        Ok(match path[..] {
            ["catalog", "register"] => Write::Register(Box::new(parse(body)?)),
            ["catalog", "deregister"] => Write::Deregister(parse(body)?),
            ["config"] => {
                let kind = Kind::parse(body["Kind"].as_str().unwrap()).unwrap();
                let raw = Raw::deserialize(kind, body)
                    .map_err(|error| CallError::BadRequest(error.to_string()))?;
                Write::PutConfigEntry {
                    entry: Box::new(raw),
                    cas: self.cas(),
                }
            }
            ["connect", "intentions"] => Write::PutIntentionById {
                id: None,
                body: Box::new(parse(body)?),
            },
            ["connect", "intentions", "id", id] => Write::PutIntentionById {
                id: Some(id.to_owned()),
                body: Box::new(parse(body)?),
            },
            ["connect", "intentions", "exact"] => Write::PutIntention {
                pair: self.pair(),
                body: Box::new(parse(body)?),
            },
            ref other => panic!("no such endpoint: {other:?}"),
        })
    }

    fn delete(&self) -> Write {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match path[..] {
            ["config", kind, name] => Write::DeleteConfigEntry {
                key: config_key(kind, name),
                cas: self.cas(),
            },
            ["connect", "intentions", "exact"] => Write::DeleteIntention(self.pair()),
            ["connect", "intentions", "id", id] => Write::DeleteIntentionById(id.to_owned()),
            ref other => panic!("no such endpoint: {other:?}"),
        }
    }
}

fn parse<T: DeserializeOwned>(body: Value) -> Result<T, CallError> {
    serde_json::from_value(body).map_err(|error| CallError::BadRequest(error.to_string()))
}

fn service(text: &str) -> ServiceName {
    ServiceName::new(text.rsplit('/').next().unwrap_or_default())
}

fn config_key(kind: &str, name: &str) -> config_entry::Key {
    config_entry::Key::new(
        Kind::parse(kind).unwrap(),
        ServiceName::new(Name::from(name)),
    )
}

/// Three instances of `soup` on three nodes, one of `salad` with a sidecar, and central configuration.
pub(crate) fn kitchen() -> World {
    let on = |node: &str, rack: &str, service: Value| {
        let address = format!("10.10.1.{}", &node[1..]);
        json!({"Node": node, "Address": address, "NodeMeta": {"rack": rack}, "Service": service})
    };
    let with_check = |mut body: Value, check: Value| {
        body["Check"] = check;
        body
    };
    let register = "/v1/catalog/register";
    World::default().with_ca().with([
        (
            register,
            with_check(
                on("n1", "r1", json!({"Service": "soup", "ID": "soup-1", "Port": 80, "Tags": ["hot", "v1"], "Meta": {"v": "1"}})),
                json!({"CheckID": "s1", "Name": "s1", "ServiceID": "soup-1", "Status": "passing"}),
            ),
        ),
        (
            register,
            with_check(
                json!({"Node": "n1", "Address": "10.10.1.1", "NodeMeta": {"rack": "r1"}}),
                json!({"CheckID": "alive", "Name": "alive", "Status": "passing"}),
            ),
        ),
        (
            register,
            with_check(
                on("n2", "r2", json!({"Service": "soup", "ID": "soup-2", "Port": 81, "Tags": ["Hot", "v2"], "Address": "10.20.0.2", "Weights": {"Passing": 9, "Warning": 3}})),
                json!({"CheckID": "s2", "Name": "s2", "ServiceID": "soup-2", "Status": "warning", "Output": "slow"}),
            ),
        ),
        (
            register,
            with_check(
                on("n3", "r1", json!({"Service": "soup", "ID": "soup-3", "Port": 82, "Tags": []})),
                json!({"CheckID": "s3", "Name": "s3", "ServiceID": "soup-3", "Status": "critical"}),
            ),
        ),
        (
            register,
            on("n3", "r1", json!({"Service": "salad", "ID": "salad-1", "Port": 90, "Tags": ["cold"]})),
        ),
        (
            register,
            on(
                "n3",
                "r1",
                json!({"Kind": "connect-proxy", "Service": "salad-proxy", "ID": "salad-p", "Port": 21000, "Tags": ["side"],
                    "Proxy": {"DestinationServiceName": "salad", "Upstreams": [{"DestinationName": "soup", "LocalBindPort": 5}]}}),
            ),
        ),
        (
            "/v1/config",
            json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http", "x": 1}, "MeshGateway": {"Mode": "local"}}),
        ),
        (
            "/v1/config",
            json!({"Kind": "service-defaults", "Name": "salad", "Protocol": "grpc", "MaxInboundConnections": 7}),
        ),
    ])
}

/// What one field of each row of a list says.
pub(crate) fn column(body: &Value, pointer: &str) -> Vec<String> {
    let rows = body.as_array().unwrap().iter();
    rows.map(|row| row.pointer(pointer).unwrap().as_str().unwrap().to_owned())
        .collect()
}

/// A body with every index and hash as a placeholder.
pub(crate) fn blurred(mut body: Value) -> Value {
    fn blur(value: &mut Value) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    match key.as_str() {
                        "CreateIndex" | "ModifyIndex" => *value = json!("<n>"),
                        "Hash" => *value = json!("<hash>"),
                        _ => blur(value),
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(blur),
            _ => {}
        }
    }
    blur(&mut body);
    body
}
