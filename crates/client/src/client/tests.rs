use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::mpsc;
use std::thread;

use super::*;
use crate::{Address, Watch};

/// An agent that answers each request with the next of these texts, on one connection as long as that lasts. An
/// answer of `None` closes the connection unasked. Gives its address and the heads of the requests.
fn agent(answers: Vec<Option<String>>) -> (Address, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::parse(&listener.local_addr().unwrap().to_string(), false).unwrap();
    let (requests, received) = mpsc::channel();
    thread::spawn(move || {
        let mut answers = answers.into_iter();
        for stream in listener.incoming() {
            serve(stream.unwrap(), &mut answers, &requests);
        }
    });
    (address, received)
}

fn serve(
    mut stream: impl Read + Write,
    answers: &mut impl Iterator<Item = Option<String>>,
    requests: &mpsc::Sender<String>,
) {
    loop {
        let mut request = Vec::new();
        let mut byte = [0; 1];
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => request.push(byte[0]),
                _ => return,
            }
        }
        let head = String::from_utf8(request).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |n| n.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        requests
            .send(head + &String::from_utf8(body).unwrap())
            .unwrap();
        stream
            .write_all(answers.next().unwrap().unwrap().as_bytes())
            .unwrap();
        if answers.next().unwrap().is_none() {
            return;
        }
    }
}

/// An answer, and that the connection stays open after it.
fn answer(status: &str, headers: &str, body: &str) -> [Option<String>; 2] {
    [
        Some(format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        )),
        Some(String::new()),
    ]
}

fn client(address: Address) -> Client {
    Client::new(Config {
        address,
        token: "s3cret".into(),
        ..Config::default()
    })
    .unwrap()
}

#[tokio::test]
async fn options_become_the_query_and_headers_become_the_answer() {
    let headers = "X-Consul-Index: 7\r\nX-Consul-KnownLeader: true\r\nX-Consul-LastContact: 3\r\n";
    let (address, requests) =
        agent(answer("200 OK", headers, r#"[{"Node":"n1","Meta":null}]"#).into());
    let options = QueryOptions {
        datacenter: "dc2".to_owned(),
        stale: true,
        index: 5,
        wait: Some(std::time::Duration::from_secs(2)),
        filter: "Meta.a == \"b c\"".to_owned(),
        node_meta: vec![("k".to_owned(), "v".to_owned())],
        ..QueryOptions::default()
    };
    let nodes = client(address).catalog().nodes(&options).await.unwrap();
    assert_eq!(
        (nodes.index, nodes.known_leader, nodes.last_contact_ms),
        (7, true, 3)
    );
    assert_eq!(nodes.value[0].node, "n1");
    let request = requests.recv().unwrap();
    assert!(
        request.starts_with(
            "GET /v1/catalog/nodes?dc=dc2&filter=Meta.a%20%3D%3D%20%22b%20c%22&node-meta=k%3Av&index=5&wait=2000ms&stale HTTP/1.1"
        ),
        "{request}"
    );
    assert!(request.contains("x-consul-token: s3cret"), "{request}");
}

#[tokio::test]
async fn an_error_carries_the_status_and_the_text() {
    let (address, _requests) = agent(answer("403 Forbidden", "", "Permission denied\n").into());
    let error = client(address).status().leader().await.unwrap_err();
    assert!(matches!(&error, Error::Status { status: 403, body } if body == "Permission denied\n"));
    assert_eq!(
        error.to_string(),
        "Unexpected response code: 403 (Permission denied)"
    );
}

#[tokio::test]
async fn a_missing_entry_is_no_error_and_can_be_waited_for() {
    let (address, requests) = agent(answer("404 Not Found", "X-Consul-Index: 9\r\n", "no").into());
    let entry = client(address)
        .config_entries()
        .entry("mesh", "a/b", &QueryOptions::default())
        .await
        .unwrap();
    assert_eq!((entry.value, entry.index), (None, 9));
    assert!(
        requests
            .recv()
            .unwrap()
            .starts_with("GET /v1/config/mesh/a%2Fb HTTP")
    );
}

#[tokio::test]
async fn a_connection_is_used_again_and_replaced_once_the_agent_closed_it() {
    let mut answers = Vec::new();
    answers.extend(answer("200 OK", "", "\"one\""));
    let [text, _] = answer("200 OK", "", "\"two\"");
    answers.extend([text, None]);
    answers.extend(answer("200 OK", "", "\"three\""));
    let (address, _requests) = agent(answers);
    let client = client(address);
    for expected in ["one", "two", "three"] {
        assert_eq!(client.status().leader().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_said_with_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::parse(&listener.local_addr().unwrap().to_string(), false).unwrap();
    drop(listener);
    let error = client(address.clone()).status().leader().await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot connect to {address}")),
        "{error}"
    );
}

#[tokio::test]
async fn a_unix_socket_is_spoken_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (requests, received) = mpsc::channel();
    thread::spawn(move || {
        let mut answers = answer("200 OK", "", "[\"dc1\"]").into_iter();
        serve(listener.accept().unwrap().0, &mut answers, &requests);
    });
    let datacenters = client(Address::Unix(path))
        .catalog()
        .datacenters()
        .await
        .unwrap();
    assert_eq!(datacenters, ["dc1"]);
    assert!(received.recv().unwrap().contains("host: localhost"));
}

#[tokio::test]
async fn a_watch_yields_what_changed_and_starts_over_when_the_index_goes_back() {
    let indexes = [5, 5, 6, 2, 2, 3];
    let mut answers = Vec::new();
    for index in indexes {
        answers.extend(answer(
            "200 OK",
            &format!("X-Consul-Index: {index}\r\n"),
            "[]",
        ));
    }
    let (address, requests) = agent(answers);
    let client = client(address);
    let mut watch = Watch::new(QueryOptions::default(), async |options| {
        client.catalog().nodes(&options).await
    });
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(watch.next().await.unwrap().index);
    }
    assert_eq!(seen, [5, 6, 2, 2, 3]);
    let asked: Vec<String> = requests
        .try_iter()
        .map(|head| head.split(' ').nth(1).unwrap().to_owned())
        .collect();
    let path = "/v1/catalog/nodes";
    let expected = ["", "?index=5", "?index=5", "?index=6", "", "?index=2"]
        .map(|query| format!("{path}{query}"));
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn an_intention_is_written_without_what_only_the_server_knows() {
    let (address, requests) = agent(answer("200 OK", "", "true").into());
    let intention = crate::rows::Intention {
        action: "deny".to_owned(),
        precedence: 9,
        ..Default::default()
    };
    client(address)
        .intentions()
        .put("web", "db", &intention, &crate::WriteOptions::default())
        .await
        .unwrap();
    let request = requests.recv().unwrap();
    assert!(
        request.starts_with("PUT /v1/connect/intentions/exact?source=web&destination=db HTTP"),
        "{request}"
    );
    assert!(
        request.ends_with("\r\n\r\n{\"Action\":\"deny\"}"),
        "{request}"
    );
}
