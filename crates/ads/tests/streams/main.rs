//! Streams over real connections: what proxies get, and what they cannot do to others.

#![expect(clippy::unwrap_used, reason = "what a test sets up is there")]

mod client;
mod logs;
mod mesh;

use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use tribune_acl::Authorizer;
use tribune_ads::{Limits, ProxyStatus, ResourceState};

use crate::client::{CDS, Client, EDS, LDS, SDS, channel, node, subscribe};
use crate::logs::Logs;
use crate::mesh::TestMesh;

const BASICS: &[(&str, &str)] = &[
    (CDS, "local_app"),
    (LDS, "public_listener:127.0.0.1:20000"),
    (SDS, "leaf"),
    (SDS, "roots"),
];

fn introduced(id: &str, request: DeltaDiscoveryRequest) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        node: Some(node(id)),
        ..request
    }
}

fn all_synced(status: &ProxyStatus) -> bool {
    !status.resources.is_empty()
        && status
            .resources
            .iter()
            .all(|resource| resource.state == ResourceState::Synced)
}

#[tokio::test]
async fn a_registered_proxy_is_configured_and_shown() {
    let mesh = TestMesh::start(Limits::default()).await;
    mesh.register("web-proxy", &["db"]);
    let mut client = Client::proxy(mesh.address, "web-proxy").await;
    client.until_holding(BASICS).await;
    let status = mesh.status("web-proxy", all_synced).await;
    assert_eq!(status.envoy_version.as_deref(), Some("1.36.2"));
    assert_eq!(status.kind.unwrap().as_str(), "connect-proxy");
    assert_eq!(status.service.unwrap().name.as_str(), "web-sidecar-proxy");
    assert_eq!(
        (status.state.as_str(), status.problems),
        ("ready", Vec::<String>::new())
    );
    assert!(status.client.unwrap().ip().is_loopback());
    assert!(
        mesh.registry.list()[0]
            .counts(tribune_xds::ResourceType::Cluster)
            .synced
            >= 2
    );
    drop(client);
    mesh.idle().await;
}

#[tokio::test]
async fn an_unknown_proxy_waits_and_is_served_when_it_is_registered() {
    let mesh = TestMesh::start(Limits::default()).await;
    let mut client = Client::proxy(mesh.address, "late").await;
    let status = mesh.status("late", |_| true).await;
    assert_eq!(
        (status.kind, status.state.as_str()),
        (None, "the proxy is not registered")
    );
    mesh.register("late", &[]);
    client.until_holding(BASICS).await;
}

#[tokio::test]
async fn a_renewed_leaf_changes_nothing_but_its_secret() {
    let mesh = TestMesh::start(Limits::default()).await;
    mesh.register("web-proxy", &["db"]);
    let mut client = Client::proxy(mesh.address, "web-proxy").await;
    client.until_holding(BASICS).await;
    mesh.status("web-proxy", all_synced).await;
    mesh.renew_leaves("root-2");
    let response = client.next().await.unwrap();
    let names: Vec<&str> = response
        .resources
        .iter()
        .map(|resource| &*resource.name)
        .collect();
    assert_eq!((response.type_url.as_str(), names), (SDS, vec!["leaf"]));
    let body = &response.resources[0].resource.as_ref().unwrap().value;
    assert!(body.windows(6).any(|bytes| bytes == b"root-2"));
    client.answer(response, None).await;
    mesh.set_roots("other roots\n");
    let response = client.next().await.unwrap();
    assert_eq!(response.resources[0].name, "roots");
}

#[tokio::test]
async fn a_rejection_is_shown_in_the_proxy_s_own_words() {
    let mesh = TestMesh::start(Limits::default()).await;
    mesh.register("web-proxy", &[]);
    let first = introduced("web-proxy", subscribe(CDS, &[]));
    let mut client = Client::open(mesh.address, "", first).await.unwrap();
    let response = client.next().await.unwrap();
    client.answer(response, Some("no such thing")).await;
    let rejected = |status: &ProxyStatus| {
        status.resources.iter().any(|r| matches!(&r.state, ResourceState::Rejected { reason } if &**reason == "no such thing"))
    };
    mesh.status("web-proxy", rejected).await;
}

#[tokio::test]
async fn a_stream_that_never_says_whose_it_is_is_ended() {
    let limits = Limits {
        introduce_within: Duration::from_millis(50),
        ..Limits::default()
    };
    let mesh = TestMesh::start(limits).await;
    let mut client = Client::open(mesh.address, "", subscribe(CDS, &[]))
        .await
        .unwrap();
    let end = client.end().await;
    assert_eq!(
        (end.code(), end.message()),
        (Code::InvalidArgument, "no request carried the proxy's node")
    );
    mesh.idle().await;
}

#[tokio::test]
async fn requests_that_make_no_sense_end_their_stream_with_the_reason() {
    let mesh = TestMesh::start(Limits::default()).await;
    mesh.register("web-proxy", &[]);
    let blank = introduced("web-proxy", subscribe("", &[]));
    let unnamed = introduced("", subscribe(CDS, &[]));
    let long = introduced(&"x".repeat(10_000), subscribe(CDS, &[]));
    let rows = [
        (blank, "type URL is required for ADS"),
        (unnamed, "the node has no id"),
        (long, "longer than 1024 bytes"),
    ];
    for (request, reason) in rows {
        let end = Client::open(mesh.address, "", request)
            .await
            .unwrap()
            .end()
            .await;
        assert_eq!(end.code(), Code::InvalidArgument);
        assert!(end.message().contains(reason), "{end}");
    }
    mesh.idle().await;
}

#[tokio::test]
async fn a_type_that_is_not_served_is_ignored() {
    let mesh = TestMesh::start(Limits::default()).await;
    mesh.register("web-proxy", &[]);
    let unknown = "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration";
    let first = introduced("web-proxy", subscribe(unknown, &[]));
    let mut client = Client::open(mesh.address, "", first).await.unwrap();
    client.send(subscribe(LDS, &[])).await;
    assert_eq!(client.next().await.unwrap().type_url, LDS);
}

#[tokio::test]
async fn only_the_delta_method_is_there() {
    let mesh = TestMesh::start(Limits::default()).await;
    let mut ads = AggregatedDiscoveryServiceClient::new(channel(mesh.address).await);
    let request = tokio_stream::iter([DiscoveryRequest::default()]);
    let refused = ads.stream_aggregated_resources(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert!(refused.message().contains("DELTA_GRPC"), "{refused}");
}

#[tokio::test]
async fn tokens_decide_when_a_stream_opens_and_while_it_is_open() {
    let mesh = TestMesh::start(Limits::default()).await;
    mesh.register("web-proxy", &[]);
    mesh.tokens.set("nothing", Authorizer::deny_all());
    mesh.tokens.set("all", Authorizer::allow_all());
    for (token, code) in [
        ("unknown", Code::Unauthenticated),
        ("nothing", Code::PermissionDenied),
    ] {
        let first = introduced("web-proxy", subscribe(CDS, &[]));
        let refused = Client::open(mesh.address, token, first)
            .await
            .err()
            .unwrap();
        assert_eq!(refused.code(), code, "{refused}");
    }
    let first = introduced("web-proxy", subscribe(CDS, &[]));
    let mut client = Client::open(mesh.address, "all", first).await.unwrap();
    let response = client.next().await.unwrap();
    mesh.tokens.set("all", Authorizer::deny_all());
    client.answer(response, None).await;
    let end = client.end().await;
    assert_eq!(end.code(), Code::PermissionDenied);
    assert_eq!(
        end.message(),
        "Permission denied: the token lacks service:write on \"web\""
    );
    mesh.idle().await;
}

#[tokio::test]
async fn an_idle_stream_s_token_is_looked_at_again() {
    let limits = Limits {
        authorize_every: Duration::from_millis(50),
        ..Limits::default()
    };
    let mesh = TestMesh::start(limits).await;
    mesh.register("web-proxy", &[]);
    mesh.tokens.set("all", Authorizer::allow_all());
    let first = introduced("web-proxy", subscribe(CDS, &[]));
    let mut client = Client::open(mesh.address, "all", first).await.unwrap();
    client.next().await.unwrap();
    mesh.tokens.set("all", Authorizer::deny_all());
    assert_eq!(client.end().await.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn bytes_that_are_no_request_end_their_stream_and_no_other() {
    use bytes::{Buf, BufMut};
    use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

    #[derive(Clone, Copy, Default)]
    struct Raw;
    impl Codec for Raw {
        type Encode = Vec<u8>;
        type Decode = ();
        type Encoder = Self;
        type Decoder = Self;
        fn encoder(&mut self) -> Self {
            Self
        }
        fn decoder(&mut self) -> Self {
            Self
        }
    }
    impl Encoder for Raw {
        type Item = Vec<u8>;
        type Error = tonic::Status;
        fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
            out.put_slice(&item);
            Ok(())
        }
    }
    impl Decoder for Raw {
        type Item = ();
        type Error = tonic::Status;
        fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<()>, tonic::Status> {
            buffer.advance(buffer.remaining());
            Ok(Some(()))
        }
    }

    let limits = Limits {
        request_bytes: 64 << 10,
        ..Limits::default()
    };
    let mesh = TestMesh::start(limits).await;
    mesh.register("web-proxy", &[]);
    let mut other = Client::proxy(mesh.address, "web-proxy").await;
    let nested = [0x0a_u8, 0x7f].repeat(100);
    for bytes in [
        b"\xff\xff\xff\xff".to_vec(),
        vec![0x12, 0x02, 0xff, 0xfe],
        nested,
        vec![0; 100_000],
    ] {
        let channel = channel(mesh.address).await;
        let mut grpc = tonic::client::Grpc::new(channel);
        grpc.ready().await.unwrap();
        let path =
            "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
        let request = tonic::Request::new(tokio_stream::iter([bytes]));
        let response = grpc.streaming(request, path.parse().unwrap(), Raw).await;
        let end = match response {
            Ok(response) => response.into_inner().message().await.unwrap_err(),
            Err(status) => status,
        };
        assert!(
            matches!(end.code(), Code::InvalidArgument | Code::OutOfRange),
            "{end}"
        );
    }
    other.until_holding(BASICS).await;
}

#[tokio::test]
async fn ten_thousand_subscriptions_are_served_and_one_more_ends_the_stream() {
    let mesh = TestMesh::start(Limits::default()).await;
    mesh.register("web-proxy", &[]);
    let names: Vec<String> = (0..10_000)
        .map(|number| format!("cluster-{number}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let first = introduced("web-proxy", subscribe(EDS, &names));
    let mut client = Client::open(mesh.address, "", first).await.unwrap();
    let subscribed = mesh
        .status("web-proxy", |status| status.resources.len() == 10_000)
        .await;
    assert!(
        subscribed
            .resources
            .iter()
            .all(|r| r.state == ResourceState::Missing)
    );
    client.send(subscribe(LDS, &[])).await;
    assert_eq!(client.next().await.unwrap().type_url, LDS);
    client.send(subscribe(EDS, &["one-more"])).await;
    assert_eq!(client.end().await.code(), Code::ResourceExhausted);
    mesh.idle().await;
}

#[tokio::test]
async fn a_client_that_never_answers_gets_one_response_of_each_type() {
    let mesh = TestMesh::start(Limits::default()).await;
    mesh.register("mute", &[]);
    let mut mute = Client::proxy(mesh.address, "mute").await;
    let mut first = [
        mute.next().await.unwrap().type_url,
        mute.next().await.unwrap().type_url,
    ];
    first.sort();
    assert_eq!(first, [CDS, SDS]);
    for port in 20_001..20_200 {
        mesh.register_on_port("mute", &[], port);
        mesh.set_roots(&format!("roots {port}\n"));
    }
    let stale = |status: &ProxyStatus| {
        status
            .resources
            .iter()
            .any(|r| r.state == ResourceState::Stale)
    };
    mesh.status("mute", stale).await;
    let silent = tokio::time::timeout(Duration::from_millis(50), mute.next()).await;
    assert!(silent.is_err(), "{silent:?}");
}

#[tokio::test]
async fn an_unanswered_response_ends_the_stream_in_time() {
    let mut limits = Limits::default();
    limits.session.answer_within = Duration::from_millis(50);
    let mesh = TestMesh::start(limits).await;
    mesh.register("mute", &[]);
    let mut mute = Client::proxy(mesh.address, "mute").await;
    assert_eq!(mute.end().await.code(), Code::DeadlineExceeded);
    mesh.idle().await;
}

#[tokio::test]
async fn a_client_that_never_reads_holds_up_nobody() {
    let mesh = TestMesh::start(Limits::default()).await;
    mesh.register("deaf", &[]);
    mesh.register("web-proxy", &[]);
    // A connection that says hello, opens no window and reads nothing.
    let deaf = Client::proxy(mesh.address, "deaf").await;
    let mut client = Client::proxy(mesh.address, "web-proxy").await;
    client.until_holding(BASICS).await;
    let large = "x".repeat(1 << 20);
    for round in 0..20 {
        mesh.set_roots(&format!("{large} {round}\n"));
        let response = client.next().await.unwrap();
        assert_eq!(response.type_url, SDS);
        client.answer(response, None).await;
    }
    drop(deaf);
    drop(client);
    mesh.idle().await;
}

#[tokio::test]
async fn streams_that_are_cut_while_they_are_written_leave_nothing_behind() {
    let mesh = TestMesh::start(Limits::default()).await;
    mesh.register("web-proxy", &["db"]);
    mesh.set_roots(&"x".repeat(1 << 20));
    let mut other = Client::proxy(mesh.address, "web-proxy").await;
    for _ in 0..20 {
        let mut client = Client::proxy(mesh.address, "web-proxy").await;
        client.next().await.unwrap();
        drop(client);
    }
    other.until_holding(BASICS).await;
    drop(other);
    mesh.idle().await;
}

#[tokio::test]
async fn streams_and_connections_are_limited() {
    let limits = Limits {
        streams: 1,
        introduce_within: Duration::from_millis(50),
        ..Limits::default()
    };
    let mesh = TestMesh::start(limits).await;
    mesh.register("web-proxy", &[]);
    let mut client = Client::proxy(mesh.address, "web-proxy").await;
    client.until_holding(BASICS).await;
    let first = introduced("web-proxy", subscribe(CDS, &[]));
    let refused = Client::open(mesh.address, "", first).await.err().unwrap();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    // A connection that never speaks is closed.
    let mut silent = TcpStream::connect(mesh.address).await.unwrap();
    let mut bytes = Vec::new();
    let closed =
        tokio::time::timeout(Duration::from_secs(10), silent.read_to_end(&mut bytes)).await;
    assert!(closed.is_ok(), "still open");
    // One that speaks something else is closed too.
    let mut other = TcpStream::connect(mesh.address).await.unwrap();
    other.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(10), other.read_to_end(&mut bytes)).await;
    assert!(closed.is_ok(), "still open");
}

#[tokio::test]
async fn stopping_ends_every_stream_and_then_the_server() {
    let mut mesh = TestMesh::start(Limits::default()).await;
    mesh.register("web-proxy", &[]);
    let mut client = Client::proxy(mesh.address, "web-proxy").await;
    client.until_holding(BASICS).await;
    mesh.stop().await;
    assert_eq!(client.end().await.code(), Code::Unavailable);
    assert_eq!(mesh.registry.streams(), 0);
}

#[tokio::test]
async fn a_stream_that_is_refused_and_one_that_refuses_say_so_in_one_line_each() {
    let logs = Logs::capture();
    let mesh = TestMesh::start(Limits::default()).await;
    mesh.register("web-proxy", &[]);
    let blank = introduced("web-proxy", subscribe("", &[]));
    Client::open(mesh.address, "", blank)
        .await
        .unwrap()
        .end()
        .await;
    let first = introduced("web-proxy", subscribe(CDS, &[]));
    let mut client = Client::open(mesh.address, "", first).await.unwrap();
    let response = client.next().await.unwrap();
    let mut never_sent = response.clone();
    never_sent.nonce = "000000ff".to_owned();
    client.answer(never_sent, Some("of nothing")).await;
    client.answer(response, Some("bad\nport")).await;
    let rejected = |status: &ProxyStatus| {
        status
            .resources
            .iter()
            .any(|r| matches!(r.state, ResourceState::Rejected { .. }))
    };
    mesh.status("web-proxy", rejected).await;
    drop(client);
    mesh.idle().await;
    let lines = logs.lines();
    let [ended, rejected] = &*lines else {
        panic!("{lines:#?}")
    };
    assert!(
        ended.contains("INFO") && ended.contains("type URL is required for ADS"),
        "{ended}"
    );
    assert!(
        rejected.contains("WARN") && rejected.contains("n1/web-proxy"),
        "{rejected}"
    );
    assert!(rejected.contains(r"bad\nport"), "{rejected}");
}
