use std::time::Instant;

use serde_json::json;
use tribune_api::rows::{CheckRow, NodeServiceRow};
use tribune_local::{Local, Settings};
use tribune_types::Token;
use tribune_types::definition::{CheckType, ServiceDefinition};

use super::*;

/// An agent with a service that says something in every field, and a check of each kind.
fn local() -> Local {
    let mut local = Local::new(Settings::new(NodeName::new("n1")));
    let now = Instant::now();
    let definition = json!({
        "ID": "web-1", "Name": "web", "Tags": ["a", "b"], "Address": "10.1.1.1", "Port": 8080,
        "TaggedAddresses": {"lan": {"Address": "10.1.1.1", "Port": 8081}},
        "Meta": {"k": "v"}, "Weights": {"Passing": 3, "Warning": 2}, "EnableTagOverride": true,
        "Locality": {"Region": "r", "Zone": "z"},
        "Checks": [
            {"CheckID": "ttl", "TTL": "90s", "Notes": "n", "Status": "passing"},
            {"CheckID": "http", "HTTP": "http://127.0.0.1:1/x", "Method": "POST", "Interval": "10s",
             "Timeout": "3s", "Header": {"h": ["1", "2"]}, "Body": "b", "DeregisterCriticalServiceAfter": "90m"},
            {"CheckID": "tcp", "TCP": "127.0.0.1:1", "Interval": "10s", "OutputMaxSize": 99},
            {"CheckID": "alias", "AliasService": "other"}],
        "Connect": {"SidecarService": {"Proxy": {
            "Config": {"protocol": "http", "limits": {"max_connections": 3}},
            "Mode": "transparent", "TransparentProxy": {"OutboundListenerPort": 15001},
            "MeshGateway": {"Mode": "local"},
            "Expose": {"Checks": true, "Paths": [{"Path": "/h", "LocalPathPort": 1, "ListenerPort": 2}]},
            "Upstreams": [{"DestinationName": "db", "LocalBindPort": 9191, "Config": {"connect_timeout_ms": 5}},
                          {"DestinationName": "u", "LocalBindSocketPath": "/tmp/u", "LocalBindSocketMode": "0600"}]}}},
    });
    let definition: ServiceDefinition = serde_json::from_value(definition).unwrap();
    local
        .register_service(definition, Token::default(), false, now)
        .unwrap();
    let native = json!({"Name": "native", "Connect": {"Native": true}, "SocketPath": "/tmp/n"});
    let native: ServiceDefinition = serde_json::from_value(native).unwrap();
    local
        .register_service(native, Token::default(), false, now)
        .unwrap();
    let check: CheckType = serde_json::from_value(json!({"Name": "node", "TTL": "1h"})).unwrap();
    local.register_check(check, Token::default(), now).unwrap();
    local
}

#[test]
fn a_row_comes_back_from_the_catalog_as_it_went_there() {
    let mut local = local();
    while let Some(sync) = local.poll_sync() {
        local.handle_synced(&sync);
    }
    let peer = Name::default();
    let services: Vec<_> = local
        .services()
        .map(|(_, service)| {
            let row = json!(NodeServiceRow::new(service, &peer));
            Arc::new(service_row(serde_json::from_value(row).unwrap()))
        })
        .collect();
    let checks: Vec<_> = local
        .checks()
        .map(|(_, state)| {
            let row = json!(CheckRow::from(&*state.check));
            Arc::new(check_row(serde_json::from_value(row).unwrap()))
        })
        .collect();
    assert_eq!((services.len(), checks.len()), (3, 7));
    let catalog = InCatalog { services, checks };
    local.handle_catalog(&catalog, Instant::now());
    assert_eq!(local.poll_sync(), None);
}

#[test]
fn a_request_says_what_the_row_says() {
    for (_, service) in local().services() {
        let back = service_row(service_request(service));
        assert_eq!(back, **service);
    }
    for (_, state) in local().checks() {
        assert_eq!(check_row(check_request(&state.check)), *state.check);
    }
}
