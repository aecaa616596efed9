//! Nodes, services and checks: what is stored, and at which index.

use tribune_state::{ApplyError, Command, NameKind, Operation, Outcome, Removed};
use tribune_types::{NodeName, PeerName, ServiceKind, ServiceName, Status, Weights};

use crate::support::*;

#[test]
fn a_registration_that_says_nothing_new_changes_no_index_and_wakes_nobody() {
    let mut tables = Tables::default();
    let mut registration = on("n1", sidecar("web-1", "web"));
    registration.checks = vec![
        check("n1", "alive", "", Status::Passing),
        check("n1", "c", "web-1", Status::Warning),
    ];
    let first = tables.register(registration.clone());
    let again = tables.apply(Operation::Register(Box::new(registration)));
    assert_eq!((again.outcome, again.changes.keys), (Outcome::Done, vec![]));
    let read = tables.read();
    assert_eq!(read.index(), first + 1);
    let found = read.check_connect_nodes(&named("web"), &mut ignore());
    assert_eq!(found.index, first);
    assert_eq!(
        (
            found.value[0].service.create_index,
            found.value[0].service.modify_index
        ),
        (first, first)
    );
    assert_eq!(read.nodes(&mut ignore()).index, first);
    assert_eq!(
        read.node_checks(&NodeName::new("n1"), &mut ignore()).index,
        first
    );
}

#[test]
fn a_changed_row_keeps_its_create_index() {
    let mut tables = Tables::default();
    let first = tables.register(on("n1", service("web-1", "web")));
    let mut changed = service("web-1", "web");
    changed.port = 81;
    let second = tables.register(on("n1", changed));
    let row = tables
        .read()
        .instance(&instance("n1", "web-1"), &mut ignore());
    let row_indexes = row
        .value
        .map(|row| (row.create_index, row.modify_index, row.port));
    assert_eq!(
        (row.index, row_indexes),
        (second, Some((first, second, 81)))
    );
    let node = tables.read().node(&NodeName::new("n1"), &mut ignore());
    assert_eq!(
        node.value.map(|node| node.modify_index),
        Some(first),
        "the node's own row did not change"
    );
    assert_eq!(
        node.index, second,
        "but the index of nodes moves with every service"
    );
}

#[test]
fn an_answer_about_a_service_has_the_index_of_that_service_alone() {
    let mut tables = Tables::default();
    let web = tables.register(on("n1", service("web-1", "web")));
    let api = tables.register(on("n2", service("api-1", "api")));
    let read = tables.read();
    assert_eq!(read.service_nodes(&named("web"), &mut ignore()).index, web);
    assert_eq!(
        read.check_service_nodes(&named("api"), &mut ignore()).index,
        api
    );
    assert_eq!(read.services(&mut ignore()).index, api);
}

#[test]
fn a_node_check_moves_every_service_of_the_node_and_a_service_check_only_its_own() {
    let mut tables = Tables::default();
    tables.register(on("n1", service("web-1", "web")));
    tables.register(on("n1", service("api-1", "api")));
    let own = tables.register(with_check("n1", check("n1", "c", "web-1", Status::Passing)));
    let index = |tables: &Tables, name| {
        tables
            .read()
            .check_service_nodes(&named(name), &mut ignore())
            .index
    };
    assert_eq!(
        (index(&tables, "web"), index(&tables, "api")),
        (own, own - 1)
    );
    let nodes = tables.register(with_check("n1", check("n1", "alive", "", Status::Passing)));
    assert_eq!(
        (index(&tables, "web"), index(&tables, "api")),
        (nodes, nodes)
    );
}

#[test]
fn a_service_that_is_gone_has_the_index_of_the_last_disappearance() {
    let mut tables = Tables::default();
    let registered = tables.register(on("n1", service("web-1", "web")));
    let ghost = |tables: &Tables| {
        tables
            .read()
            .check_service_nodes(&named("ghost"), &mut ignore())
            .index
    };
    assert_eq!(
        ghost(&tables),
        registered,
        "nothing ever disappeared: the index of the tables"
    );
    let second = tables.register(on("n2", service("web-2", "web")));
    let left = tables.done(deregister("n1", Removed::Service("web-1".into())));
    assert_eq!(
        tables
            .read()
            .service_nodes(&named("web"), &mut ignore())
            .index,
        left
    );
    assert_eq!(
        ghost(&tables),
        left.max(second),
        "an instance is left, so nothing disappeared"
    );
    let gone = tables.done(deregister("n2", Removed::Service("web-2".into())));
    assert_eq!(
        tables
            .read()
            .service_nodes(&named("web"), &mut ignore())
            .index,
        gone
    );
    tables.register(on("n1", service("api-1", "api")));
    assert_eq!(ghost(&tables), gone, "and other writes do not move it");
}

#[test]
fn a_node_that_is_gone_has_the_index_of_the_last_node_that_went() {
    let mut tables = Tables::default();
    tables.register(on("n1", service("web-1", "web")));
    tables.register(with_check("n1", check("n1", "alive", "", Status::Passing)));
    let gone = tables.done(deregister("n1", Removed::Node));
    tables.register(on("n2", service("web-2", "web")));
    let read = tables.read();
    let found = read.node_services(&NodeName::new("n1"), &mut ignore());
    assert_eq!((found.index, found.value), (gone, None));
    assert!(
        read.node_checks(&NodeName::new("n1"), &mut ignore())
            .value
            .is_empty()
    );
    assert!(read.checks_in_state(None, &mut ignore()).value.is_empty());
    assert_eq!(
        read.service_nodes(&named("web"), &mut ignore()).value.len(),
        1
    );
}

#[test]
fn mesh_traffic_of_a_service_goes_to_its_proxies_and_native_instances() {
    let mut tables = Tables::default();
    tables.register(on("n1", service("web-1", "web")));
    tables.register(on("n1", sidecar("web-1-proxy", "web")));
    let mut native = service("web-2", "web");
    native.native = true;
    let last = tables.register(on("n2", native));
    let found = tables
        .read()
        .check_connect_nodes(&named("web"), &mut ignore());
    let ids: Vec<&str> = found
        .value
        .iter()
        .map(|found| found.service.id.as_str())
        .collect();
    assert_eq!(
        (ids.as_slice(), found.index),
        (["web-1-proxy", "web-2"].as_slice(), last)
    );
    assert!(
        tables
            .read()
            .connect_nodes(&named("web-sidecar-proxy"), &mut ignore())
            .value
            .is_empty()
    );
}

#[test]
fn a_proxy_that_turns_to_another_service_leaves_the_first_one() {
    let mut tables = Tables::default();
    tables.register(on("n1", sidecar("proxy", "web")));
    let mut turned = sidecar("proxy", "api");
    turned.service = ServiceName::new("web-sidecar-proxy");
    let index = tables.register(on("n1", turned));
    let read = tables.read();
    let (web, api) = (named("web"), named("api"));
    let web = read.connect_nodes(&web, &mut ignore());
    assert_eq!(
        (web.index, web.value.len()),
        (index, 0),
        "whoever waits for the last one to go sees it"
    );
    assert_eq!(read.connect_nodes(&api, &mut ignore()).value.len(), 1);
}

#[test]
fn the_index_of_proxies_moves_when_one_of_several_kinds_goes() {
    let mut tables = Tables::default();
    tables.register(on("n1", sidecar("a", "web")));
    let mut other = sidecar("b", "web");
    other.service = ServiceName::new("other-proxy");
    tables.register(on("n1", other));
    let gone = tables.done(deregister("n1", Removed::Service("a".into())));
    assert_eq!(
        tables
            .read()
            .check_connect_nodes(&named("web"), &mut ignore())
            .index,
        gone
    );
}

#[test]
fn an_instance_that_is_renamed_leaves_its_old_service() {
    let mut tables = Tables::default();
    tables.register(on("n1", service("id", "old")));
    let renamed = tables.register(on("n1", service("id", "new")));
    let read = tables.read();
    let old = read.service_nodes(&named("old"), &mut ignore());
    assert_eq!((old.index, old.value.len()), (renamed, 0));
    assert_eq!(
        read.service_nodes(&named("new"), &mut ignore()).value.len(),
        1
    );
}

#[test]
fn names_are_found_in_any_case_and_kept_as_last_written() {
    let mut tables = Tables::default();
    tables.register(on("N1", service("Web-1", "Web")));
    let rewritten = tables.register(on("n1", service("Web-1", "WEB")));
    let found = tables.read().service_nodes(&named("web"), &mut ignore());
    assert_eq!(found.index, rewritten);
    assert_eq!(found.value[0].service.service.name.as_str(), "WEB");
    assert_eq!(
        found.value[0].node.node.name.as_str(),
        "N1",
        "another case alone does not rename a node"
    );
}

#[test]
fn a_check_takes_name_and_tags_of_its_service_and_is_found_by_what_it_says() {
    let mut tables = Tables::default();
    let mut web = service("web-1", "web");
    web.tags = Some(vec!["v1".to_owned()]);
    tables.register(on("n1", web));
    tables.register(with_check(
        "n1",
        check("n1", "c", "web-1", Status::Critical),
    ));
    tables.register(with_check("n1", check("n1", "c", "web-1", Status::Passing)));
    let read = tables.read();
    let passing = read
        .checks_in_state(Some(&Status::Passing), &mut ignore())
        .value;
    assert_eq!(passing[0].service_name.as_str(), "web");
    assert_eq!(passing[0].service_tags, Some(vec!["v1".to_owned()]));
    assert!(
        read.checks_in_state(Some(&Status::Critical), &mut ignore())
            .value
            .is_empty()
    );
    assert_eq!(
        read.service_checks(&named("web"), &mut ignore()).value,
        passing
    );
    let gone = tables.done(deregister("n1", Removed::Service("web-1".into())));
    let left = tables.read().checks_in_state(None, &mut ignore());
    assert_eq!(
        (left.index, left.value.len()),
        (gone, 0),
        "checks go with their service"
    );
}

#[test]
fn a_check_without_its_service_or_of_another_node_is_refused_whole() {
    let mut tables = Tables::default();
    tables.register(on("n1", service("web-1", "web")));
    let mut unknown = on("n2", service("api-1", "api"));
    unknown.checks = vec![check("n2", "c", "web-1", Status::Passing)];
    let message = tables.refused(Operation::Register(Box::new(unknown)));
    assert_eq!(
        message,
        r#"unknown service ID "web-1" for check ID "c" on node n2"#
    );
    let mut foreign = on("n2", service("api-1", "api"));
    foreign.checks = vec![check("n1", "c", "", Status::Passing)];
    assert!(
        tables
            .refused(Operation::Register(Box::new(foreign)))
            .contains("belongs to node n1")
    );
}

#[test]
fn what_is_not_there_is_removed_without_a_change() {
    let mut tables = Tables::default();
    tables.register(on("n1", service("web-1", "web")));
    for (node, removed) in [
        ("ghost", Removed::Node),
        ("n1", Removed::Service("ghost".into())),
        ("n1", Removed::Check("ghost".into())),
        ("ghost", Removed::Service("web-1".into())),
    ] {
        let applied = tables.apply(deregister(node, removed));
        assert_eq!(
            (applied.outcome, applied.changes.keys),
            (Outcome::Done, vec![])
        );
    }
}

#[test]
fn an_existing_node_is_left_alone_when_its_update_is_skipped() {
    let mut tables = Tables::default();
    let first = tables.register(on("n1", service("web-1", "web")));
    let mut registration = on("n1", service("web-1", "web"));
    registration.node.address = String::new();
    registration.skip_node_update = true;
    tables.register(registration.clone());
    let node = tables
        .read()
        .node(&NodeName::new("n1"), &mut ignore())
        .value
        .unwrap();
    assert_eq!(
        (node.address.as_str(), node.modify_index),
        ("10.0.0.1", first)
    );
    registration.node.node = NodeName::new("n2");
    tables.register(registration);
    assert!(
        tables
            .read()
            .node(&NodeName::new("n2"), &mut ignore())
            .value
            .is_some(),
        "a missing one is created"
    );
}

#[test]
fn a_node_that_comes_back_under_another_name_replaces_itself() {
    let mut tables = Tables::default();
    let id = "11111111-2222-3333-4444-555555555555".to_owned();
    let mut first = on("old", service("web-1", "web"));
    first.node.id.clone_from(&id);
    let created = tables.register(first);
    let mut renamed = node("new");
    renamed.id = id.to_uppercase();
    tables.register(tribune_state::Registration {
        node: renamed,
        ..Default::default()
    });
    let nodes = tables.read().nodes(&mut ignore()).value;
    assert_eq!(nodes.len(), 1);
    assert_eq!(
        (nodes[0].node.name.as_str(), nodes[0].create_index),
        ("new", created)
    );
    assert!(
        tables
            .read()
            .service_nodes(&named("web"), &mut ignore())
            .value
            .is_empty()
    );
}

#[test]
fn a_node_name_is_reserved_while_its_holder_is_alive() {
    let mut tables = Tables::default();
    let with_id = |id: &str| tribune_state::Registration {
        node: tribune_types::Node {
            id: id.to_owned(),
            ..node("n1")
        },
        ..Default::default()
    };
    tables.register(with_id(""));
    tables.register(with_check(
        "n1",
        check("n1", "serfHealth", "", Status::Passing),
    ));
    tables.register(with_id("a"));
    let error = tables
        .apply(Operation::Register(Box::new(with_id("b"))))
        .outcome;
    let Outcome::Refused(ApplyError::NodeNameTaken { holder, id, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!((holder.as_str(), id.as_str()), ("a", "b"));
    let mut dead = with_check("n1", check("n1", "serfHealth", "", Status::Critical));
    dead.skip_node_update = true;
    tables.register(dead);
    tables.register(with_id("b"));
}

#[test]
fn unusable_weights_are_stored_as_the_default_ones() {
    let mut tables = Tables::default();
    for (passing, warning, stored) in [
        (0, 1, (1, 1)),
        (5, -1, (1, 1)),
        (65_536, 1, (1, 1)),
        (9, 0, (9, 0)),
    ] {
        let mut web = service("web-1", "web");
        web.weights = Weights { passing, warning };
        tables.register(on("n1", web));
        let row = tables
            .read()
            .instance(&instance("n1", "web-1"), &mut ignore())
            .value
            .unwrap();
        assert_eq!((row.weights.passing, row.weights.warning), stored);
    }
}

#[test]
fn what_the_mesh_can_reach_has_a_virtual_address_until_its_last_instance_goes() {
    let mut tables = Tables::default();
    tables.register(on("n1", sidecar("web-proxy", "web")));
    let mut api = service("api-1", "api");
    api.native = true;
    let second = tables.register(on("n1", api));
    let read = tables.read();
    let address = |tables: &Tables, name: &str| {
        tables
            .read()
            .virtual_ip(&named(name), &mut ignore())
            .value
            .map(|row| row.address.to_string())
    };
    assert_eq!(address(&tables, "web").as_deref(), Some("240.0.0.1"));
    assert_eq!(read.virtual_ip(&named("api"), &mut ignore()).index, second);
    assert_eq!(address(&tables, "ghost"), None);
    let proxy = read
        .instance(&instance("n1", "web-proxy"), &mut ignore())
        .value
        .unwrap();
    let tagged = &proxy.tagged_addresses.as_ref().unwrap()["consul-virtual"];
    assert_eq!((tagged.address.as_str(), tagged.port), ("240.0.0.1", 80));

    tables.done(deregister("n1", Removed::Service("web-proxy".into())));
    assert_eq!(
        address(&tables, "web").as_deref(),
        Some("240.0.0.1"),
        "a proxy does not free its destination's"
    );
    tables.done(deregister("n1", Removed::Service("api-1".into())));
    assert_eq!(address(&tables, "api"), None);
    let mut other = service("other-1", "other");
    other.native = true;
    tables.register(on("n1", other));
    assert_eq!(
        address(&tables, "OTHER").as_deref(),
        Some("240.0.0.2"),
        "a freed address is used again"
    );
}

#[test]
fn names_are_known_by_kind_while_they_have_instances() {
    let mut tables = Tables::default();
    let first = tables.register(on("n1", service("web-1", "web")));
    tables.register(on("n1", sidecar("web-proxy", "web")));
    let names = |tables: &Tables, kind: NameKind| {
        let found = tables.read().names_of_kind(&kind, &mut ignore());
        (
            found.index,
            found
                .value
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
        )
    };
    let typical = NameKind::Instance(ServiceKind::Typical);
    assert_eq!(
        names(&tables, typical.clone()),
        (first, vec!["web".to_owned()])
    );
    assert_eq!(
        names(&tables, NameKind::ConnectEnabled),
        (first + 1, vec!["web".to_owned()])
    );
    let gone = tables.done(deregister("n1", Removed::Node));
    assert_eq!(names(&tables, typical), (gone, vec![]));
    assert_eq!(names(&tables, NameKind::ConnectEnabled), (gone, vec![]));
}

#[test]
fn rows_of_a_peer_are_apart_from_those_of_the_cluster() {
    let mut tables = Tables::default();
    let local = tables.register(on("n1", service("web-1", "web")));
    let mut imported = on("n1", service("web-1", "web"));
    imported.node.node.peer = PeerName::from("east");
    tables.register(imported);
    let read = tables.read();
    assert_eq!(read.nodes(&mut ignore()).value.len(), 1);
    assert_eq!(read.services(&mut ignore()).index, local);
    let mut peered = named("web");
    peered.peer = PeerName::from("east");
    assert_eq!(
        read.service_nodes(&peered, &mut ignore()).value[0]
            .node
            .node
            .peer
            .as_str(),
        "east"
    );
    assert_eq!(
        read.service_nodes(&named("web"), &mut ignore()).index,
        local
    );
}

#[test]
fn a_request_proposed_twice_is_applied_once_and_answered_alike() {
    let mut tables = Tables::default();
    let command = |port| {
        let mut web = service("web-1", "web");
        web.port = port;
        Command::with_id(7, Operation::Register(Box::new(on("n1", web))))
    };
    let first = tables.store.apply(1, command(1));
    tables.register(on("n1", service("web-1", "web")));
    let again = tables.store.apply(3, command(2));
    assert_eq!(
        (again.index, &again.outcome, again.changes.keys.len()),
        (1, &first.outcome, 0)
    );
    assert_eq!(tables.read().index(), 3);
    assert_eq!(
        tables
            .read()
            .instance(&instance("n1", "web-1"), &mut ignore())
            .value
            .unwrap()
            .port,
        80
    );
}

#[test]
fn an_index_is_applied_once() {
    let mut tables = Tables::default();
    let index = tables.register(on("n1", service("web-1", "web")));
    let late = tables
        .store
        .apply(index, deregister("n1", Removed::Node).into());
    assert_eq!(
        late.outcome,
        Outcome::Refused(ApplyError::OutOfOrder {
            index,
            applied: index
        })
    );
}

#[test]
fn a_batch_is_applied_whole_or_not_at_all() {
    let mut tables = Tables::default();
    let web = || Operation::Register(Box::new(on("n1", service("web-1", "web"))));
    let bad = || {
        Operation::Register(Box::new(with_check(
            "n1",
            check("n1", "c", "ghost", Status::Passing),
        )))
    };
    assert!(
        tables
            .refused(Operation::Batch(vec![web(), bad()]))
            .starts_with("operation 1 of the batch")
    );
    assert!(
        tables
            .refused(Operation::Batch(vec![Operation::Batch(vec![])]))
            .contains("batch")
    );
    let with_its_check = Operation::Register(Box::new(with_check(
        "n1",
        check("n1", "c", "web-1", Status::Passing),
    )));
    let index = tables.done(Operation::Batch(vec![web(), with_its_check]));
    let found = tables
        .read()
        .check_service_nodes(&named("web"), &mut ignore());
    assert_eq!((found.index, found.value[0].checks.len()), (index, 1));
}

#[test]
fn a_snapshot_does_not_change() {
    let mut tables = Tables::default();
    tables.register(on("n1", service("web-1", "web")));
    let before = tables.read();
    tables.done(deregister("n1", Removed::Node));
    assert_eq!(
        before
            .service_nodes(&named("web"), &mut ignore())
            .value
            .len(),
        1
    );
    assert!(before.same(&before.clone()) && !before.same(&tables.read()));
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    shared(&before);
}
