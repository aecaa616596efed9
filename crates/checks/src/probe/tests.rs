//! Probes of real sockets on ports that the system chose.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn probe(target: ProbeTarget) -> Probe {
    let (interval, timeout) = (Duration::from_secs(10), Duration::from_secs(10));
    Probe {
        target,
        interval,
        timeout,
        output_limit: 64,
    }
}

fn http(url: String) -> ProbeTarget {
    let (method, body) = ("GET".to_owned(), String::new());
    ProbeTarget::Http {
        url,
        method,
        headers: BTreeMap::new(),
        body,
        redirects: true,
    }
}

/// A server that gives one answer a connection, and its address. It ends with what it was asked.
async fn server(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            asked.push(String::from_utf8(request).unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    };
    (address, tokio::spawn(serve))
}

fn answer(head: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An address where nobody listens.
async fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}

#[tokio::test]
async fn a_connection_that_is_taken_passes_and_one_that_is_refused_is_critical() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let result = run(probe(ProbeTarget::Tcp(address.clone()))).await;
    let output = format!("TCP connect {address}: Success");
    assert_eq!(
        result,
        ProbeResult {
            status: Status::Passing,
            output
        }
    );

    let address = nobody().await;
    let result = run(probe(ProbeTarget::Tcp(address.clone()))).await;
    assert_eq!(result.status, Status::Critical);
    assert!(
        result
            .output
            .starts_with(&format!("TCP connect {address}: ")),
        "{}",
        result.output
    );
}

#[tokio::test]
async fn the_status_of_an_answer_decides_and_its_body_is_shown() {
    let statuses = [
        ("200 OK", Status::Passing),
        ("204 No Content", Status::Passing),
        ("429 Too Many Requests", Status::Warning),
        ("404 Not Found", Status::Critical),
        ("503 Service Unavailable", Status::Critical),
    ];
    for (head, status) in statuses {
        let body = if head.starts_with("204") {
            ""
        } else {
            "so it is"
        };
        let (address, _) = server(vec![answer(head, body)]).await;
        let url = format!("http://{address}/health?deep=1");
        let output = format!("HTTP GET {url}: {head} Output: {body}");
        assert_eq!(run(probe(http(url))).await, ProbeResult { status, output });
    }
}

#[tokio::test]
async fn a_request_is_what_the_check_says() {
    let (address, asked) = server(vec![answer("200 OK", "")]).await;
    let headers = BTreeMap::from([
        ("X-Two".to_owned(), vec!["a".to_owned(), "b".to_owned()]),
        ("Host".to_owned(), vec!["web.test".to_owned()]),
    ]);
    let target = ProbeTarget::Http {
        url: format!("http://user:word@{address}"),
        method: "POST".to_owned(),
        headers,
        body: "ping".to_owned(),
        redirects: true,
    };
    assert_eq!(run(probe(target)).await.status, Status::Passing);
    let asked = asked.await.unwrap().remove(0).to_ascii_lowercase();
    assert!(asked.starts_with("post / http/1.1\r\n"), "{asked}");
    for line in [
        "x-two: a",
        "x-two: b",
        "host: web.test",
        "content-length: 4",
    ] {
        assert!(asked.contains(&format!("{line}\r\n")), "{line} in {asked}");
    }
    assert_eq!(asked.matches("host:").count(), 1);
}

#[tokio::test]
async fn redirects_are_followed_unless_the_check_says_not_to() {
    let elsewhere = |to: &str| answer(&format!("302 Found\r\nLocation: {to}"), "");
    let answers = vec![
        elsewhere("/b/c"),
        elsewhere("d#top"),
        answer("200 OK", "here"),
    ];
    let (address, asked) = server(answers).await;
    let result = run(probe(http(format!("http://{address}/a")))).await;
    assert!(
        result.output.ends_with("200 OK Output: here"),
        "{}",
        result.output
    );
    let asked = asked.await.unwrap();
    let first: Vec<&str> = asked
        .iter()
        .filter_map(|request| request.lines().next())
        .collect();
    assert_eq!(
        first,
        ["GET /a HTTP/1.1", "GET /b/c HTTP/1.1", "GET /b/d HTTP/1.1"]
    );

    let (address, _) = server(vec![elsewhere("/b")]).await;
    let mut target = http(format!("http://{address}/a"));
    if let ProbeTarget::Http { redirects, .. } = &mut target {
        *redirects = false;
    }
    assert_eq!(run(probe(target)).await.status, Status::Critical);

    let (address, _) = server((0..=10).map(|_| elsewhere("/round")).collect()).await;
    let result = run(probe(http(format!("http://{address}/round")))).await;
    assert!(
        result.output.ends_with("more than 10 redirects"),
        "{}",
        result.output
    );
}

#[tokio::test]
async fn an_endless_body_is_read_to_its_limit_only() {
    let endless = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{}",
        "x".repeat(1000)
    );
    let (address, _) = server(vec![endless]).await;
    let result = run(probe(http(format!("http://{address}/")))).await;
    assert_eq!(result.status, Status::Passing);
    assert!(
        result
            .output
            .ends_with(&format!("Output: {}", "x".repeat(64))),
        "{}",
        result.output
    );
}

#[tokio::test]
async fn what_cannot_be_asked_is_critical_in_words() {
    let address = nobody().await;
    let targets = [
        (http(format!("http://{address}/")), "refused"),
        (http("https://web.test/".to_owned()), "only http URLs"),
        (http("http://a b/".to_owned()), "invalid"),
        (http("nonsense".to_owned()), "only http URLs"),
        (ProbeTarget::Tcp("no-port".to_owned()), "no-port"),
        (
            ProbeTarget::Unsupported("gRPC"),
            "gRPC checks are not run yet by this agent",
        ),
    ];
    for (target, words) in targets {
        let result = run(probe(target)).await;
        assert_eq!(result.status, Status::Critical);
        assert!(
            result.output.contains(words),
            "{words} in {}",
            result.output
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_says_nothing_is_critical_when_time_is_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let result = run(probe(http(url.clone()))).await;
    let output = format!("HTTP GET {url}: no answer within 10s");
    assert_eq!(
        result,
        ProbeResult {
            status: Status::Critical,
            output
        }
    );
}
