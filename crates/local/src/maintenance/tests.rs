//! Maintenance, and the health that it and other checks come to.

use tribune_types::definition::CheckType;
use tribune_types::{Name, Token};

use crate::fixture::{alone, local, name, passing, service, start, ttl, with_checks};

use super::*;

#[test]
fn a_service_in_maintenance_has_a_critical_check_that_says_why() {
    let mut local = local();
    let now = start();
    local.add(service("pump", 1), now).unwrap();
    let pump = name("pump");
    local.maintenance(Some(&pump), true, "", now).unwrap();
    let row = local.row("_service_maintenance:pump").clone();
    assert_eq!(
        (row.name.as_str(), &row.status),
        ("Service Maintenance Mode", &Status::Critical)
    );
    let notes = "Maintenance mode is enabled for this service, but no reason was provided. \
                 This is a default message.";
    assert_eq!(
        (row.notes.as_str(), row.check_type.as_str()),
        (notes, "maintenance")
    );
    assert_eq!(
        (row.service_id.as_str(), row.service_name.as_str()),
        ("pump", "pump")
    );
    assert_eq!((row.node.name.as_str(), row.interval.as_str()), ("n1", ""));

    local.maintenance(Some(&pump), true, "other", now).unwrap();
    assert_eq!(*local.row("_service_maintenance:pump"), row);
    for _ in 0..2 {
        local.maintenance(Some(&pump), false, "", now).unwrap();
        assert_eq!(local.checks().count(), 0);
    }
    local
        .maintenance(Some(&pump), true, "why not", now)
        .unwrap();
    assert_eq!(local.row("_service_maintenance:pump").notes, "why not");
    let ghost = name("ghost");
    assert_eq!(
        local.maintenance(Some(&ghost), true, "", now),
        Err(UnknownService(ghost))
    );
}

#[test]
fn a_node_in_maintenance_has_a_check_of_its_own() {
    let mut local = local();
    let now = start();
    local.maintenance(None, true, "night work", now).unwrap();
    let row = local.row("_node_maintenance");
    assert_eq!(
        (row.name.as_str(), row.notes.as_str()),
        ("Node Maintenance Mode", "night work")
    );
    assert_eq!(
        (row.service_id.as_str(), &row.status),
        ("", &Status::Critical)
    );
    local.maintenance(None, false, "", now).unwrap();
    assert_eq!(local.checks().count(), 0);
}

#[test]
fn the_health_of_an_instance_is_its_worst_check() {
    let mut local = local();
    let now = start();
    let with = |id: &str, checks: Vec<CheckType>| {
        let id: Name = id.into();
        tribune_types::definition::ServiceDefinition {
            id,
            ..with_checks("meter", checks)
        }
    };
    let warning = CheckType {
        status: "warning".to_owned(),
        ..ttl("w")
    };
    local.add(with("m-0", vec![]), now).unwrap();
    local
        .add(with("m-1", vec![passing("p"), warning]), now)
        .unwrap();
    local
        .add(with("m-2", vec![passing("p2"), ttl("c")]), now)
        .unwrap();
    local.add(service("other", 1), now).unwrap();
    let status = |local: &Local, id: &str| local.health(&name(id)).map(|health| health.status);
    assert_eq!(status(&local, "m-0"), Some(Status::Passing));
    assert_eq!(status(&local, "m-1"), Some(Status::Warning));
    assert_eq!(status(&local, "m-2"), Some(Status::Critical));
    assert_eq!(status(&local, "ghost"), None);
    let by_name = local.health_by_name(&name("Meter"));
    assert_eq!(
        by_name
            .iter()
            .map(|health| health.service.id.as_str())
            .collect::<Vec<_>>(),
        ["m-0", "m-1", "m-2"]
    );
    assert!(local.health_by_name(&name("ghost")).is_empty());

    local
        .register_check(alone(ttl("disk"), ""), Token::default(), now)
        .unwrap();
    assert_eq!(status(&local, "m-0"), Some(Status::Critical));
    let ids = |local: &Local| {
        let checks = local.health(&name("m-1")).unwrap().checks;
        checks
            .iter()
            .map(|check| check.check_id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&local), ["p", "w", "disk"]);
    local
        .maintenance(Some(&name("m-2")), true, "", now)
        .unwrap();
    assert_eq!(status(&local, "m-2"), Some(Status::Maintenance));
    assert_eq!(status(&local, "m-1"), Some(Status::Critical));
    local.maintenance(None, true, "", now).unwrap();
    assert_eq!(status(&local, "m-1"), Some(Status::Maintenance));
}
