//! What a whole agent makes of bad input, over a real socket.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use std::net::Ipv4Addr;
use std::sync::Arc;

use tribune_config::Machine;
use tribune_runtime::{Limits, Listener, Shutdown, Tasks};

use super::*;
use crate::api::AgentApi;
use crate::listeners::http_settings;
use crate::running::resolver;
use crate::start::{Context, start};

mod cluster;

/// An agent in development mode that answers HTTP on a port of the system's choice.
struct World {
    address: SocketAddr,
    shutdown: Shutdown,
    _tasks: Arc<Tasks>,
}

impl World {
    async fn new() -> Self {
        Self::with(resolver()).await
    }

    /// A world whose clients may do what `clients` says.
    async fn with(clients: Arc<dyn tribune_acl::Resolver>) -> Self {
        let machine = Machine {
            dev: true,
            host_name: "node".to_owned(),
            private_address: None,
        };
        let config = tribune_config::load(&[], &machine).unwrap().config;
        let shutdown = Shutdown::new();
        let context = Context {
            resolver: resolver(),
            data_dir: None,
            shutdown: shutdown.clone(),
            reloader: Reloader::new(
                Box::new(|| bail!("there is nothing to read")),
                Log::nowhere(),
            ),
        };
        let agent = start(config, context, None).await.unwrap().agent;
        let settings = http_settings(&agent.config).unwrap();
        let api = AgentApi {
            agent,
            resolver: clients,
        };
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0), Limits::default())
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let tasks = Arc::new(Tasks::new(Shutdown::new()));
        let server = tribune_http::Server::new(Arc::new(api), settings);
        tasks.spawn("HTTP", server.serve(listener, tasks.clone()));
        Self {
            address,
            shutdown,
            _tasks: tasks,
        }
    }

    /// Sends bytes as they are, and reads until the agent has nothing more to say.
    async fn send(&self, bytes: &[u8]) -> (u16, String) {
        let answer = String::from_utf8(self.exchange(bytes).await).unwrap();
        let status = answer.get(9..12).and_then(|status| status.parse().ok());
        (status.unwrap_or(0), answer)
    }

    async fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // a connection that is closed on a body in flight may end in a reset, after the answer
        let _ended = stream.read_to_end(&mut answer).await;
        answer
    }

    async fn put(&self, path: &str, body: impl AsRef<[u8]>) -> (u16, String) {
        let body = body.as_ref();
        let length = body.len();
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        self.send(&[head.as_bytes(), body].concat()).await
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let head = format!("GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n");
        self.send(head.as_bytes()).await
    }

    /// Whether it still does what it is there for.
    async fn assert_well(&self) {
        let body = r#"{"Name": "well", "Port": 1}"#;
        assert_eq!(self.put("/v1/agent/service/register", body).await.0, 200);
        let (status, services) = self.get("/v1/agent/services").await;
        assert_eq!(status, 200);
        assert!(services.contains("\"well\""), "{services}");
    }
}

const REGISTER: &str = "/v1/agent/service/register";

#[tokio::test]
async fn malformed_json_is_refused_with_its_place() {
    let world = World::new().await;
    for body in [
        "",
        "{",
        "{\"Name\": }",
        "[]",
        "null x",
        "{\"Name\": \"web\"",
        "\u{0}",
        "nope",
    ] {
        for path in [
            REGISTER,
            "/v1/catalog/register",
            "/v1/config",
            "/v1/agent/check/register",
        ] {
            let (status, text) = world.put(path, body).await;
            assert_eq!(status, 400, "{path} {body:?}: {text}");
        }
    }
    let (_, text) = world.put(REGISTER, "{\n  \"Name\": }").await;
    assert!(text.contains("line 2, column 11: "), "{text}");
    assert!(text.contains("expected "), "{text}");
    let (status, text) = world.put(REGISTER, b"{\"Name\": \"\xff\"}").await;
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("not UTF-8"), "{text}");
    world.assert_well().await;
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_refused_with_place_field_and_expectation() {
    let world = World::new().await;
    let (status, text) = world
        .put(REGISTER, "{\"Name\": \"web\",\n \"Port\": \"x\"}")
        .await;
    assert_eq!(status, 400, "{text}");
    for part in ["line 2, column 10", "Port", "expected ", "\"x\""] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let nested = "{\"Name\": \"web\", \"Check\": {\"TTL\": \"soon\"}}";
    let (status, text) = world.put(REGISTER, nested).await;
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("Check.TTL"), "{text}");
}

#[tokio::test]
async fn an_unknown_field_is_refused_with_the_nearest_known_one() {
    let world = World::new().await;
    let (status, text) = world
        .put(REGISTER, "{\"Name\": \"web\", \"Prot\": 1}")
        .await;
    assert_eq!(status, 400, "{text}");
    for part in ["line 1, column 17", "\"Prot\"", "Port"] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let entry = r#"{"Kind": "service-defaults", "Name": "web", "Protocl": "http"}"#;
    let (status, text) = world.put("/v1/config", entry).await;
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("Protocol"), "{text}");
}

#[tokio::test]
async fn an_unknown_kind_is_refused_by_name() {
    let world = World::new().await;
    for body in [
        r#"{"Kind": "service-magic", "Name": "web"}"#,
        r#"{"Kind": "", "Name": "web"}"#,
        r#"{"Kind": 7, "Name": "web"}"#,
        r#"{"Name": "web"}"#,
    ] {
        let (status, text) = world.put("/v1/config", body).await;
        assert_eq!(status, 400, "{body}: {text}");
    }
    let body = r#"{"Kind": "service-magic", "Name": "web"}"#;
    let (_, text) = world.put("/v1/config", body).await;
    assert!(text.contains("service-magic"), "{text}");
}

#[tokio::test]
async fn names_that_can_be_none_are_refused() {
    let world = World::new().await;
    let long = "a".repeat(10 * 1024);
    for name in ["", "a\\u0000b", "a\\nb", "\\u001b[31m", "\\u007f", &long] {
        let registration = format!("{{\"Name\": \"{name}\"}}");
        let (status, _) = world.put(REGISTER, registration).await;
        assert_eq!(status, 400, "service {name:?}");
        let row = format!("{{\"Node\": \"{name}\", \"Address\": \"192.0.2.1\"}}");
        let (status, _) = world.put("/v1/catalog/register", row).await;
        assert_eq!(status, 500, "node {name:?}, which a server refuses");
        let entry = format!("{{\"Kind\": \"service-defaults\", \"Name\": \"{name}\"}}");
        let (status, _) = world.put("/v1/config", entry).await;
        assert!(
            matches!(status, 400 | 500),
            "config entry {name:?}: {status}"
        );
    }
    for path in [
        "/v1/catalog/service/a%00b",
        "/v1/health/node/%0a",
        "/v1/config/service-defaults/%ff",
    ] {
        assert_eq!(world.get(path).await.0, 400, "{path}");
    }
    world.assert_well().await;
}

#[tokio::test]
async fn a_body_that_says_it_is_over_the_limit_is_refused_before_it_is_sent() {
    let world = World::new().await;
    let head =
        format!("PUT {REGISTER} HTTP/1.1\r\nHost: agent\r\nContent-Length: 10737418240\r\n\r\n");
    let (status, text) = world.send(head.as_bytes()).await;
    assert_eq!(status, 413, "{text}");
    world.assert_well().await;
}

#[tokio::test]
async fn a_chunked_body_is_refused_as_soon_as_it_is_over_the_limit() {
    let world = World::new().await;
    let limit = tribune_http::Settings::default().body_limit;
    let mut request =
        format!("PUT {REGISTER} HTTP/1.1\r\nHost: agent\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes();
    // one byte more than there may be; the chunk that ends the body never comes
    request.extend_from_slice(format!("{:x}\r\n", limit + 1).as_bytes());
    request.resize(request.len() + limit + 1, b' ');
    let (status, text) = world.send(&request).await;
    assert_eq!(status, 413, "{text}");
    world.assert_well().await;
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let world = World::new().await;
    let deep = [
        ("[", "]"),
        ("{\"a\":", "}"),
        ("{\"Proxy\":{\"Config\":", "}}"),
    ];
    for (open, close) in deep {
        let nested = format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
        for path in [REGISTER, "/v1/catalog/register", "/v1/config"] {
            let (status, _) = world.put(path, &nested).await;
            assert_eq!(status, 400, "{path} {open}");
        }
    }
    let filter = format!("/v1/catalog/nodes?filter={}", "(".repeat(20_000));
    let (status, _) = world.get(&filter).await;
    assert!(matches!(status, 400 | 500), "{status}");
    world.assert_well().await;
}

#[tokio::test]
async fn ports_out_of_range_are_taken_as_the_reference_takes_them_and_hurt_nobody() {
    let world = World::new().await;
    for port in ["0", "-1", "65536", "-2147483648", "2147483647"] {
        let body = format!(
            "{{\"Name\": \"web\", \"Port\": {port}, \"Connect\": {{\"SidecarService\": {{}}}}}}"
        );
        let (status, text) = world.put(REGISTER, body).await;
        assert_eq!(status, 200, "{port}: {text}");
        let (status, row) = world.get("/v1/health/service/web").await;
        assert_eq!(status, 200);
        let told = row.contains(&format!("\"Port\": {port},"));
        assert_eq!(told, port != "0", "a port of 0 is left out: {row}");
    }
    for port in [
        "2147483648",
        "-9223372036854775808",
        "9223372036854775808",
        "1.5",
        "1e99",
    ] {
        let body = format!("{{\"Name\": \"web\", \"Port\": {port}}}");
        let (status, text) = world.put(REGISTER, body).await;
        assert_eq!(status, 400, "{port}: {text}");
        assert!(text.contains("Port"), "{text}");
    }
    world.assert_well().await;
}

#[tokio::test]
async fn what_does_not_exist_is_deregistered_as_the_reference_does_it() {
    let world = World::new().await;
    for path in [
        "/v1/agent/service/deregister/ghost",
        "/v1/agent/check/deregister/ghost",
    ] {
        let (status, text) = world.put(path, "").await;
        assert_eq!(status, 404, "{path}: {text}");
        assert!(text.contains("ghost"), "{text}");
    }
    for body in [
        r#"{"Node": "ghost"}"#,
        r#"{"Node": "ghost", "ServiceID": "web"}"#,
        r#"{"Node": "node", "CheckID": "ghost", "Address": "192.0.2.1"}"#,
    ] {
        assert_eq!(
            world.put("/v1/catalog/deregister", body).await.0,
            200,
            "{body}"
        );
    }
    let elsewhere = r#"{"Node": "node", "Datacenter": "dc9"}"#;
    assert_eq!(world.put("/v1/catalog/deregister", elsewhere).await.0, 500);
    world.assert_well().await;
}

#[tokio::test]
async fn a_registration_is_refused_with_the_status_of_its_reason() {
    let world = World::new().await;
    for (body, expected) in [
        (
            r#"{"Name": "a", "TaggedAddresses": {"lan_ipv4": {"Address": "::1"}}}"#,
            500,
        ),
        (
            r#"{"Name": "a", "Check": {"Args": ["/bin/true"], "Interval": "1h"}}"#,
            500,
        ),
        (
            r#"{"Name": "a", "Check": {"UDP": "a:1", "DockerContainerID": "c", "Args": ["x"], "Interval": "1h"}}"#,
            500,
        ),
        (r#"{"Name": "a", "Namespace": "default"}"#, 400),
        (r#"{"Name": "a", "Partition": "default"}"#, 400),
    ] {
        let (status, text) = world.put(REGISTER, body).await;
        assert_eq!(status, expected, "{body}: {text}");
    }
    let check = r#"{"Name": "c", "ServiceID": "ghost", "TTL": "1h"}"#;
    assert_eq!(world.put("/v1/agent/check/register", check).await.0, 404);
}

#[tokio::test]
async fn what_is_no_http_ends_the_connection_and_nothing_else() {
    let world = World::new().await;
    for bytes in [
        &b"\x16\x03\x01\x00\xa5"[..],
        b"GET\r\n\r\n",
        b"\r\n\r\n\0\r\n\r\n",
    ] {
        let (status, _) = world.send(bytes).await;
        assert!(matches!(status, 0 | 400), "{bytes:?}: {status}");
    }
    world.assert_well().await;
}

#[tokio::test]
async fn a_node_is_found_by_its_id_whatever_peer_is_named() {
    let world = World::new().await;
    let id = "22222222-2222-2222-2222-222222222222";
    let row = format!(r#"{{"Node": "beta", "ID": "{id}", "Address": "192.0.2.1"}}"#);
    assert_eq!(world.put("/v1/catalog/register", row).await.0, 200);
    for path in [
        format!("/v1/catalog/node/{id}"),
        format!("/v1/catalog/node-services/{id}"),
        "/v1/catalog/node/beta?peer=x".to_owned(),
    ] {
        let (status, text) = world.get(&path).await;
        assert_eq!(status, 200);
        assert!(text.contains("\"Node\": \"beta\""), "{path}: {text}");
    }
    let unknown = "/v1/catalog/node/33333333-2222-2222-2222-222222222222";
    assert!(world.get(unknown).await.1.ends_with("null\n"));
}

#[tokio::test]
async fn intentions_are_asked_for_under_the_names_that_were_written() {
    let world = World::new().await;
    let entry = r#"{"Kind": "service-intentions", "Name": "till",
        "Sources": [{"Name": "*", "Action": "deny"}]}"#;
    assert_eq!(world.put("/v1/config", entry).await.0, 200);
    let (_, text) = world
        .get("/v1/connect/intentions/match?by=destination&name=default/till")
        .await;
    assert!(text.contains("\"default/till\": ["), "{text}");
    let (status, text) = world
        .get("/v1/connect/intentions/check?source=&destination=till")
        .await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("\"Allowed\": false"), "{text}");
    for query in [
        "source=team/a&destination=till",
        "source=a/b/c/d&destination=till",
        "source=a&source=b&destination=till",
        "destination=till",
    ] {
        let path = format!("/v1/connect/intentions/check?{query}");
        assert_eq!(world.get(&path).await.0, 500, "{query}");
    }
}

#[tokio::test]
async fn parameters_that_an_endpoint_does_not_know_are_not_looked_at() {
    let world = World::new().await;
    for path in [
        "/v1/agent/services?index=abc",
        "/v1/catalog/datacenters?dc=dc9",
        "/v1/catalog/nodes?ns=team",
        "/v1/catalog/service/consul?merge-central-config=banana",
    ] {
        assert_eq!(world.get(path).await.0, 200, "{path}");
    }
    for (path, status) in [
        ("/v1/catalog/nodes?index=abc", 400),
        ("/v1/catalog/nodes?partition=team", 400),
        ("/v1/catalog/nodes?dc=dc9", 500),
        ("/v1/health/service/consul?sg=a", 500),
        ("/v1/health/service/consul?sg=a&peer=b", 400),
    ] {
        assert_eq!(world.get(path).await.0, status, "{path}");
    }
}
