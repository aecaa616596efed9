//! A proxy as the server sees it: Envoy's own messages over a real connection.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::node::UserAgentVersionType;
use envoy_types::pb::envoy::config::core::v3::{BuildVersion, Node};
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse,
};
use envoy_types::pb::envoy::r#type::v3::SemanticVersion;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use envoy_types::pb::google::rpc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use tribune_delta::TypeUrl;

pub(crate) const CDS: &str = TypeUrl::Cluster.as_str();
pub(crate) const EDS: &str = TypeUrl::Endpoint.as_str();
pub(crate) const LDS: &str = TypeUrl::Listener.as_str();
pub(crate) const SDS: &str = TypeUrl::Secret.as_str();

/// A node as Envoy's.
pub(crate) fn node(id: &str) -> Node {
    let text = Value {
        kind: Some(Kind::StringValue("n1".to_owned())),
    };
    let version = SemanticVersion {
        major_number: 1,
        minor_number: 36,
        patch: 2,
    };
    let build = BuildVersion {
        version: Some(version),
        metadata: None,
    };
    Node {
        id: id.to_owned(),
        cluster: "web".to_owned(),
        metadata: Some(Struct {
            fields: HashMap::from([("node_name".to_owned(), text)]),
        }),
        user_agent_name: "envoy".to_owned(),
        user_agent_version_type: Some(UserAgentVersionType::UserAgentBuildVersion(build)),
        ..Node::default()
    }
}

pub(crate) fn subscribe(type_url: &str, names: &[&str]) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: type_url.to_owned(),
        resource_names_subscribe: names.iter().map(ToString::to_string).collect(),
        ..Default::default()
    }
}

/// One stream on a connection of its own.
pub(crate) struct Client {
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
    /// What it holds, by type and name: versions.
    pub(crate) held: BTreeMap<(String, String), String>,
}

pub(crate) async fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect()
        .await
        .unwrap()
}

impl Client {
    /// Opens a stream and sends `first`.
    pub(crate) async fn open(
        address: SocketAddr,
        token: &str,
        first: DeltaDiscoveryRequest,
    ) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(64);
        requests.send(first).await.unwrap();
        let mut request = Request::new(ReceiverStream::new(receiver));
        if !token.is_empty() {
            request
                .metadata_mut()
                .insert("x-consul-token", token.parse().unwrap());
        }
        let mut ads = AggregatedDiscoveryServiceClient::new(channel(address).await);
        let responses = ads.delta_aggregated_resources(request).await?.into_inner();
        Ok(Self {
            requests,
            responses,
            held: BTreeMap::new(),
        })
    }

    /// Opens a proxy's stream that asks for all clusters and listeners and for both secrets.
    pub(crate) async fn proxy(address: SocketAddr, id: &str) -> Self {
        let first = DeltaDiscoveryRequest {
            node: Some(node(id)),
            ..subscribe(CDS, &[])
        };
        let client = Self::open(address, "", first).await.unwrap();
        client.send(subscribe(LDS, &[])).await;
        client.send(subscribe(SDS, &["leaf", "roots"])).await;
        client
    }

    pub(crate) async fn send(&self, request: DeltaDiscoveryRequest) {
        self.requests.send(request).await.unwrap();
    }

    /// The next response, or how the stream ended.
    pub(crate) async fn next(&mut self) -> Result<DeltaDiscoveryResponse, Status> {
        let next = tokio::time::timeout(Duration::from_secs(10), self.responses.message()).await;
        match next.expect("nothing within ten seconds")? {
            Some(response) => Ok(response),
            None => Err(Status::ok("ended")),
        }
    }

    /// How the stream ends.
    pub(crate) async fn end(&mut self) -> Status {
        loop {
            if let Err(status) = self.next().await {
                return status;
            }
        }
    }

    /// Answers a response; an error rejects it.
    pub(crate) async fn answer(&mut self, response: DeltaDiscoveryResponse, error: Option<&str>) {
        if error.is_none() {
            for resource in response.resources {
                self.held
                    .insert((response.type_url.clone(), resource.name), resource.version);
            }
            for name in response.removed_resources {
                self.held.remove(&(response.type_url.clone(), name));
            }
        }
        let error_detail = error.map(|said| rpc::Status {
            message: said.to_owned(),
            ..Default::default()
        });
        let (type_url, response_nonce) = (response.type_url, response.nonce);
        self.send(DeltaDiscoveryRequest {
            type_url,
            response_nonce,
            error_detail,
            ..Default::default()
        })
        .await;
    }

    /// Takes and acknowledges responses until it holds all of these.
    pub(crate) async fn until_holding(&mut self, wanted: &[(&str, &str)]) {
        let has = |held: &BTreeMap<(String, String), String>| {
            wanted
                .iter()
                .all(|(kind, name)| held.contains_key(&((*kind).into(), (*name).into())))
        };
        while !has(&self.held) {
            let response = self.next().await.unwrap();
            self.answer(response, None).await;
        }
    }
}
