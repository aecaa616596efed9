//! What the catalog is told, and what comparing with it finds.

use std::collections::BTreeMap;

use tribune_types::definition::{CheckType, ServiceDefinition};
use tribune_types::{NodeName, ServiceName, Status};

use crate::fixture::{
    SECOND, alone, local, name, passing, service, start, tcp, ttl, with_checks, with_sidecar,
};
use crate::kind::ProbeResult;

use super::*;

/// A line for each thing that the catalog is told.
fn lines(told: &[Sync]) -> Vec<String> {
    let line = |sync: &Sync| match sync {
        Sync::Register {
            service,
            checks,
            token,
        } => {
            let service = service.as_ref().map_or("-", |service| service.id.as_str());
            let checks: Vec<&str> = checks.iter().map(|check| check.check_id.as_str()).collect();
            format!("register {service} {checks:?} {}", token.secret())
        }
        Sync::DeregisterService { id, token } => format!("remove {id} {}", token.secret()),
        Sync::DeregisterCheck { id, token } => format!("remove check {id} {}", token.secret()),
    };
    told.iter()
        .map(|sync| line(sync).trim_end().to_owned())
        .collect()
}

fn register(local: &mut Local, definition: ServiceDefinition, token: &str) {
    local
        .register_service(definition, token.into(), false, start())
        .unwrap();
}

#[test]
fn a_service_goes_with_its_checks_and_others_by_themselves() {
    let mut local = local();
    register(
        &mut local,
        with_checks("web", vec![ttl("a"), ttl("b")]),
        "t1",
    );
    let other = CheckType {
        token: "t2".to_owned(),
        ..alone(ttl("c"), "web")
    };
    local
        .register_check(other, Token::default(), start())
        .unwrap();
    local
        .register_check(alone(ttl("n"), ""), Token::default(), start())
        .unwrap();
    let told = lines(&local.sync_all());
    let expected = [
        "register web [\"a\", \"b\"] t1",
        "register - [\"c\"] t2",
        "register - [\"n\"]",
    ];
    assert_eq!(told, expected);
    local
        .report(&name("b"), Status::Passing, "", start())
        .unwrap();
    assert_eq!(lines(&local.sync_all()), ["register - [\"b\"] t1"]);
}

#[test]
fn registering_the_same_again_tells_nothing() {
    let mut local = local();
    let definition = with_sidecar("web", 80, ServiceDefinition::default());
    register(&mut local, definition.clone(), "");
    assert_eq!(local.sync_all().len(), 2);
    register(&mut local, definition.clone(), "");
    assert_eq!(local.poll_sync(), None);
    register(
        &mut local,
        ServiceDefinition {
            port: 81,
            ..definition.clone()
        },
        "",
    );
    let expected = ["register web []", "register web-sidecar-proxy []"];
    assert_eq!(lines(&local.sync_all()), expected);
    register(
        &mut local,
        ServiceDefinition {
            port: 81,
            name: "WEB".into(),
            ..definition
        },
        "",
    );
    assert_eq!(local.service_ids(), ["WEB", "WEB-sidecar-proxy"]);
    assert_eq!(local.sync_all().len(), 2);
    let mut id = service("one", 1);
    register(&mut local, id.clone(), "");
    local.sync_all();
    id.id = "ONE".into();
    register(&mut local, id, "");
    assert_eq!(local.sync_all().len(), 1);
}

#[test]
fn a_new_token_is_used_at_once() {
    let mut local = local();
    register(&mut local, with_checks("web", vec![ttl("a")]), "old");
    local.sync_all();
    register(&mut local, with_checks("web", vec![ttl("a")]), "new");
    assert_eq!(lines(&local.sync_all()), ["register web [\"a\"] new"]);
}

#[test]
fn a_removal_uses_the_token_of_the_registration_and_takes_checks_along() {
    let mut local = local();
    register(
        &mut local,
        with_checks("web", vec![ttl("a"), ttl("b")]),
        "t1",
    );
    local.sync_all();
    local.deregister_check(&name("a"), start()).unwrap();
    assert_eq!(lines(&local.sync_all()), ["remove check a t1"]);
    local.deregister_service(&name("web"), start()).unwrap();
    assert_eq!(lines(&local.sync_all()), ["remove web t1"]);
}

#[test]
fn a_service_that_returns_before_its_removal_was_told_loses_old_checks() {
    let mut local = local();
    register(&mut local, with_checks("web", vec![ttl("a"), ttl("b")]), "");
    local.sync_all();
    local.deregister_service(&name("web"), start()).unwrap();
    register(&mut local, with_checks("web", vec![ttl("a")]), "");
    assert_eq!(
        lines(&local.sync_all()),
        ["register web [\"a\"]", "remove check b"]
    );
}

#[test]
fn what_changes_while_it_is_told_is_told_again() {
    let mut local = local();
    let now = start();
    register(&mut local, with_checks("web", vec![ttl("a")]), "");
    let sync = local.poll_sync().unwrap();
    local.report(&name("a"), Status::Passing, "", now).unwrap();
    local.handle_synced(&sync);
    let again = local.poll_sync().unwrap();
    assert_eq!(lines(std::slice::from_ref(&again)), ["register - [\"a\"]"]);
    local.deregister_service(&name("web"), now).unwrap();
    local.handle_synced(&again);
    let removal = local.poll_sync().unwrap();
    register(&mut local, service("web", 2), "");
    local.handle_synced(&removal);
    assert_eq!(lines(&local.sync_all())[0], "register web []");
}

#[test]
fn what_fails_is_set_aside_until_the_catalog_is_compared_again() {
    let mut local = local();
    let now = start();
    register(&mut local, with_checks("a", vec![ttl("c")]), "t");
    register(&mut local, service("b", 1), "");
    let refused = local.poll_sync().unwrap();
    local.handle_sync_failed(&refused);
    assert_eq!(lines(&local.sync_all()), ["register b []"]);
    assert_eq!(local.poll_sync(), None);
    let catalog = InCatalog {
        services: vec![Arc::clone(local.service(&name("b")).unwrap())],
        checks: Vec::new(),
    };
    local.handle_catalog(&catalog, now);
    assert_eq!(lines(&local.sync_all()), ["register a [\"c\"] t"]);

    let catalog = local.as_in_catalog();
    local.deregister_service(&name("a"), now).unwrap();
    while let Some(sync) = local.poll_sync() {
        local.handle_sync_failed(&sync);
    }
    local.handle_catalog(&catalog, now);
    assert_eq!(lines(&local.sync_all()), ["remove a t"]);
    local.handle_catalog(&local.as_in_catalog(), now);
    assert_eq!(local.poll_sync(), None);
}

#[test]
fn a_catalog_that_says_the_same_is_told_nothing() {
    let mut local = local();
    let now = start();
    register(&mut local, with_checks("web", vec![ttl("a")]), "");
    local
        .register_check(alone(ttl("n"), ""), Token::default(), now)
        .unwrap();
    local.sync_all();
    let mut catalog = local.as_in_catalog();
    let row = Arc::make_mut(&mut catalog.services[0]);
    (row.create_index, row.modify_index) = (7, 9);
    row.tags = Some(Vec::new());
    let virtual_ip = ServiceAddress {
        address: "240.0.0.1".to_owned(),
        port: 1,
    };
    row.tagged_addresses = Some(BTreeMap::from([("consul-virtual".to_owned(), virtual_ip)]));
    let check = Arc::make_mut(&mut catalog.checks[0]);
    (check.create_index, check.modify_index) = (7, 9);
    check.service_tags = Some(Vec::new());
    let version = local.version();
    local.handle_catalog(&catalog, now);
    assert_eq!((local.poll_sync(), local.version()), (None, version));
}

#[test]
fn what_the_catalog_lacks_or_has_otherwise_is_told() {
    let mut local = local();
    let now = start();
    register(&mut local, with_checks("web", vec![ttl("a"), ttl("b")]), "");
    register(&mut local, service("db", 1), "");
    local.sync_all();
    let mut catalog = local.as_in_catalog();
    Arc::make_mut(&mut catalog.services[0]).port = 7;
    Arc::make_mut(&mut catalog.checks[0]).status = Status::Passing;
    catalog.checks.pop();
    local.handle_catalog(&catalog, now);
    let expected = ["register db []", "register - [\"a\", \"b\"]"];
    assert_eq!(lines(&local.sync_all()), expected);
    local.handle_catalog(&InCatalog::default(), now);
    let expected = ["register db []", "register web [\"a\", \"b\"]"];
    assert_eq!(lines(&local.sync_all()), expected);
}

#[test]
fn what_only_the_catalog_has_is_removed_but_for_what_the_servers_keep() {
    let mut local = local();
    let now = start();
    let service = |id: &str| {
        let service = ServiceName::new(id);
        Arc::new(NodeService {
            id: id.into(),
            service,
            ..NodeService::default()
        })
    };
    let check = |id: &str, service: &str| {
        let row = HealthCheck {
            node: NodeName::new("n1"),
            check_id: id.into(),
            service_id: service.into(),
            ..HealthCheck::default()
        };
        Arc::new(row)
    };
    let catalog = InCatalog {
        services: vec![service("consul"), service("stray")],
        checks: vec![
            check("serfHealth", ""),
            check("of-servers", "consul"),
            check("of-stray", "stray"),
            check("of-node", ""),
        ],
    };
    local.handle_catalog(&catalog, now);
    assert_eq!(
        lines(&local.sync_all()),
        ["remove stray", "remove check of-node"]
    );
}

#[test]
fn tags_that_may_be_overridden_are_the_catalogs() {
    let mut local = local();
    let now = start();
    let mine = Some(vec!["mine".to_owned()]);
    let overridden = ServiceDefinition {
        tags: mine.clone(),
        enable_tag_override: true,
        ..service("web", 1)
    };
    register(&mut local, overridden, "");
    register(
        &mut local,
        ServiceDefinition {
            tags: mine.clone(),
            ..service("db", 1)
        },
        "",
    );
    local.sync_all();
    let mut catalog = local.as_in_catalog();
    let theirs = Some(vec!["theirs".to_owned()]);
    for service in &mut catalog.services {
        Arc::make_mut(service).tags.clone_from(&theirs);
    }
    local.handle_catalog(&catalog, now);
    assert_eq!(lines(&local.sync_all()), ["register db []"]);
    assert_eq!(local.service(&name("web")).unwrap().tags, theirs);
    assert_eq!(local.service(&name("db")).unwrap().tags, mine);
}

#[test]
fn an_output_that_is_to_be_told_later_is_no_difference_until_then() {
    let mut local = local();
    let now = start();
    register(
        &mut local,
        with_checks("web", vec![tcp("p"), passing("t")]),
        "",
    );
    local.sync_all();
    let catalog = local.as_in_catalog();
    let result = ProbeResult {
        status: Status::Critical,
        output: "refused".to_owned(),
    };
    local.handle_probe(&name("p"), &result, now);
    local.handle_catalog(&catalog, now);
    assert_eq!(local.poll_sync(), None);
    local.handle_catalog(&catalog, now + 301 * SECOND);
    assert_eq!(lines(&local.sync_all()), ["register - [\"p\"]"]);
}
