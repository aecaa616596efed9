//! The program as a proxy sees it: Envoy's own messages over a real connection.

#![expect(clippy::unwrap_used, reason = "what a test sets up is there")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::config::core::v3::address::Address;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::endpoint::v3::ClusterLoadAssignment;
use envoy_types::pb::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse,
};
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const ENDPOINT: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
const SECRET: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

const API: &str = "api.default.dc1.internal.11111111-2222-3333-4444-555555555555.consul";

struct Program(Child);

impl Program {
    fn start() -> (Self, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_embed"))
            .arg("127.0.0.1:0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut address).unwrap();
        (Self(child), format!("http://{}", address.trim()))
    }

    fn say(&mut self, line: &str) {
        let stdin = self.0.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A sidecar that acknowledges what it gets and keeps the last endpoints of each cluster.
struct Sidecar {
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
    names: Vec<(String, String)>,
    endpoints: HashMap<String, Vec<(String, u32)>>,
}

impl Sidecar {
    async fn connect(address: String) -> Self {
        let (requests, receiver) = mpsc::channel(64);
        let node_name = Value {
            kind: Some(Kind::StringValue("here".to_owned())),
        };
        let node = Node {
            id: "web-proxy".to_owned(),
            metadata: Some(Struct {
                fields: HashMap::from([("node_name".to_owned(), node_name)]),
            }),
            ..Node::default()
        };
        for (type_url, names) in [
            (CLUSTER, vec![]),
            (LISTENER, vec![]),
            (SECRET, vec!["leaf".to_owned(), "roots".to_owned()]),
            (ENDPOINT, vec![API.to_owned()]),
        ] {
            let request = DeltaDiscoveryRequest {
                node: Some(node.clone()),
                type_url: type_url.to_owned(),
                resource_names_subscribe: names,
                ..DeltaDiscoveryRequest::default()
            };
            requests.send(request).await.unwrap();
        }
        let mut ads = AggregatedDiscoveryServiceClient::connect(address)
            .await
            .unwrap();
        let responses = ads.delta_aggregated_resources(ReceiverStream::new(receiver));
        Self {
            requests,
            responses: responses.await.unwrap().into_inner(),
            names: Vec::new(),
            endpoints: HashMap::new(),
        }
    }

    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            let next = tokio::time::timeout(Duration::from_secs(20), self.responses.message());
            let response = next
                .await
                .unwrap_or_else(|_| panic!("not within 20 seconds: {what}; has {:?}", self.names));
            let response = response.unwrap().expect("the stream goes on");
            for resource in response.resources {
                self.names
                    .push((response.type_url.clone(), resource.name.clone()));
                if response.type_url == ENDPOINT {
                    let any = resource.resource.unwrap();
                    self.endpoints.insert(resource.name, addresses(&any.value));
                }
            }
            let acknowledged = DeltaDiscoveryRequest {
                type_url: response.type_url,
                response_nonce: response.nonce,
                ..DeltaDiscoveryRequest::default()
            };
            self.requests.send(acknowledged).await.unwrap();
        }
    }

    fn has(&self, type_url: &str, start: &str) -> bool {
        let names = self.names.iter();
        let mut of_type = names.filter(|(of, _)| of == type_url);
        of_type.any(|(_, name)| name.starts_with(start))
    }
}

fn addresses(bytes: &[u8]) -> Vec<(String, u32)> {
    let assignment: ClusterLoadAssignment = prost::Message::decode(bytes).unwrap();
    let mut found = Vec::new();
    for endpoint in assignment
        .endpoints
        .into_iter()
        .flat_map(|locality| locality.lb_endpoints)
    {
        let Some(HostIdentifier::Endpoint(endpoint)) = endpoint.host_identifier else {
            panic!("an endpoint has an address")
        };
        let Some(Address::SocketAddress(socket)) = endpoint.address.unwrap().address else {
            panic!("an address has a port")
        };
        let Some(PortSpecifier::PortValue(port)) = socket.port_specifier else {
            panic!("a port is a number")
        };
        found.push((socket.address, port));
    }
    found
}

#[tokio::test]
async fn a_sidecar_is_configured_from_the_registry_and_follows_it() {
    let (mut program, address) = Program::start();
    program.say("api 10.0.0.7:21000");
    program.say("nonsense");
    let mut sidecar = Sidecar::connect(address).await;
    let first = ("10.0.0.7".to_owned(), 21_000);
    let has_first = |sidecar: &Sidecar| sidecar.endpoints.get(API) == Some(&vec![first.clone()]);
    sidecar.until("the first instance", has_first).await;
    for (type_url, name) in [
        (CLUSTER, "local_app"),
        (CLUSTER, API),
        (LISTENER, "public_listener:"),
        (LISTENER, "api:"),
        (SECRET, "leaf"),
        (SECRET, "roots"),
    ] {
        sidecar
            .until(name, |sidecar| sidecar.has(type_url, name))
            .await;
    }
    program.say("api 10.0.0.8:21000");
    let second = ("10.0.0.8".to_owned(), 21_000);
    let both = vec![first.clone(), second];
    sidecar
        .until("the second instance", |sidecar| {
            sidecar.endpoints.get(API) == Some(&both)
        })
        .await;
}

#[test]
fn it_ends_when_its_input_does() {
    let (mut program, _) = Program::start();
    drop(program.0.stdin.take());
    assert!(program.0.wait().unwrap().success());
}
