use std::collections::BTreeMap;

use serde_json::{Value, json};
use tribune_types::config_entry::Raw;

use super::*;

/// Entries, and what is written to them with what follows from it.
#[derive(Default)]
struct World(BTreeMap<Key, Arc<Entry>>);

impl World {
    fn put(&mut self, kind: Kind, json: Value) {
        let entry = Entry::try_from(Raw::deserialize(kind, json).unwrap()).unwrap();
        self.make(&Proposal::Put(Arc::new(entry)));
    }

    fn delete(&mut self, kind: Kind, name: &str) {
        self.make(&Proposal::Delete(Key::new(kind, ServiceName::new(name))));
    }

    fn make(&mut self, proposal: &Proposal) {
        let mut writes = bind(proposal, &mut self.0, "2024-01-01T00:00:00Z");
        if writes.is_empty() {
            writes.push(proposal.clone());
        }
        assert_eq!(
            writes[0].key(),
            proposal.key(),
            "the caller's own comes first"
        );
        for write in writes {
            match write {
                Proposal::Put(entry) => drop(self.0.insert(entry.key(), entry)),
                Proposal::Delete(key) => drop(self.0.remove(&key)),
            }
        }
    }

    /// Type, status and reason of each condition, with the section that it is about.
    fn conditions(&self, kind: Kind, name: &str) -> Vec<String> {
        let entry = &self.0[&Key::new(kind, ServiceName::new(name))];
        let status = entry.status().unwrap();
        let row = |condition: &Condition| {
            let resource = condition.resource.clone().unwrap_or_default();
            let (name, section) = (resource.name, resource.section_name);
            format!("{} {} {name}/{section}", condition.r#type, condition.reason)
        };
        status.iter().map(row).collect()
    }

    /// The listeners of a bound gateway with the names of their routes, and the services that it leads to.
    fn bound(&self, gateway: &str) -> Value {
        let key = Key::new(Kind::BoundApiGateway, ServiceName::new(gateway));
        let Some(Entry::BoundApiGateway(bound)) = self.0.get(&key).map(|entry| &**entry) else {
            return Value::Null;
        };
        let listeners: Vec<Value> = bound
            .listeners()
            .map(|listener| {
                let names: Option<Vec<_>> = listener
                    .routes
                    .as_ref()
                    .map(|routes| routes.iter().map(|route| route.name.clone()).collect());
                json!([listener.name, names])
            })
            .collect();
        let services: Vec<_> = bound
            .services
            .iter()
            .flat_map(|services| services.keys())
            .collect();
        json!([listeners, services])
    }

    fn gateway(&mut self, listeners: Value) {
        self.put(
            Kind::ApiGateway,
            json!({"Name": "gate", "Listeners": listeners}),
        );
    }

    fn http_route(&mut self, name: &str, parent: Value, service: &str) {
        let route = json!({"Name": name, "Parents": [parent], "Rules": [{"Services": [{"Name": service}]}]});
        self.put(Kind::HttpRoute, route);
    }
}

fn http() -> World {
    let mut world = World::default();
    world.put(
        Kind::ProxyDefaults,
        json!({"Name": "global", "Config": {"protocol": "http"}}),
    );
    world
}

#[test]
fn a_route_is_bound_whichever_of_the_two_is_written_first() {
    let listeners = json!([{"Name": "web", "Port": 8080, "Protocol": "http"}]);
    let mut world = http();
    world.http_route("r", json!({"Name": "gate"}), "a");
    let unbound = ["Accepted Accepted /", "Bound GatewayNotFound gate/"];
    assert_eq!(world.conditions(Kind::HttpRoute, "r"), unbound);
    world.gateway(listeners);
    let bound = ["Accepted Accepted /", "Bound Bound gate/"];
    assert_eq!(world.conditions(Kind::HttpRoute, "r"), bound);
    assert_eq!(world.bound("gate"), json!([[["web", ["r"]]], ["a"]]));
    let gateway = [
        "Accepted Accepted /",
        "Conflicted NoConflict gate/web",
        "ResolvedRefs ResolvedRefs gate/web",
    ];
    assert_eq!(world.conditions(Kind::ApiGateway, "gate"), gateway);
    world.delete(Kind::HttpRoute, "r");
    assert_eq!(world.bound("gate"), json!([[["web", []]], []]));
    world.delete(Kind::ApiGateway, "gate");
    assert_eq!(world.bound("gate"), Value::Null);
}

#[test]
fn what_a_route_leads_to_speaks_what_the_route_does() {
    let mut world = http();
    world.gateway(json!([{"Name": "web", "Port": 8080, "Protocol": "http"}]));
    world.http_route("r", json!({"Name": "gate"}), "a");
    world.put(
        Kind::ServiceDefaults,
        json!({"Name": "a", "Protocol": "tcp"}),
    );
    let refused = [
        "Accepted InvalidDiscoveryChain /",
        "Bound FailedToBind gate/",
    ];
    assert_eq!(world.conditions(Kind::HttpRoute, "r"), refused);
    assert_eq!(world.bound("gate"), json!([[["web", []]], []]));
    world.put(Kind::TcpRoute, json!({"Name": "t", "Parents": [{"Name": "gate", "SectionName": "web"}], "Services": [{"Name": "a"}]}));
    let other = ["Accepted Accepted /", "Bound FailedToBind gate/web"];
    assert_eq!(world.conditions(Kind::TcpRoute, "t"), other);
    world.put(
        Kind::HttpRoute,
        json!({"Name": "none", "Parents": [{"Name": "gate"}]}),
    );
    let nowhere = [
        "Accepted NoUpstreamServicesTargeted /",
        "Bound FailedToBind gate/",
    ];
    assert_eq!(world.conditions(Kind::HttpRoute, "none"), nowhere);
}

#[test]
fn a_certificate_that_is_missing_holds_the_gateway_back_until_it_is_there() {
    let mut world = http();
    let certificate = json!({"Kind": "file-system-certificate", "Name": "disk"});
    world.gateway(json!([{"Name": "web", "Port": 1, "Protocol": "http", "TLS": {"Certificates": [certificate]}}]));
    let missing = [
        "Accepted InvalidCertificates /",
        "Conflicted NoConflict gate/web",
        "ResolvedRefs InvalidCertificateRef gate/web",
    ];
    assert_eq!(world.conditions(Kind::ApiGateway, "gate"), missing);
    world.put(Kind::FileSystemCertificate, json!({"Name": "disk"}));
    assert_eq!(
        world.conditions(Kind::ApiGateway, "gate")[0],
        "Accepted Accepted /"
    );
}

#[test]
fn connections_go_one_way_and_requests_by_their_hosts() {
    let mut world = World::default();
    world.gateway(json!([{"Name": "raw", "Port": 1, "Protocol": "tcp"}]));
    for name in ["first", "second"] {
        world.put(
            Kind::TcpRoute,
            json!({"Name": name, "Parents": [{"Name": "gate"}], "Services": [{"Name": "a"}]}),
        );
    }
    assert_eq!(
        world.conditions(Kind::ApiGateway, "gate")[1],
        "Conflicted RouteConflict gate/raw"
    );

    let mut world = http();
    world.gateway(json!([
        {"Name": "one", "Port": 1, "Protocol": "http", "Hostname": "one.test"},
        {"Name": "two", "Port": 2, "Protocol": "http", "Hostname": "*.two.test"},
    ]));
    let half = json!({"Name": "half", "Hostnames": ["x.two.test"], "Parents": [{"Name": "gate"}], "Rules": [{"Services": [{"Name": "a"}]}]});
    world.put(Kind::HttpRoute, half);
    assert_eq!(
        world.bound("gate"),
        json!([[["one", null], ["two", ["half"]]], ["a"]])
    );
    assert_eq!(
        world.conditions(Kind::HttpRoute, "half")[1],
        "Bound FailedToBind gate/"
    );
}

#[test]
fn a_write_that_changes_no_binding_brings_no_other() {
    let mut world = http();
    world.gateway(json!([{"Name": "web", "Port": 8080, "Protocol": "http"}]));
    let entry = Entry::try_from(
        Raw::deserialize(
            Kind::ServiceDefaults,
            json!({"Name": "z", "Protocol": "http"}),
        )
        .unwrap(),
    );
    let proposal = Proposal::Put(Arc::new(entry.unwrap()));
    assert!(bind(&proposal, &mut world.0, "later").is_empty());
    assert!(bind(&proposal, &mut BTreeMap::new(), "later").is_empty());
}
