//! Requests of the API.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tribune_rpc::tls::{Role, Tls};
use tribune_rpc::{
    ClientSettings, Failure, LimitMode, Limits, ProxyReport, ProxyState, RequestLimiter,
    RequestLimits, SignRequest,
};
use tribune_types::call::{
    AgentRequest, Body, CallError, ChainQuery, Consistency, IntentionPair, Options, Query, Request,
    Write,
};
use tribune_types::request::DeregisterRequest;
use tribune_types::{InstanceName, ServiceName, Token};

use crate::certificates::Authority;
use crate::world::{Fake, Running, ask, client, client_with, hasty, settings};

fn deregister() -> Request {
    Request::Write(Write::Deregister(DeregisterRequest {
        node: "n1".into(),
        ..DeregisterRequest::default()
    }))
}

fn text(body: Body) -> String {
    match body {
        Body::Json(json) => String::from_utf8(json).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_arrives_as_it_was_and_so_does_its_answer() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let client = client(&[&server], &Tls::plaintext());
    let pair = IntentionPair {
        source: ServiceName::new("web"),
        source_peer: "".into(),
        destination: ServiceName::new("API"),
    };
    let requests = [
        Request::Query(Query::Leader),
        Request::Query(Query::IntentionCheck(pair)),
        Request::Query(Query::DiscoveryChain(ChainQuery::default())),
        deregister(),
    ];
    for request in requests {
        let reply = client.call(&request, &Options::default()).await.unwrap();
        assert_eq!((reply.known_leader, reply.last_contact_millis), (true, 12));
        assert_eq!(reply.answer.index, Some(7));
        assert!(reply.answer.filtered_by_acls);
        let printed = serde_json::to_string(&format!("one: {request:?}")).unwrap();
        assert_eq!(text(reply.answer.body), printed);
    }
    let denied = ask(&client, Query::Datacenters).await.unwrap_err();
    assert_eq!(denied, CallError::Denied("the token may not".into()));
}

#[tokio::test]
async fn a_request_to_an_agent_goes_nowhere() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let client = client(&[&server], &Tls::plaintext());
    let request = Request::Agent(AgentRequest::Myself);
    let refused = client.call(&request, &Options::default()).await;
    assert!(matches!(refused, Err(CallError::BadRequest(_))));
    assert_eq!(fake.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_read_that_waits_ends_with_its_caller() {
    let (fake, mut waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let client = client(&[&server], &Tls::plaintext());
    let waiting = tokio::spawn(async move {
        let options = Options {
            min_index: 5,
            consistency: Consistency::Stale,
            ..Options::default()
        };
        client.call(&Request::Query(Query::Nodes), &options).await
    });
    assert_eq!(waits.recv().await, Some("begun"));
    waiting.abort();
    assert_eq!(waits.recv().await, Some("ended"));
}

#[tokio::test]
async fn a_read_that_waits_ends_with_its_server() {
    let (fake, mut waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let client = hasty(&[&server], &Tls::plaintext());
    let waiting = tokio::spawn(async move {
        let options = Options {
            min_index: 5,
            ..Options::default()
        };
        client.call(&Request::Query(Query::Nodes), &options).await
    });
    assert_eq!(waits.recv().await, Some("begun"));
    server.stop().await;
    assert!(matches!(
        waiting.await.unwrap(),
        Err(CallError::Unavailable(_))
    ));
}

#[tokio::test]
async fn requests_wait_for_a_leader() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    // tries come a sixteenth of the time apart
    let brisk = ClientSettings {
        hold: Duration::from_secs(2),
        ..settings()
    };
    let patient = client_with(brisk, &[&server], &Tls::plaintext());
    fake.leaderless.store(1, Ordering::SeqCst);
    let reply = patient.call(&deregister(), &Options::default()).await;
    assert!(reply.unwrap().known_leader);
    assert_eq!(fake.calls.load(Ordering::SeqCst), 2);
    let hasty = hasty(&[&server], &Tls::plaintext());
    fake.leaderless.store(9, Ordering::SeqCst);
    let error = hasty.call(&deregister(), &Options::default()).await;
    assert_eq!(
        error,
        Err(CallError::Unavailable("No cluster leader".into()))
    );
}

#[tokio::test]
async fn a_server_without_a_leader_is_passed_over_and_stays_the_one_that_is_asked() {
    let (one, _waits) = Fake::new("one");
    let (other, _waits) = Fake::new("other");
    let servers = [
        Running::start(&one, &Tls::plaintext()).await,
        Running::start(&other, &Tls::plaintext()).await,
    ];
    let client = client(&[&servers[0], &servers[1]], &Tls::plaintext());
    let asked = client.server().unwrap();
    let cut_off = if asked == servers[0].as_server() {
        &one
    } else {
        &other
    };
    cut_off.leaderless.store(usize::MAX, Ordering::SeqCst);
    assert!(ask(&client, Query::Leader).await.is_ok());
    assert_eq!(client.server(), Some(asked));
}

#[tokio::test]
async fn another_server_is_asked_where_one_is_gone() {
    let (one, _waits) = Fake::new("one");
    let (other, _waits) = Fake::new("other");
    let servers = [
        Running::start(&one, &Tls::plaintext()).await,
        Running::start(&other, &Tls::plaintext()).await,
    ];
    // one that does not wait before it tries again
    let client = hasty(&[&servers[0], &servers[1]], &Tls::plaintext());
    let asked = client.server().unwrap().address;
    assert!(ask(&client, Query::Leader).await.is_ok());
    let [a, b] = servers;
    let (gone, stays) = if a.as_server().address == asked {
        (a, b)
    } else {
        (b, a)
    };
    gone.stop().await;
    assert!(ask(&client, Query::Leader).await.is_ok());
    assert_eq!(client.server().unwrap().address, stays.as_server().address);
    stays.stop().await;
}

#[tokio::test]
async fn what_one_server_passes_on_to_another_says_so_and_is_tried_once() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let client = client(&[], &Tls::plaintext());
    let (leader, options) = (server.as_server(), Options::default());
    let reply = client.forward(&leader, &deregister(), &options).await;
    assert!(
        !reply.unwrap().known_leader,
        "as the backend answers what was passed on"
    );
    fake.leaderless.store(1, Ordering::SeqCst);
    let failure = client.forward(&leader, &deregister(), &options).await;
    assert_eq!(failure, Err(Failure::unavailable("No cluster leader")));
    assert_eq!(fake.calls.load(Ordering::SeqCst), 2);
    server.stop().await;
    let failure = client.forward(&leader, &deregister(), &options).await;
    assert!(failure.unwrap_err().retry, "it did not arrive");
}

#[tokio::test(start_paused = true)]
async fn many_wait_for_a_server_that_does_not_answer_no_longer_than_one() {
    let authority = Authority::new("one");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = hasty(&[], &authority.tls(Role::Agent, None));
    let address = silent.local_addr().unwrap();
    client.set_servers(vec![crate::hostile::as_server(address)]);
    // the clock is wound on whenever all wait for it
    let begun = Instant::now();
    let asked = (0..10).map(|_| ask(&client, Query::Leader));
    for answer in join_all(asked).await {
        assert!(
            matches!(answer, Err(CallError::Unavailable(_))),
            "{answer:?}"
        );
    }
    assert!(begun.elapsed() < 2 * settings().connect);
}

#[tokio::test]
async fn without_servers_there_is_no_answer() {
    let client = hasty(&[], &Tls::plaintext());
    let error = ask(&client, Query::Leader).await.unwrap_err();
    assert!(error.to_string().starts_with("No known Consul servers"));
}

#[tokio::test]
async fn too_many_requests_are_refused_from_both_ends() {
    let (fake, _waits) = Fake::new("one");
    let requests = RequestLimiter::new(RequestLimits {
        mode: LimitMode::Enforcing,
        read_rate: 0.0,
        write_rate: -1.0,
    });
    let limits = Limits {
        requests,
        ..Limits::default()
    };
    let server = Running::with(&fake, &Tls::plaintext(), limits).await;
    let client = client(&[&server], &Tls::plaintext());
    assert!(ask(&client, Query::Leader).await.is_ok());
    let refused = ask(&client, Query::Leader).await.unwrap_err();
    assert!(matches!(&refused, CallError::TooMany(why) if why.contains("limits.request_limits")));
    assert!(
        client
            .call(&deregister(), &Options::default())
            .await
            .is_ok()
    );
    client.set_rate(0.0, 1);
    assert!(
        client
            .call(&deregister(), &Options::default())
            .await
            .is_ok()
    );
    let refused = client.call(&deregister(), &Options::default()).await;
    assert!(matches!(refused, Err(CallError::TooMany(why)) if why.contains("limits.rpc_rate")));
}

#[tokio::test]
async fn certificates_and_reports_go_through() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let client = client(&[&server], &Tls::plaintext());
    let request = SignRequest {
        service: ServiceName::new("web"),
        token: "secret".into(),
        csr: "csr".into(),
    };
    let signed = client.sign(&request).await.unwrap();
    assert_eq!(
        (signed.chain_pem.as_str(), signed.not_after),
        ("csr for web", -1)
    );
    let mut report = ProxyReport {
        node: "n1".into(),
        proxies: vec![ProxyState {
            instance: InstanceName::new("n1", "web-proxy"),
            row: "{\"Synced\":true}".into(),
        }],
    };
    let token = Token::default();
    client.report(&token, report.clone()).await.unwrap();
    assert_eq!(
        client.proxy_reports(&token).await.unwrap(),
        [report.clone()]
    );
    report.proxies[0].row = "{".into();
    let refused = client.report(&token, report).await;
    assert!(
        matches!(refused, Err(CallError::BadRequest(_))),
        "{refused:?}"
    );
}
