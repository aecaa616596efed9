//! Operating a cluster over HTTP, with a server that is alone.

use serde_json::{Value, json};

use super::*;

impl World {
    async fn json(&self, path: &str) -> (u16, Value) {
        let (status, answer) = self.get(path).await;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

#[tokio::test]
async fn the_only_server_is_the_leader_and_the_only_member() {
    let world = World::new().await;
    let (status, raft) = world.json("/v1/operator/raft/configuration").await;
    assert_eq!(status, 200);
    let servers = raft["Servers"].as_array().unwrap();
    assert_eq!(servers.len(), 1);
    assert_eq!(
        (
            &servers[0]["Node"],
            &servers[0]["Leader"],
            &servers[0]["Voter"]
        ),
        (&json!("node"), &json!(true), &json!(true))
    );
    assert!(servers[0]["LastIndex"].as_u64().unwrap() > 0);
    let (_, members) = world.json("/v1/agent/members").await;
    assert_eq!(members[0]["Name"], "node");
    assert_eq!(members[0]["Tags"]["id"], servers[0]["ID"]);
    let (status, health) = world.json("/v1/operator/autopilot/health").await;
    assert_eq!((status, &health["Healthy"]), (200, &json!(true)));
    assert_eq!(health["Servers"][0]["SerfStatus"], "alive");
    let (_, state) = world.json("/v1/operator/autopilot/state").await;
    assert_eq!(state["Leader"], servers[0]["ID"]);
    assert_eq!(state["Voters"], json!([servers[0]["ID"]]));
    assert_eq!(
        world.json("/v1/mesh/proxies?cluster").await,
        (200, json!([]))
    );
    let (_, myself) = world.json("/v1/agent/self").await;
    assert_eq!(myself["Stats"]["raft"]["state"], "Leader");
    assert_eq!(myself["Member"]["Name"], "node");
    let (status, host) = world.json("/v1/agent/host").await;
    assert_eq!((status, &host["Errors"]), (200, &Value::Null));
}

#[tokio::test]
async fn what_needs_others_is_refused_with_a_reason() {
    let world = World::new().await;
    for (method, path, status) in [
        ("PUT", "/v1/agent/join/127.0.0.1:1", 500),
        ("PUT", "/v1/agent/join/127.0.0.1:1?wan=1", 500),
        ("PUT", "/v1/agent/join/", 500),
        ("PUT", "/v1/agent/join/bad%20host", 500),
        ("PUT", "/v1/agent/join/127.0.0.1:8301", 200),
        ("PUT", "/v1/agent/force-leave/ghost", 500),
        ("PUT", "/v1/agent/force-leave/ghost?prune", 500),
        ("PUT", "/v1/agent/force-leave/ghost?wan", 500),
        ("PUT", "/v1/agent/force-leave/", 500),
        ("GET", "/v1/operator/keyring", 500),
        ("GET", "/v1/operator/keyring?relay-factor=6", 400),
        ("GET", "/v1/operator/keyring?relay-factor=x", 400),
        ("GET", "/v1/operator/keyring?local-only=maybe", 400),
        ("DELETE", "/v1/operator/raft/peer", 400),
        ("DELETE", "/v1/operator/raft/peer?id=a&address=b", 400),
        ("DELETE", "/v1/operator/raft/peer?id=ghost", 500),
        ("POST", "/v1/operator/raft/transfer-leader", 404),
        ("GET", "/v1/agent/monitor?loglevel=loud", 400),
        ("PUT", "/v1/snapshot?stale", 500),
        ("GET", "/v1/agent/reload", 405),
        ("POST", "/v1/agent/leave", 405),
        ("GET", "/v1/operator/autopilot", 404),
    ] {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n");
        let (answered, text) = world.send(head.as_bytes()).await;
        assert_eq!(answered, status, "{method} {path}: {text}");
    }
    let (_, text) = world.get("/v1/operator/keyring").await;
    assert!(text.contains("encryption not enabled"), "{text}");
}

#[tokio::test]
async fn autopilot_is_configured_whole_and_only_at_the_right_index() {
    let world = World::new().await;
    let path = "/v1/operator/autopilot/configuration";
    let (_, before) = world.json(path).await;
    assert_eq!(before["ServerStabilizationTime"], "10s");
    for (query, body, status, answer) in [
        ("", r#"{"MaxTrailingLogs": 7}"#, 200, "true"),
        ("?cas=0", "{}", 200, "false"),
        ("?cas=99999", "{}", 200, "false"),
        ("?cas=x", "{}", 400, "Error parsing cas value"),
        ("", r#"{"MinQuorum": -1}"#, 400, "MinQuorum"),
        (
            "",
            r#"{"LastContactThreshold": "soon"}"#,
            400,
            "Error parsing autopilot config",
        ),
        ("", r#"{"Colour": 1}"#, 400, "Colour"),
        ("", "", 400, "Error parsing autopilot config"),
    ] {
        let (answered, text) = world.put(&format!("{path}{query}"), body).await;
        assert_eq!(answered, status, "{query} {body}: {text}");
        assert!(text.contains(answer), "{query} {body}: {text}");
    }
    let (_, after) = world.json(path).await;
    assert_eq!(
        (&after["MaxTrailingLogs"], &after["CleanupDeadServers"]),
        (&json!(7), &json!(true))
    );
    let index = after["ModifyIndex"].as_u64().unwrap();
    assert!(index > before["ModifyIndex"].as_u64().unwrap());
    let (_, text) = world
        .put(
            &format!("{path}?cas={index}"),
            r#"{"cleanupdeadservers": false}"#,
        )
        .await;
    assert!(text.ends_with("true\n"), "{text}");
    let (_, last) = world.json(path).await;
    assert_eq!(
        (&last["MaxTrailingLogs"], &last["CleanupDeadServers"]),
        (&json!(250), &json!(false))
    );
}

#[tokio::test]
async fn leaving_ends_the_agent_after_the_answer() {
    let world = World::new().await;
    assert!(!world.shutdown.is_begun());
    let (status, _) = world.put("/v1/agent/leave", "").await;
    assert_eq!(status, 200);
    world.shutdown.begun().await;
}

#[tokio::test]
async fn whoever_is_allowed_nothing_operates_nothing() {
    let (denied, allowed) = (
        World::with(Arc::new(tribune_acl::Authorizer::deny_all())).await,
        World::new().await,
    );
    for (method, path) in [
        ("PUT", "/v1/agent/join/127.0.0.1:1"),
        ("PUT", "/v1/agent/force-leave/ghost"),
        ("PUT", "/v1/agent/reload"),
        ("PUT", "/v1/agent/leave"),
        ("GET", "/v1/agent/host"),
        ("GET", "/v1/agent/monitor?loglevel=loud"),
        ("GET", "/v1/operator/raft/configuration"),
        ("DELETE", "/v1/operator/raft/peer?id=a"),
        ("POST", "/v1/operator/raft/transfer-leader"),
        ("GET", "/v1/operator/autopilot/configuration"),
        ("PUT", "/v1/operator/autopilot/configuration"),
        ("GET", "/v1/operator/autopilot/health"),
        ("GET", "/v1/operator/autopilot/state"),
        ("GET", "/v1/operator/keyring"),
        ("POST", "/v1/operator/keyring"),
        ("PUT", "/v1/operator/keyring"),
        ("DELETE", "/v1/operator/keyring"),
        ("GET", "/v1/snapshot"),
        ("PUT", "/v1/snapshot"),
        ("GET", "/v1/mesh/proxies?cluster"),
    ] {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n");
        let (status, text) = denied.send(head.as_bytes()).await;
        assert_eq!(status, 403, "{method} {path}: {text}");
        let answer = allowed.exchange(head.as_bytes()).await;
        assert!(!answer.starts_with(b"HTTP/1.1 403"), "{method} {path}");
    }
    let (status, rows) = denied.json("/v1/agent/members").await;
    assert_eq!((status, rows), (200, json!([])), "rows are left out");
    assert!(!denied.shutdown.is_begun());
}

/// The head and the body of an answer in chunks.
fn in_chunks(answer: &[u8]) -> (String, Vec<u8>) {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let (head, mut rest) = answer.split_at(end.unwrap() + 4);
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|bytes| bytes == b"\r\n").unwrap();
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        rest = &rest[line + 2..];
        if size == 0 {
            return (String::from_utf8(head.to_vec()).unwrap(), body);
        }
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
}

#[tokio::test]
async fn a_snapshot_is_an_archive_of_all_tables() {
    let world = World::new().await;
    world.assert_well().await;
    let head = b"GET /v1/snapshot HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n";
    let (head, archive) = in_chunks(&world.exchange(head).await);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("content-type: application/x-gzip"), "{head}");
    let mut state = Vec::new();
    let meta = tribune_archive::read(archive.as_slice(), &mut state).unwrap();
    assert!(
        head.contains(&format!("x-consul-index: {}\r\n", meta.index)),
        "{head}"
    );
    let inspection = tribune_state::inspect([&state]).unwrap();
    assert_eq!(inspection.index, meta.index);
    let store = tribune_state::Store::restore([&state]).unwrap();
    assert_eq!(store.index(), meta.index);
    let tables = inspection.tables.iter();
    let rows = |name: &str| {
        tables
            .clone()
            .find(|table| table.name == name)
            .map(|table| table.rows)
    };
    assert_eq!(rows("services"), Some(2), "{inspection:?}");
    let (status, text) = world.put("/v1/snapshot", &archive).await;
    assert_eq!(status, 500);
    assert!(text.contains("this server is alone"), "{text}");
    let (status, text) = world
        .put("/v1/snapshot", &archive[..archive.len() - 1])
        .await;
    assert_eq!(status, 500);
    assert!(text.contains("cannot be read"), "{text}");
    world.assert_well().await;
}

#[tokio::test]
async fn the_log_is_followed_until_the_agent_ends() {
    let world = World::new().await;
    let head = b"GET /v1/agent/monitor HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n";
    let ((status, text), (left, _)) =
        tokio::join!(world.send(head), world.put("/v1/agent/leave", ""));
    assert_eq!((status, left), (200, 200), "{text}");
}
