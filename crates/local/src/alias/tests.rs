//! What alias checks say as the checks that they repeat change.

use tribune_types::Token;
use tribune_types::definition::CheckType;

use crate::fixture::{alias, alone, local, name, passing, service, start, ttl, with_checks};

use super::*;

#[test]
fn an_alias_repeats_the_worst_check_of_its_service() {
    let mut local = local();
    let now = start();
    local
        .add(with_checks("db", vec![passing("one"), passing("two")]), now)
        .unwrap();
    local
        .add(with_checks("web", vec![alias("a", "db")]), now)
        .unwrap();
    assert_eq!(local.says("a"), (Status::Passing, "All checks passing."));
    local
        .report(&name("two"), Status::Warning, "slow", now)
        .unwrap();
    let warning = "Aliased check \"Service 'db' check\" failing: slow";
    assert_eq!(local.says("a"), (Status::Warning, warning));
    local
        .report(&name("one"), Status::Critical, "dead", now)
        .unwrap();
    let critical = "Aliased check \"Service 'db' check\" failing: dead";
    assert_eq!(local.says("a"), (Status::Critical, critical));
    local
        .report(&name("one"), Status::Passing, "", now)
        .unwrap();
    assert_eq!(local.says("a"), (Status::Warning, warning));
    local.deregister_check(&name("two"), now).unwrap();
    assert_eq!(local.says("a").0, Status::Passing);
}

#[test]
fn an_alias_of_a_service_without_checks_passes_and_of_none_is_critical() {
    let mut local = local();
    let now = start();
    local
        .add(with_checks("web", vec![alias("a", "db")]), now)
        .unwrap();
    assert_eq!(
        local.says("a"),
        (Status::Critical, "Service db could not be found on node ")
    );
    local.add(service("db", 1), now).unwrap();
    assert_eq!(local.says("a"), (Status::Passing, "No checks found."));
    local.deregister_service(&name("db"), now).unwrap();
    assert_eq!(local.says("a").0, Status::Critical);
}

#[test]
fn the_checks_of_the_node_count_for_every_alias() {
    let mut local = local();
    let now = start();
    local.add(service("db", 1), now).unwrap();
    local
        .add(with_checks("web", vec![alias("a", "db")]), now)
        .unwrap();
    let disk = CheckType {
        status: "warning".to_owned(),
        ..alone(ttl("disk"), "")
    };
    local.register_check(disk, Token::default(), now).unwrap();
    assert_eq!(
        local.says("a"),
        (Status::Warning, "Aliased check \"disk\" failing: ")
    );
    local.maintenance(None, true, "", now).unwrap();
    assert_eq!(local.says("a").0, Status::Critical);
    local.maintenance(None, false, "", now).unwrap();
    local.deregister_check(&name("disk"), now).unwrap();
    assert_eq!(local.says("a").0, Status::Passing);
}

#[test]
fn an_alias_of_an_alias_follows_to_the_end() {
    let mut local = local();
    let now = start();
    local
        .add(with_checks("c", vec![passing("root")]), now)
        .unwrap();
    local
        .add(with_checks("b", vec![alias("b-c", "c")]), now)
        .unwrap();
    local
        .add(with_checks("a", vec![alias("a-b", "b")]), now)
        .unwrap();
    local
        .register_check(alone(alias("n-a", "a"), ""), Token::default(), now)
        .unwrap();
    for status in [Status::Critical, Status::Passing, Status::Warning] {
        local
            .report(&name("root"), status.clone(), "", now)
            .unwrap();
        for alias in ["b-c", "a-b", "n-a"] {
            assert_eq!(local.says(alias).0, status, "{alias}");
        }
    }
}

#[test]
fn aliases_in_a_circle_come_to_rest() {
    let mut local = local();
    let now = start();
    local
        .add(with_checks("a", vec![alias("a-b", "b")]), now)
        .unwrap();
    local
        .add(
            with_checks("b", vec![alias("b-a", "a"), passing("root")]),
            now,
        )
        .unwrap();
    local
        .add(with_checks("self", vec![alias("s", "self")]), now)
        .unwrap();
    for (status, output) in [
        (
            Status::Critical,
            "Aliased check \"Service 'b' check\" failing: dead",
        ),
        (Status::Passing, "All checks passing."),
    ] {
        local
            .report(&name("root"), status.clone(), "dead", now)
            .unwrap();
        assert_eq!(local.says("a-b"), (status.clone(), output));
        assert_eq!(local.says("b-a"), (status, output));
    }
    assert_eq!(local.says("s").0, Status::Passing);
}

#[test]
fn an_alias_of_this_node_is_its_checks_and_of_another_is_not_followed() {
    let mut local = local();
    let now = start();
    let of = |node: &str, id: &str| {
        let check = CheckType {
            alias_node: node.to_owned(),
            ..alias(id, "")
        };
        alone(check, "")
    };
    local
        .register_check(of("N1", "here"), Token::default(), now)
        .unwrap();
    assert_eq!(local.says("here").0, Status::Passing);
    local
        .register_check(alone(ttl("disk"), ""), Token::default(), now)
        .unwrap();
    assert_eq!(local.says("here").0, Status::Critical);
    local
        .register_check(of("n2", "there"), Token::default(), now)
        .unwrap();
    let output = "Checks of other nodes are not followed yet by this agent: n2";
    assert_eq!(local.says("there"), (Status::Critical, output));
}
