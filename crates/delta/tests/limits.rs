//! What one stream may cost, whatever its client does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tribune_delta::{
    Children, Limits, Nonce, Request, RequestError, Resource, ResourceSet, Session, TypeUrl,
    Unanswered, Version,
};

fn start() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant has no other beginning"
    )]
    Instant::now()
}

fn subscribe(type_url: TypeUrl, names: impl IntoIterator<Item = String>) -> Request {
    Request {
        subscribe: names.into_iter().collect(),
        ..Request::new(type_url)
    }
}

fn resource(name: &str, version: u64) -> Resource<()> {
    Resource {
        name: name.into(),
        version: Version(version),
        body: (),
        children: Children::None,
    }
}

fn changed(resources: Vec<Resource<()>>) -> ResourceSet<()> {
    ResourceSet {
        changed: resources,
        removed: Vec::new(),
    }
}

fn removed(name: &str) -> ResourceSet<()> {
    ResourceSet {
        changed: Vec::new(),
        removed: vec![name.into()],
    }
}

fn answer(type_url: TypeUrl, nonce: Nonce) -> Request {
    Request {
        nonce: Some(nonce),
        ..Request::new(type_url)
    }
}

#[test]
fn ten_thousand_subscriptions_are_served_and_one_more_ends_the_stream() {
    let (now, mut session) = (start(), Session::new(Limits::default()));
    session.handle_resources(now, TypeUrl::Endpoint, changed(vec![resource("n7", 1)]));
    let names = (0..10_000).map(|number| format!("n{number}"));
    session
        .handle_request(now, subscribe(TypeUrl::Endpoint, names))
        .unwrap();
    assert_eq!(session.poll_transmit().unwrap().resources.len(), 1);
    assert_eq!(session.tracked(), 10_000);
    // the same again costs nothing
    session
        .handle_request(now, subscribe(TypeUrl::Endpoint, ["n1".to_owned()]))
        .unwrap();
    let more = session.handle_request(now, subscribe(TypeUrl::Endpoint, ["x".to_owned()]));
    let type_url = TypeUrl::Endpoint;
    assert_eq!(
        more,
        Err(RequestError::TooManySubscriptions {
            type_url,
            limit: 10_000
        })
    );
}

#[test]
fn giving_names_up_makes_room_for_others() {
    let limits = Limits {
        subscriptions: 2,
        name_bytes: 4,
        ..Limits::default()
    };
    let (now, mut session) = (start(), Session::<()>::new(limits));
    for round in 0..10 {
        let names = [format!("a{round}"), format!("b{round}")];
        session
            .handle_request(now, subscribe(TypeUrl::Secret, names.clone()))
            .unwrap();
        let request = Request {
            unsubscribe: names.into(),
            ..Request::new(TypeUrl::Secret)
        };
        session.handle_request(now, request).unwrap();
        assert_eq!(session.tracked(), 0);
    }
    let long = session.handle_request(now, subscribe(TypeUrl::Secret, ["abcde".to_owned()]));
    let type_url = TypeUrl::Secret;
    assert_eq!(long, Err(RequestError::NamesTooLong { type_url, limit: 4 }));
}

#[test]
fn versions_kept_from_an_earlier_stream_count_like_subscriptions() {
    let limits = Limits {
        subscriptions: 2,
        ..Limits::default()
    };
    let mut session = Session::<()>::new(limits);
    let kept = |count: u32| (0..count).map(|n| (n.to_string(), String::new())).collect();
    let request = Request {
        initial_resource_versions: kept(3),
        ..Request::new(TypeUrl::Cluster)
    };
    let refused = session.handle_request(start(), request);
    assert!(matches!(
        refused,
        Err(RequestError::TooManySubscriptions { .. })
    ));
    let mut session = Session::<()>::new(limits);
    let mut request = subscribe(TypeUrl::Route, ["other".to_owned()]);
    request.initial_resource_versions = kept(2);
    let refused = session.handle_request(start(), request);
    assert!(matches!(
        refused,
        Err(RequestError::TooManySubscriptions { .. })
    ));
}

#[test]
fn a_response_left_unanswered_ends_the_stream_in_time() {
    let limits = Limits {
        answer_within: Duration::from_secs(60),
        ..Limits::default()
    };
    let (now, mut session) = (start(), Session::new(limits));
    session.handle_resources(now, TypeUrl::Cluster, changed(vec![resource("a", 1)]));
    session
        .handle_request(now, Request::new(TypeUrl::Cluster))
        .unwrap();
    assert_eq!(session.poll_timeout(), None, "nothing was sent");
    let nonce = session.poll_transmit().unwrap().nonce;
    let due = now + Duration::from_secs(60);
    assert_eq!(session.poll_timeout(), Some(due));
    assert!(session.awaits(TypeUrl::Cluster, nonce) && !session.awaits(TypeUrl::Route, nonce));
    assert!(!session.awaits(TypeUrl::Cluster, Nonce(7)));
    assert_eq!(
        session.handle_timeout(due - Duration::from_millis(1)),
        Ok(())
    );
    let unanswered = Unanswered {
        type_url: TypeUrl::Cluster,
        nonce,
    };
    assert_eq!(session.handle_timeout(due), Err(unanswered));
    session
        .handle_request(now, answer(TypeUrl::Cluster, nonce))
        .unwrap();
    assert_eq!(
        (session.poll_timeout(), session.handle_timeout(due)),
        (None, Ok(()))
    );
}

#[test]
fn a_client_that_never_answers_holds_no_memory_of_what_has_gone() {
    let (now, mut session) = (start(), Session::new(Limits::default()));
    for type_url in TypeUrl::ALL {
        session.handle_resources(now, type_url, changed(vec![resource("first", 1)]));
        session.handle_request(now, Request::new(type_url)).unwrap();
    }
    while session.poll_transmit().is_some() {}
    for round in 0..1000 {
        let name = format!("n{round}");
        for type_url in TypeUrl::ALL {
            session.handle_resources(now, type_url, changed(vec![resource(&name, 1)]));
            while session.poll_transmit().is_some() {}
            session.handle_resources(now, type_url, removed(&name));
            while session.poll_transmit().is_some() {}
        }
    }
    assert_eq!(session.tracked(), TypeUrl::ALL.len());
}

/// Clusters come and go and are acknowledged while a listener never is: their removals wait for it, and
/// must not wait without end.
#[test]
fn removals_that_wait_for_another_type_are_bounded() {
    let limits = Limits {
        withheld_removals: 10,
        ..Limits::default()
    };
    let (now, mut session) = (start(), Session::new(limits));
    for type_url in [TypeUrl::Cluster, TypeUrl::Listener] {
        session.handle_resources(now, type_url, changed(vec![resource("first", 1)]));
        session.handle_request(now, Request::new(type_url)).unwrap();
    }
    let (mut most, mut removals) = (0, 0);
    for round in 0..100 {
        let name = format!("n{round}");
        session.handle_resources(now, TypeUrl::Cluster, changed(vec![resource(&name, 1)]));
        for gone in [None, Some(&name)] {
            if let Some(gone) = gone {
                session.handle_resources(now, TypeUrl::Cluster, removed(gone));
            }
            while let Some(response) = session.poll_transmit() {
                if response.type_url == TypeUrl::Cluster {
                    removals += response.removed.len();
                    session
                        .handle_request(now, answer(TypeUrl::Cluster, response.nonce))
                        .unwrap();
                }
            }
        }
        most = most.max(session.tracked());
    }
    assert!(most <= 14, "{most} names for two resources");
    assert!(removals >= 80, "{removals} removals");
}

#[test]
fn names_are_shared_with_the_resources_that_come_later() {
    let (now, mut session) = (start(), Session::new(Limits::default()));
    session
        .handle_request(now, subscribe(TypeUrl::Cluster, ["web".to_owned()]))
        .unwrap();
    let shared: Arc<str> = "web".into();
    let web = Resource {
        name: shared.clone(),
        ..resource("", 1)
    };
    session.handle_resources(now, TypeUrl::Cluster, changed(vec![web]));
    assert!(
        session
            .statuses()
            .all(|status| Arc::ptr_eq(status.name, &shared))
    );
}

#[test]
fn of_a_resource_given_twice_the_later_one_counts() {
    let (now, mut session) = (start(), Session::new(Limits::default()));
    session
        .handle_request(now, Request::new(TypeUrl::Cluster))
        .unwrap();
    let twice = changed(vec![
        resource("web", 1),
        resource("api", 1),
        resource("web", 2),
    ]);
    session.handle_resources(now, TypeUrl::Cluster, twice);
    let sent = session.poll_transmit().unwrap().resources;
    let sent: Vec<(&str, u64)> = sent.iter().map(|r| (&*r.name, r.version.0)).collect();
    assert_eq!(sent, [("api", 1), ("web", 2)]);
}
