//! Servers to test with, and what is asked of them.

use std::sync::Arc;
use std::time::Duration;

use tribune_acl::Authorizer;
use tribune_replication::{Faults, faulty, single};
use tribune_server::{CaSettings, Server, Settings};
use tribune_types::Opaque;
use tribune_types::call::{Answer, Body, CallError, Options, Query, Write};
use tribune_types::config_entry::{Raw, RawServiceDefaults, RawServiceIntentions, RawSource};
use tribune_types::request::{CatalogService, RegisterRequest};

/// A server whose log can be made to fail, and what makes it.
pub(crate) async fn server_with(resolver: Authorizer) -> (Arc<Server>, Faults) {
    let api = tribune_api::Settings {
        datacenter: "dc1".to_owned(),
        default_allow: true,
        intention_policy: false,
        leader: "127.0.0.1:8300".to_owned(),
        peers: vec!["127.0.0.1:8300".to_owned()],
    };
    let hub = Server::hub(&api, Arc::new(resolver));
    let log = single(
        tribune_state::Store::new(),
        tribune_replication::Settings::default(),
        hub.clone(),
    );
    let (log, faults) = faulty(log);
    let ca = CaSettings {
        cluster_id: Some("11111111-2222-3333-4444-555555555555".to_owned()),
        config: Opaque::new(),
        min_leaf_ttl: Duration::from_secs(10),
    };
    let new_cluster_id = "99999999-2222-3333-4444-555555555555".to_owned();
    let settings = Settings {
        api,
        ca,
        new_cluster_id,
        waits: tribune_server::Waits::default(),
    };
    let server = Server::start(settings, log, hub).await.unwrap();
    (Arc::new(server), faults)
}

/// A server on which everybody may do everything.
pub(crate) async fn server() -> (Arc<Server>, Faults) {
    server_with(Authorizer::allow_all()).await
}

pub(crate) async fn write(server: &Server, write: Write) -> Result<Answer, CallError> {
    server
        .write(write, &Options::default(), &Authorizer::allow_all())
        .await
}

pub(crate) async fn query(server: &Server, query: Query, options: &Options) -> (u64, String) {
    let answer = server
        .query(&query, options, &Authorizer::allow_all())
        .await
        .unwrap();
    let Body::Json(json) = answer.body else {
        panic!("{:?}", answer.body)
    };
    (answer.index.unwrap_or(0), String::from_utf8(json).unwrap())
}

/// The registration of an instance on a node of its own.
pub(crate) fn instance(service: &str, n: usize) -> Write {
    let name = format!("{service}-{n}");
    Write::Register(Box::new(RegisterRequest {
        node: name.as_str().into(),
        address: "10.0.0.1".to_owned(),
        service: Some(CatalogService {
            service: service.into(),
            id: name.as_str().into(),
            port: 80,
            ..CatalogService::default()
        }),
        ..RegisterRequest::default()
    }))
}

pub(crate) fn protocol(service: &str, protocol: &str) -> Write {
    let raw = RawServiceDefaults {
        name: service.into(),
        protocol: protocol.to_owned(),
        ..RawServiceDefaults::default()
    };
    Write::PutConfigEntry {
        entry: Box::new(Raw::ServiceDefaults(raw)),
        cas: None,
    }
}

pub(crate) fn intention(source: &str, destination: &str, action: &str) -> Write {
    let source = RawSource {
        name: source.into(),
        action: action.to_owned(),
        ..RawSource::default()
    };
    let raw = RawServiceIntentions {
        name: destination.into(),
        sources: vec![source],
        ..RawServiceIntentions::default()
    };
    Write::PutConfigEntry {
        entry: Box::new(Raw::ServiceIntentions(raw)),
        cas: None,
    }
}
