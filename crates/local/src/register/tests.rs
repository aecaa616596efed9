//! What becomes of definitions, and which are refused.

use std::collections::BTreeMap;

use tribune_types::catalog::Locality;
use tribune_types::definition::ServiceConnect;
use tribune_types::proxy::{MeshGateway, ProxyConfig, Upstream};
use tribune_types::{GoDuration, Meta, ServiceAddress, ServiceKind, Status, Weights};

use crate::fixture::{
    alias, alone, local, name, passing, service, settings, start, tcp, ttl, with_checks,
    with_sidecar,
};
use crate::kind::{CheckKind, ProbeTarget};
use crate::{Settings, SidecarPorts};

use super::*;

fn refused(definition: ServiceDefinition) -> String {
    let mut local = local();
    let error = local.add(definition, start()).unwrap_err();
    assert_eq!(
        (local.services().count(), local.checks().count()),
        (0, 0),
        "{error}"
    );
    assert_eq!((local.version(), local.poll_sync()), (0, None), "{error}");
    error.to_string()
}

fn refused_check(check: CheckType) -> RegisterError {
    local()
        .register_check(check, Token::default(), start())
        .unwrap_err()
}

fn sidecar() -> ServiceDefinition {
    ServiceDefinition::default()
}

#[test]
fn a_service_has_its_name_as_id_and_default_weights() {
    let mut local = local();
    local.add(service("web", 8080), start()).unwrap();
    let row = local.service(&name("web")).unwrap();
    assert_eq!(
        (row.id.as_str(), row.service.name.as_str(), row.port),
        ("web", "web", 8080)
    );
    assert_eq!(
        row.weights,
        Weights {
            passing: 1,
            warning: 1
        }
    );
    assert_eq!(
        (&row.tags, &row.meta, &row.tagged_addresses),
        (&None, &None, &None)
    );
}

#[test]
fn a_literal_address_is_tagged_unless_it_already_is() {
    let mut local = local();
    let given = ServiceAddress {
        address: "10.0.0.9".to_owned(),
        port: 9,
    };
    let definition = ServiceDefinition {
        address: "10.0.0.3".to_owned(),
        tagged_addresses: Some(BTreeMap::from([("wan_ipv4".to_owned(), given.clone())])),
        ..service("web", 8080)
    };
    local.add(definition, start()).unwrap();
    let own = ServiceAddress {
        address: "10.0.0.3".to_owned(),
        port: 8080,
    };
    let tagged = local
        .service(&name("web"))
        .unwrap()
        .tagged_addresses
        .clone()
        .unwrap();
    let expected = [("lan_ipv4".to_owned(), own), ("wan_ipv4".to_owned(), given)];
    assert_eq!(tagged, BTreeMap::from(expected));

    let definition = ServiceDefinition {
        address: "2001:db8::1".to_owned(),
        ..service("six", 1)
    };
    local.add(definition, start()).unwrap();
    let tagged = local
        .service(&name("six"))
        .unwrap()
        .tagged_addresses
        .clone()
        .unwrap();
    assert_eq!(
        tagged.into_keys().collect::<Vec<_>>(),
        ["lan_ipv6", "wan_ipv6"]
    );
    let definition = ServiceDefinition {
        address: "web.test".to_owned(),
        ..service("host", 1)
    };
    local.add(definition, start()).unwrap();
    assert_eq!(local.service(&name("host")).unwrap().tagged_addresses, None);
}

#[test]
fn services_that_cannot_be_are_refused_and_leave_nothing() {
    let tagged = |tag: &str, address: &str| {
        let address = ServiceAddress {
            address: address.to_owned(),
            port: 1,
        };
        let tagged_addresses = Some(BTreeMap::from([(tag.to_owned(), address)]));
        ServiceDefinition {
            tagged_addresses,
            ..service("s", 1)
        }
    };
    let weights = |passing, warning| {
        let weights = Some(Weights { passing, warning });
        ServiceDefinition {
            weights,
            ..service("s", 1)
        }
    };
    let meta = |key: &str| {
        let meta = Some(Meta::from([(key.to_owned(), "1".to_owned())]));
        ServiceDefinition {
            meta,
            ..service("s", 1)
        }
    };
    let any = ServiceDefinition {
        address: "0.0.0.0".to_owned(),
        ..service("s", 1)
    };
    let proxy = ServiceDefinition {
        kind: ServiceKind::ConnectProxy,
        ..service("s", 1)
    };
    let zone = Locality {
        zone: "z".to_owned(),
        ..Locality::default()
    };
    let zone = ServiceDefinition {
        locality: Some(zone),
        ..service("s", 1)
    };
    for (definition, words) in [
        (service("", 1), "Missing service name"),
        (any, "Invalid service address"),
        (
            weights(0, 1),
            "Invalid Weights: Passing must be greater than 0",
        ),
        (weights(1, -1), "Invalid Weights: Warning"),
        (weights(65_536, 1), "Invalid Weights: DNS Weight"),
        (meta("consul-x"), "Invalid Service Meta: "),
        (
            proxy,
            "Validation failed: Proxy.DestinationServiceName must be non-empty",
        ),
        (zone, "Validation failed: zone cannot be set without region"),
        (service("a\u{7}", 1), "cannot be printed"),
        (
            tagged("lan_ipv4", "2001:db8::1"),
            "\"lan_ipv4\" must be a valid ipv4 address",
        ),
        (
            tagged("lan_ipv6", "10.0.0.1"),
            "\"lan_ipv6\" must be a valid ipv6 address",
        ),
        (
            with_checks("s", vec![CheckType::default()]),
            "Invalid check: TTL must be > 0",
        ),
        (
            with_checks(
                "s",
                vec![CheckType {
                    status: "purple".to_owned(),
                    ..ttl("c")
                }],
            ),
            "Status for checks must",
        ),
    ] {
        let error = refused(definition);
        assert!(error.contains(words), "{words} in {error}");
    }
}

#[test]
fn odd_values_that_the_reference_takes_are_taken() {
    let mut local = local();
    let mut proxy = ServiceDefinition {
        kind: ServiceKind::ConnectProxy,
        proxy: Some(ProxyConfig {
            destination_service_name: "web".into(),
            mode: "sideways".to_owned(),
            mesh_gateway: MeshGateway {
                mode: "far".to_owned(),
            },
            ..ProxyConfig::default()
        }),
        ..service("proxy", 1)
    };
    proxy.proxy.as_mut().unwrap().access_logs.r#type = "pigeon".to_owned();
    let wan_ipv6 = ServiceAddress {
        address: "10.0.0.1".to_owned(),
        port: 1,
    };
    let tagged = ServiceDefinition {
        tagged_addresses: Some(BTreeMap::from([("wan_ipv6".to_owned(), wan_ipv6)])),
        ..service("tagged", 1)
    };
    let kind = ServiceDefinition {
        kind: "fancy".into(),
        ..service("kind", 1)
    };
    let empty_check = ServiceDefinition {
        check: Some(CheckType::default()),
        ..service("checked", 1)
    };
    let weights = Some(Weights {
        passing: 7,
        warning: 0,
    });
    let weights = ServiceDefinition {
        weights,
        ..service("weights", 1)
    };
    let meta = Some(Meta::from([(
        "consul-wan-federation".to_owned(),
        "1".to_owned(),
    )]));
    let gateway = ServiceDefinition {
        kind: ServiceKind::MeshGateway,
        meta,
        ..service("gw", 1)
    };
    let taken = [
        proxy,
        tagged,
        kind,
        empty_check,
        weights,
        gateway,
        service("a", -5),
        service("b", 70_000),
    ];
    for definition in taken {
        local.add(definition, start()).unwrap();
    }
    assert_eq!((local.services().count(), local.checks().count()), (8, 0));
}

#[test]
fn checks_of_a_service_are_numbered_where_there_are_several() {
    let mut local = local();
    let tags = Some(vec!["t".to_owned()]);
    let one = ServiceDefinition {
        check: Some(ttl("")),
        tags,
        ..service("oven", 1)
    };
    local.add(one, start()).unwrap();
    let second = CheckType {
        name: "second".to_owned(),
        status: "passing".to_owned(),
        notes: "n".to_owned(),
        ..ttl("")
    };
    let several = ServiceDefinition {
        id: "oven-2".into(),
        check: Some(ttl("")),
        ..with_checks("oven", vec![ttl("own"), second])
    };
    local.add(several, start()).unwrap();
    assert_eq!(
        local.check_ids(),
        [
            "own",
            "service:oven",
            "service:oven-2:1",
            "service:oven-2:3"
        ]
    );

    let row = local.row("service:oven");
    assert_eq!(
        (row.name.as_str(), &row.status),
        ("Service 'oven' check", &Status::Critical)
    );
    assert_eq!(
        (row.service_id.as_str(), row.service_name.as_str()),
        ("oven", "oven")
    );
    assert_eq!(
        (row.node.name.as_str(), row.check_type.as_str()),
        ("n1", "ttl")
    );
    assert_eq!((row.interval.as_str(), row.timeout.as_str()), ("", ""));
    assert_eq!(row.service_tags, Some(vec!["t".to_owned()]));
    let row = local.row("service:oven-2:3");
    assert_eq!((row.name.as_str(), row.notes.as_str()), ("second", "n"));
    assert_eq!(row.status, Status::Passing);
}

#[test]
fn a_check_on_its_own_is_of_the_node_or_of_a_service_that_exists() {
    let mut local = local();
    local.add(service("web", 1), start()).unwrap();
    let of_node = CheckType {
        check_id: "".into(),
        ..alone(tcp("n"), "")
    };
    local
        .register_check(of_node, Token::default(), start())
        .unwrap();
    local
        .register_check(alone(ttl("w"), "web"), Token::default(), start())
        .unwrap();
    let row = local.row("n");
    assert_eq!(
        (row.service_id.as_str(), row.service_name.as_str()),
        ("", "")
    );
    assert_eq!((row.interval.as_str(), row.timeout.as_str()), ("10s", "0s"));
    assert_eq!(local.service_of_check(&name("n")), None);
    let row = local.row("w");
    assert_eq!(
        (row.service_id.as_str(), row.service_name.as_str()),
        ("web", "web")
    );
    assert_eq!(local.service_of_check(&name("w")).unwrap().id, name("web"));

    assert_eq!(
        refused_check(alone(ttl("x"), "ghost")),
        RegisterError::NoSuchService("ghost".into())
    );
    assert_eq!(refused_check(ttl("x")), RegisterError::MissingCheckName);
}

#[test]
fn checks_that_contradict_themselves_are_refused() {
    let second = GoDuration::from_secs(1);
    let none = GoDuration::ZERO;
    let all = CheckType {
        ttl: second,
        ..alias("x", "web")
    };
    for (check, words) in [
        (
            CheckType {
                interval: second,
                ..ttl("x")
            },
            "Interval and TTL",
        ),
        (
            CheckType {
                interval: none,
                ..tcp("x")
            },
            "Interval must be > 0",
        ),
        (
            CheckType {
                alias_service: "web".to_owned(),
                ..tcp("x")
            },
            "Interval cannot be set",
        ),
        (all, "TTL must be not be set"),
        (
            CheckType {
                ttl: none,
                interval: second,
                ..ttl("x")
            },
            "TTL must be > 0",
        ),
        (
            CheckType {
                ttl: GoDuration::from_secs(-1),
                ..ttl("x")
            },
            "TTL must be > 0",
        ),
        (
            CheckType {
                output_max_size: -1,
                ..tcp("x")
            },
            "MaxOutputMaxSize must be positive",
        ),
        (
            CheckType {
                failures_before_warning: 5,
                failures_before_critical: 2,
                ..tcp("x")
            },
            "higher than",
        ),
        (
            CheckType {
                name: "a\nb".to_owned(),
                ..ttl("x")
            },
            "cannot be printed",
        ),
    ] {
        let name = if check.name.is_empty() {
            "x".to_owned()
        } else {
            check.name.clone()
        };
        let error = refused_check(CheckType { name, ..check }).to_string();
        assert!(
            error.starts_with("Invalid check: ") && error.contains(words),
            "{words}: {error}"
        );
    }
    for status in ["ok", "Passing", "maintenance"] {
        let check = CheckType {
            status: status.to_owned(),
            ..alone(ttl("x"), "")
        };
        assert_eq!(
            refused_check(check),
            RegisterError::Status(status.to_owned())
        );
    }
}

#[test]
fn every_kind_of_check_has_its_word_and_its_probe() {
    let unsupported = |word| Some(ProbeTarget::Unsupported(word));
    let mut local = local();
    let make = |set: fn(&mut CheckType)| {
        let mut check = CheckType {
            tcp: String::new(),
            ..alone(tcp("x"), "")
        };
        set(&mut check);
        check
    };
    let http = ProbeTarget::Http {
        url: "HTTP://web.test/".to_owned(),
        method: "GET".to_owned(),
        headers: BTreeMap::new(),
        body: String::new(),
        redirects: false,
    };
    for (check, word, target) in [
        (alone(ttl("x"), ""), "ttl", None),
        (alone(alias("x", "y"), ""), "alias", None),
        (
            alone(tcp("x"), ""),
            "tcp",
            Some(ProbeTarget::Tcp("127.0.0.1:80".to_owned())),
        ),
        (
            make(|check| (check.http, check.disable_redirects) = ("HTTP://web.test/".into(), true)),
            "http",
            Some(http),
        ),
        (
            make(|check| check.http = "https://web.test".into()),
            "http",
            unsupported("HTTPS"),
        ),
        (
            make(|check| (check.tcp, check.tcp_use_tls) = ("a:1".into(), true)),
            "tcp",
            unsupported("TCP over TLS"),
        ),
        (
            make(|check| check.grpc = "a:1".into()),
            "grpc",
            unsupported("gRPC"),
        ),
        (
            make(|check| check.udp = "a:1".into()),
            "udp",
            unsupported("UDP"),
        ),
        (
            make(|check| check.h2ping = "a:1".into()),
            "h2ping",
            unsupported("H2PING"),
        ),
    ] {
        local
            .register_check(check, Token::default(), start())
            .unwrap();
        assert_eq!(local.row("x").check_type, word);
        let probe = local.probes().next().map(|(_, probe)| probe.target.clone());
        assert_eq!(probe, target, "{word}");
    }
    let script = make(|check| check.args = vec!["true".into()]);
    assert_eq!(
        refused_check(script.clone()),
        RegisterError::ScriptsDisabled
    );
    let settings = Settings {
        enable_script_checks: true,
        ..settings()
    };
    let error = Local::new(settings).register_check(script, Token::default(), start());
    assert_eq!(error, Err(RegisterError::UnsupportedCheck("Script")));
    let docker = make(|check| check.docker_container_id = "abc".into());
    assert_eq!(
        refused_check(docker),
        RegisterError::UnsupportedCheck("Docker")
    );
    let service = make(|check| check.os_service = "sshd".into());
    assert_eq!(
        refused_check(service),
        RegisterError::UnsupportedCheck("OSService")
    );
}

#[test]
fn a_probe_has_a_shortest_interval_and_a_default_timeout() {
    let mut local = local();
    let check = CheckType {
        interval: GoDuration::from_millis(1),
        ..alone(tcp("x"), "")
    };
    local
        .register_check(check, Token::default(), start())
        .unwrap();
    let CheckKind::Probe(probe) = &local.check(&name("x")).unwrap().kind else {
        panic!()
    };
    assert_eq!(
        (
            probe.interval.as_secs(),
            probe.timeout.as_secs(),
            probe.output_limit
        ),
        (1, 10, 4096)
    );
}

#[test]
fn registering_again_keeps_what_checks_found_and_other_checks() {
    let mut local = local();
    let now = start();
    local
        .add(with_checks("sink", vec![ttl("a"), ttl("b")]), now)
        .unwrap();
    local
        .report(&name("a"), Status::Passing, "fine", now)
        .unwrap();
    local
        .report(&name("b"), Status::Warning, "meh", now)
        .unwrap();
    local.add(with_checks("sink", vec![ttl("a")]), now).unwrap();
    assert_eq!(local.says("a"), (Status::Passing, "fine"));
    assert_eq!(local.says("b"), (Status::Warning, "meh"));
    local
        .register_check(alone(ttl("a"), "sink"), Token::default(), now)
        .unwrap();
    assert_eq!(local.says("a"), (Status::Passing, "fine"));

    local
        .maintenance(Some(&name("sink")), true, "", now)
        .unwrap();
    let again = with_checks("sink", vec![ttl("a")]);
    local
        .register_service(again, Token::default(), true, now)
        .unwrap();
    assert_eq!(local.check_ids(), ["_service_maintenance:sink", "a"]);
    assert_eq!(local.says("a"), (Status::Passing, "fine"));
}

#[test]
fn checks_carry_the_tags_of_their_service_as_they_are_now() {
    let mut local = local();
    local
        .add(with_checks("web", vec![ttl("a")]), start())
        .unwrap();
    local.sync_all();
    let tags = Some(vec!["new".to_owned()]);
    local
        .add(
            ServiceDefinition {
                tags: tags.clone(),
                ..service("web", 1)
            },
            start(),
        )
        .unwrap();
    assert_eq!(local.row("a").service_tags, tags);
    assert!(local.outbox.has_check(&name("a")));
}

#[test]
fn a_sidecar_takes_from_its_service_what_it_does_not_say() {
    let mut local = local();
    let definition = ServiceDefinition {
        id: "web-1".into(),
        address: "10.0.0.3".to_owned(),
        tags: Some(vec!["blue".to_owned()]),
        meta: Some(Meta::from([("team".to_owned(), "x".to_owned())])),
        token: "secret".to_owned(),
        ..with_sidecar("web", 8080, sidecar())
    };
    local.add(definition, start()).unwrap();
    assert_eq!(local.service_ids(), ["web-1", "web-1-sidecar-proxy"]);
    let row = local.service(&name("web-1-sidecar-proxy")).unwrap();
    assert_eq!(
        (row.service.name.as_str(), row.port),
        ("web-sidecar-proxy", 21000)
    );
    assert_eq!(
        (&row.kind, row.address.as_str()),
        (&ServiceKind::ConnectProxy, "10.0.0.3")
    );
    assert_eq!(row.tags, Some(vec!["blue".to_owned()]));
    assert_eq!(row.meta.as_ref().unwrap()["team"], "x");
    assert_eq!(row.proxy.destination_service_name, name("web"));
    assert_eq!(row.proxy.destination_service_id, name("web-1"));
    assert_eq!(row.proxy.local_service_address, "127.0.0.1");
    assert_eq!(row.proxy.local_service_port, 8080);
    assert_eq!(
        local
            .service_token(&name("web-1-sidecar-proxy"))
            .unwrap()
            .secret(),
        "secret"
    );

    let [listening, aliasing] = [
        "service:web-1-sidecar-proxy:1",
        "service:web-1-sidecar-proxy:2",
    ]
    .map(name);
    assert_eq!(
        local.check_ids(),
        [listening.to_string(), aliasing.to_string()]
    );
    let listening = local.check(&listening).unwrap();
    assert_eq!(listening.check.name, "Connect Sidecar Listening");
    let CheckKind::Probe(probe) = &listening.kind else {
        panic!()
    };
    assert_eq!(probe.target, ProbeTarget::Tcp("10.0.0.3:21000".to_owned()));
    assert_eq!(probe.interval.as_secs(), 10);
    let aliasing = local.check(&aliasing).unwrap();
    assert_eq!(aliasing.check.name, "Connect Sidecar Aliasing web-1");
    assert_eq!(
        aliasing.kind,
        CheckKind::Alias {
            node: name(""),
            service: name("web-1")
        }
    );
}

#[test]
fn a_sidecar_keeps_what_it_says() {
    let mut local = local();
    let upstream = Upstream {
        destination_name: "db".into(),
        local_bind_port: 9101,
        ..Upstream::default()
    };
    let proxy = ProxyConfig {
        local_service_address: "127.0.0.7".to_owned(),
        upstreams: vec![upstream],
        ..ProxyConfig::default()
    };
    let own = ServiceDefinition {
        name: "edge".into(),
        port: 20_000,
        address: "::1".to_owned(),
        tags: Some(vec!["own".to_owned()]),
        token: "own".to_owned(),
        proxy: Some(proxy),
        ..sidecar()
    };
    let definition = ServiceDefinition {
        tags: Some(vec!["blue".to_owned()]),
        ..with_sidecar("web", 8080, own)
    };
    local
        .register_service(definition, "request".into(), false, start())
        .unwrap();
    let row = local.service(&name("web-sidecar-proxy")).unwrap();
    assert_eq!((row.service.name.as_str(), row.port), ("edge", 20_000));
    assert_eq!(row.tags, Some(vec!["own".to_owned()]));
    assert_eq!(row.proxy.local_service_address, "127.0.0.7");
    assert_eq!(row.proxy.local_service_port, 8080);
    assert_eq!(row.proxy.upstreams[0].destination_type, "service");
    assert_eq!(
        local
            .service_token(&name("web-sidecar-proxy"))
            .unwrap()
            .secret(),
        "own"
    );
    assert_eq!(
        local.service_token(&name("web")).unwrap().secret(),
        "request"
    );
    let (_, probe) = local.probes().next().unwrap();
    assert_eq!(probe.target, ProbeTarget::Tcp("[::1]:20000".to_owned()));

    let own = ServiceDefinition {
        checks: Some(vec![passing("mine")]),
        ..sidecar()
    };
    let socket = ServiceDefinition {
        socket_path: "/run/db.sock".to_owned(),
        ..with_sidecar("db", 0, own)
    };
    local.add(socket, start()).unwrap();
    let row = local.service(&name("db-sidecar-proxy")).unwrap();
    assert_eq!(row.proxy.local_service_socket_path, "/run/db.sock");
    assert_eq!(
        (
            row.proxy.local_service_address.as_str(),
            row.proxy.local_service_port
        ),
        ("", 0)
    );
    assert!(local.check(&name("mine")).is_some());
    assert_eq!(local.checks().count(), 3);
}

#[test]
fn sidecars_get_the_lowest_free_port_and_keep_it() {
    let mut local = local();
    let mut add = |name: &str, port: i32| {
        let sidecar = ServiceDefinition { port, ..sidecar() };
        local.add(with_sidecar(name, 80, sidecar), start()).unwrap();
        let id = format!("{name}-sidecar-proxy");
        local.service(&id.as_str().into()).unwrap().port
    };
    assert_eq!(
        ["alpha", "beta", "gamma"].map(|name| add(name, 0)),
        [21000, 21001, 21002]
    );
    assert_eq!((add("delta", 21003), add("epsilon", 0)), (21003, 21004));
    local.deregister_service(&name("beta"), start()).unwrap();
    let mut add = |name: &str| {
        local
            .add(with_sidecar(name, 81, sidecar()), start())
            .unwrap();
        local
            .service(&format!("{name}-sidecar-proxy").into())
            .unwrap()
            .port
    };
    assert_eq!((add("alpha"), add("zeta")), (21000, 21001));
}

#[test]
fn sidecars_get_no_port_where_there_is_none() {
    let ports = |min, max| {
        let sidecar_ports = SidecarPorts { min, max };
        Local::new(Settings {
            sidecar_ports,
            ..settings()
        })
    };
    let mut off = ports(0, 0);
    let error = off
        .add(with_sidecar("web", 80, sidecar()), start())
        .unwrap_err();
    assert_eq!(error, RegisterError::NoSidecarPorts);
    assert_eq!(off.services().count(), 0);
    let explicit = ServiceDefinition {
        port: 23_500,
        ..sidecar()
    };
    off.add(with_sidecar("web", 80, explicit), start()).unwrap();
    assert_eq!(off.services().count(), 2);

    let mut one = ports(21000, 21000);
    one.add(with_sidecar("a", 80, sidecar()), start()).unwrap();
    let error = one
        .add(with_sidecar("b", 80, sidecar()), start())
        .unwrap_err();
    assert_eq!(error, RegisterError::SidecarPortsTaken(21000, 21000));
    one.add(with_sidecar("a", 81, sidecar()), start()).unwrap();
}

#[test]
fn sidecars_that_cannot_be_are_refused_with_their_service() {
    let gateway = ServiceDefinition {
        kind: ServiceKind::MeshGateway,
        ..with_sidecar("gw", 1, sidecar())
    };
    let id = ServiceDefinition {
        id: "own".into(),
        ..sidecar()
    };
    let nested = ServiceConnect {
        sidecar_service: Some(Box::new(sidecar())),
        ..ServiceConnect::default()
    };
    let nested = ServiceDefinition {
        connect: Some(nested),
        ..sidecar()
    };
    let check = ServiceDefinition {
        check: Some(CheckType {
            name: "n".into(),
            ..CheckType::default()
        }),
        ..sidecar()
    };
    let proxy = ProxyConfig {
        upstreams: vec![Upstream::default()],
        ..ProxyConfig::default()
    };
    let upstream = ServiceDefinition {
        proxy: Some(proxy),
        ..sidecar()
    };
    for (definition, words) in [
        (
            gateway,
            "A mesh-gateway cannot have a sidecar service defined",
        ),
        (with_sidecar("a", 1, id), "cannot specify an ID"),
        (with_sidecar("a", 1, nested), "nested SidecarService"),
        (
            with_sidecar("a", 1, check),
            "Invalid check in sidecar_service: ",
        ),
        (
            with_sidecar("a", 1, upstream),
            "Invalid SidecarService: upstream destination name",
        ),
    ] {
        let error = refused(definition);
        assert!(error.contains(words), "{words} in {error}");
    }
}

#[test]
fn a_service_leaves_with_its_checks_and_its_managed_sidecar() {
    let mut local = local();
    let now = start();
    local.add(with_sidecar("web", 80, sidecar()), now).unwrap();
    local
        .register_check(alone(ttl("extra"), "web"), Token::default(), now)
        .unwrap();
    local.deregister_service(&name("web"), now).unwrap();
    assert_eq!((local.services().count(), local.checks().count()), (0, 0));
    assert_eq!(
        local.deregister_service(&name("web"), now),
        Err(UnknownService(name("web")))
    );

    let proxy = ProxyConfig {
        destination_service_name: "db".into(),
        ..ProxyConfig::default()
    };
    let own = ServiceDefinition {
        kind: ServiceKind::ConnectProxy,
        proxy: Some(proxy),
        ..service("db-sidecar-proxy", 21500)
    };
    local.add(own, now).unwrap();
    local.add(service("db", 5432), now).unwrap();
    local.deregister_service(&name("db"), now).unwrap();
    assert_eq!(local.service_ids(), ["db-sidecar-proxy"]);
}

#[test]
fn a_check_that_does_not_exist_is_not_removed() {
    let mut local = local();
    let id = name("x");
    let unknown = UnknownCheck::NoSuchCheck(id.clone());
    assert_eq!(local.deregister_check(&id, start()), Err(unknown));
    local
        .register_check(alone(ttl("x"), ""), Token::default(), start())
        .unwrap();
    assert_eq!(local.deregister_check(&id, start()), Ok(()));
}
