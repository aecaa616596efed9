//! Every combination of settings is verified TLS or a refusal, and nobody is taken for somebody else.

use bytes::Bytes;
use std::time::Duration;

use tribune_rpc::tls::{MinVersion, Pem, Role, Settings, Tls, TlsError};
use tribune_rpc::{AgentIdentity, AutoEncryptRequest, Certificate, Client, Identity, RaftError};
use tribune_types::call::{CallError, Query};

use crate::certificates::{Authority, Held};
use crate::world::{Fake, Running, ask, hasty};

const LEAF: &str = "spiffe://11111111-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc/web";
const AGENT: &str =
    "spiffe://11111111-2222-3333-4444-555555555555.consul/agent/client/dc/dc1/id/n1";

async fn raft(client: &Client, server: &Running) -> Result<Bytes, RaftError> {
    let message = Bytes::from_static(b"vote");
    let address = server.address.to_string();
    client
        .raft(&address, message, Duration::from_secs(30))
        .await
}

fn why<T: std::fmt::Debug>(result: Result<T, CallError>) -> String {
    result.unwrap_err().to_string()
}

/// Settings with some of what there is to set.
fn some(bits: u32, authority: &Authority, held: &Held, role: Role) -> Settings {
    let set = |bit: u32| bits & (1 << bit) != 0;
    let pem = |bit, text: &String| set(bit).then(|| Pem::Text(text.clone()));
    Settings {
        role,
        datacenter: "dc1".into(),
        domain: "consul".into(),
        ca: pem(0, &authority.pem),
        certificate: pem(1, &held.certificate),
        key: pem(2, &held.key),
        verify_incoming: set(3),
        verify_outgoing: set(4),
        verify_server_hostname: set(5),
        auto_encrypt: set(6),
        ..Settings::default()
    }
}

#[test]
fn settings_give_verified_tls_or_are_refused() {
    let authority = Authority::new("one");
    let held = authority.server();
    for role in [Role::Agent, Role::Server] {
        for bits in 0..1 << 7 {
            let made = Tls::new(some(bits, &authority, &held, role));
            let (ca, pair) = (bits & 1 != 0, bits & 0b110 == 0b110);
            match made {
                Ok(tls) if tls.is_plaintext() => assert_eq!(bits, 0, "{role:?}"),
                Ok(tls) => {
                    assert!(ca, "{role:?} {bits:b}: nobody could be verified");
                    assert!(tls.client_config().is_some());
                    let shows = tls.server_config().is_some();
                    assert_eq!(shows, pair);
                    assert!(shows || role == Role::Agent, "{role:?} {bits:b}");
                }
                Err(error) => {
                    let halves = bits & 0b110 != 0 && !pair;
                    let lacks = !pair && (role == Role::Server || bits & 0b100_1000 == 0b1000);
                    let misplaced = role == Role::Server && bits & 0b100_0000 != 0;
                    assert!(!ca || halves || lacks || misplaced, "{bits:b}: {error}");
                }
            }
        }
    }
}

#[test]
fn errors_say_what_is_missing() {
    let authority = Authority::new("one");
    let held = authority.server();
    let error = |bits| {
        let made = Tls::new(some(bits, &authority, &held, Role::Server));
        made.unwrap_err().to_string()
    };
    assert!(error(0b1000).starts_with("verify_incoming is set but no CA certificates are"));
    assert!(error(0b10_0000).contains("verify_server_hostname"));
    assert!(error(0b011).contains("key_file is not"));
    assert!(error(0b101).contains("cert_file is not"));
    assert!(error(0b001).contains("set cert_file and key_file"));
}

#[test]
fn certificates_that_cannot_be_used_are_refused_at_the_start() {
    let authority = Authority::new("one");
    let (held, other) = (authority.server(), authority.server());
    let mixed = Held {
        certificate: held.certificate.clone(),
        key: other.key,
    };
    let made = |held: &Held| Tls::new(authority.settings(Role::Server, Some(held)));
    assert!(matches!(made(&mixed), Err(TlsError::Mismatch { .. })));
    let leaf = authority.certify(&["server.dc1.consul"], Some(LEAF));
    assert!(matches!(made(&leaf), Err(TlsError::NotAnAgent { .. })));
    let empty = Held {
        certificate: "none".into(),
        key: held.key.clone(),
    };
    assert!(matches!(made(&empty), Err(TlsError::Content { .. })));
    let mut missing = authority.settings(Role::Server, Some(&held));
    missing.ca = Some(Pem::File("/nowhere/ca.pem".into()));
    let error = Tls::new(missing).unwrap_err().to_string();
    assert!(error.contains("/nowhere/ca.pem"), "{error}");
}

#[test]
fn certificates_are_read_from_files_and_folders() {
    let (one, other) = (Authority::new("one"), Authority::new("other"));
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    let held = one.server();
    write("ca/one.pem", &format!("issued by us\n{}", one.pem));
    write("ca/more/other.pem", &other.pem);
    let mut settings = one.settings(Role::Server, None);
    settings.ca = None;
    settings.ca_path = Some(folder.path().join("ca"));
    settings.certificate = Some(Pem::File(write("cert.pem", &held.certificate)));
    settings.key = Some(Pem::File(write("key.pem", &held.key)));
    let tls = Tls::new(settings.clone()).unwrap();
    let roots = tls.server_roots();
    for authority in [&one, &other] {
        assert!(roots.contains(authority.pem.trim()));
    }
    write(
        "ca/one.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let error = tls.reload(settings).unwrap_err().to_string();
    assert!(error.contains("CA certificate"), "{error}");
}

#[test]
fn versions_and_suites_are_those_that_there_are() {
    let authority = Authority::new("one");
    let held = authority.server();
    let made = |min_version, suites: &str| {
        Tls::new(Settings {
            min_version,
            cipher_suites: suites.to_owned(),
            ..authority.settings(Role::Server, Some(&held))
        })
    };
    let suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    assert!(made(MinVersion::Tls12, suite).is_ok());
    assert!(made(MinVersion::Tls12, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305, ").is_ok());
    assert!(matches!(
        made(MinVersion::Tls13, suite),
        Err(TlsError::SuitesOf13)
    ));
    let error = made(MinVersion::Tls12, "TLS_RSA_WITH_AES_128_CBC_SHA").unwrap_err();
    assert!(error.to_string().contains("TLS_RSA_WITH_AES_128_CBC_SHA"));
    for (text, version) in [
        ("", Some(MinVersion::Tls12)),
        ("TLSv1_0", Some(MinVersion::Tls12)),
        ("TLSv1_3", Some(MinVersion::Tls13)),
        ("TLSv1.3", None),
    ] {
        assert_eq!(MinVersion::parse(text).ok(), version, "{text}");
    }
}

#[tokio::test]
async fn agents_and_servers_are_told_apart() {
    let authority = Authority::new("one");
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &authority.server_tls()).await;

    let other = hasty(&[&server], &authority.server_tls());
    assert_eq!(raft(&other, &server).await.unwrap(), "re: vote");

    let agent = authority.agent();
    let agent = hasty(&[&server], &authority.tls(Role::Agent, Some(&agent)));
    assert!(ask(&agent, Query::Leader).await.is_ok());
    let refused = raft(&agent, &server).await.unwrap_err().to_string();
    assert!(refused.contains("server's certificate"), "{refused}");

    let peers = fake.peers.lock().unwrap().clone();
    assert!(
        matches!(&peers[0].identity, Identity::Agent { names, .. } if *names == ["client.dc1.consul"])
    );
}

#[tokio::test]
async fn who_has_no_certificate_gets_one_and_nothing_else() {
    let authority = Authority::new("one");
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &authority.server_tls()).await;
    let nobody = hasty(&[&server], &authority.tls(Role::Agent, None));
    let refused = why(ask(&nobody, Query::Leader).await);
    assert!(refused.contains("has no certificate"), "{refused}");
    assert!(raft(&nobody, &server).await.is_err());
    let mut request = AutoEncryptRequest {
        datacenter: "dc1".into(),
        node: "n1".into(),
        token: "secret".into(),
        csr: "csr".into(),
    };
    let identity = nobody.auto_encrypt(&request).await.unwrap();
    assert_eq!(identity.connect_roots, "roots for n1");
    request.datacenter = "dc2".into();
    assert_eq!(
        why(nobody.auto_encrypt(&request).await),
        "mismatched datacenter"
    );
}

#[tokio::test]
async fn without_verify_incoming_certificates_are_asked_of_servers_alone() {
    let authority = Authority::new("one");
    let (fake, _waits) = Fake::new("one");
    let mut settings = authority.settings(Role::Server, Some(&authority.server()));
    settings.verify_incoming = false;
    let server = Running::start(&fake, &Tls::new(settings).unwrap()).await;
    let nobody = hasty(&[&server], &authority.tls(Role::Agent, None));
    assert!(ask(&nobody, Query::Leader).await.is_ok());
    assert!(raft(&nobody, &server).await.is_err());
}

#[tokio::test]
async fn a_certificate_of_a_service_is_no_agents_and_no_servers_whoever_signed_it() {
    let authority = Authority::new("one");
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &authority.server_tls()).await;
    // no process shows such a certificate, so the connection is made by hand
    let leaf = authority.certify(&["server.dc1.consul"], Some(LEAF));
    assert!(
        crate::hostile::handshake(&authority, &server, &leaf)
            .await
            .is_err()
    );
    assert!(
        crate::hostile::handshake(&authority, &server, &authority.agent())
            .await
            .is_ok()
    );

    let impostor = crate::hostile::tls_server(&leaf).await;
    let agent = hasty(&[], &authority.tls(Role::Agent, None));
    agent.set_servers(vec![crate::hostile::as_server(impostor)]);
    let refused = why(ask(&agent, Query::Leader).await);
    assert!(refused.contains("service \"web\" of the mesh"), "{refused}");
}

#[tokio::test]
async fn the_right_authority_with_the_wrong_name_is_refused_by_name() {
    let authority = Authority::new("one");
    let (fake, _waits) = Fake::new("one");
    let wrong = authority.certify(&["server.dc2.consul", "client.dc1.consul"], None);
    let server = Running::start(&fake, &authority.tls(Role::Server, Some(&wrong))).await;
    let agent = hasty(
        &[&server],
        &authority.tls(Role::Agent, Some(&authority.agent())),
    );
    let refused = why(ask(&agent, Query::Leader).await);
    assert!(
        refused.contains("server.dc1.consul") && refused.contains("server.dc2.consul"),
        "{refused}"
    );

    let mut settings = authority.settings(Role::Agent, Some(&authority.agent()));
    settings.verify_server_hostname = false;
    let agent = hasty(&[&server], &Tls::new(settings).unwrap());
    assert!(
        ask(&agent, Query::Leader).await.is_ok(),
        "where names are not looked at"
    );
}

#[tokio::test]
async fn another_authority_is_refused_from_both_ends() {
    let (authority, other) = (Authority::new("one"), Authority::new("other"));
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &authority.server_tls()).await;
    let agent = hasty(&[&server], &other.tls(Role::Agent, Some(&other.agent())));
    let refused = why(ask(&agent, Query::Leader).await);
    assert!(refused.contains("not trusted"), "{refused}");
    // it trusts the server, and the server does not trust it
    let mut settings = authority.settings(Role::Agent, Some(&other.agent()));
    settings.verify_server_hostname = false;
    let agent = hasty(&[&server], &Tls::new(settings).unwrap());
    assert!(ask(&agent, Query::Leader).await.is_err());
    assert_eq!(fake.calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn plaintext_and_tls_do_not_speak_to_each_other() {
    let authority = Authority::new("one");
    let (fake, _waits) = Fake::new("one");
    let (secure, open) = (
        Running::start(&fake, &authority.server_tls()).await,
        Running::start(&fake, &Tls::plaintext()).await,
    );
    let tls = authority.tls(Role::Agent, Some(&authority.agent()));
    assert!(
        ask(&hasty(&[&secure], &Tls::plaintext()), Query::Leader)
            .await
            .is_err()
    );
    assert!(ask(&hasty(&[&open], &tls), Query::Leader).await.is_err());
    let plain = hasty(&[&open], &Tls::plaintext());
    assert!(ask(&plain, Query::Leader).await.is_ok());
    assert_eq!(raft(&plain, &open).await.unwrap(), "re: vote");
    assert_eq!(fake.peers.lock().unwrap()[0].identity, Identity::Plaintext);
}

#[tokio::test]
async fn what_the_mesh_signed_is_an_agents_at_most() {
    let (authority, mesh) = (Authority::new("one"), Authority::new("mesh"));
    let (fake, _waits) = Fake::new("one");
    let tls = authority.server_tls();
    let server = Running::start(&fake, &tls).await;
    let agent = |held: &Held| {
        let tls = authority.tls(Role::Agent, None);
        let identity = AgentIdentity {
            certificate: Certificate {
                chain_pem: held.certificate.clone(),
                ..Certificate::default()
            },
            ..AgentIdentity::default()
        };
        tls.set_agent_identity(&identity, &held.key).unwrap();
        hasty(&[&server], &tls)
    };
    let certified = mesh.certify(&["server.dc1.consul"], Some(AGENT));
    let certified = agent(&certified);
    assert!(
        ask(&certified, Query::Leader).await.is_err(),
        "before the mesh is known"
    );
    tls.set_connect_roots(&mesh.pem).unwrap();
    assert!(ask(&certified, Query::Leader).await.is_ok());
    let refused = raft(&certified, &server).await.unwrap_err().to_string();
    assert!(
        refused.contains("certificate of an agent (n1)"),
        "{refused}"
    );
    let nameless = agent(&mesh.certify(&["server.dc1.consul"], None));
    assert!(ask(&nameless, Query::Leader).await.is_err());
}

#[tokio::test]
async fn an_agent_that_got_its_certificate_shows_it_at_once() {
    let (authority, mesh) = (Authority::new("one"), Authority::new("mesh"));
    let (fake, _waits) = Fake::new("one");
    let server_tls = authority.server_tls();
    server_tls.set_connect_roots(&mesh.pem).unwrap();
    let server = Running::start(&fake, &server_tls).await;
    let tls = authority.tls(Role::Agent, None);
    let agent = hasty(&[&server], &tls);
    assert!(ask(&agent, Query::Leader).await.is_err());
    let held = mesh.certify(&[], Some(AGENT));
    let identity = AgentIdentity {
        certificate: Certificate {
            chain_pem: held.certificate.clone(),
            ..Certificate::default()
        },
        server_roots: server_tls.server_roots(),
        ..AgentIdentity::default()
    };
    tls.set_agent_identity(&identity, &held.key).unwrap();
    assert!(ask(&agent, Query::Leader).await.is_ok());
    tls.reload(authority.settings(Role::Agent, None)).unwrap();
    let late = hasty(&[&server], &tls);
    assert!(
        ask(&late, Query::Leader).await.is_ok(),
        "a reload keeps what servers gave"
    );
}

#[tokio::test]
async fn certificates_are_replaced_while_connections_go_on() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let (fake, _waits) = Fake::new("one");
    let server_tls = old.server_tls();
    let server = Running::start(&fake, &server_tls).await;
    let connected = hasty(&[&server], &old.tls(Role::Agent, Some(&old.agent())));
    assert!(ask(&connected, Query::Leader).await.is_ok());
    server_tls
        .reload(new.settings(Role::Server, Some(&new.server())))
        .unwrap();
    assert!(
        ask(&connected, Query::Leader).await.is_ok(),
        "it is connected already"
    );
    let late = hasty(&[&server], &old.tls(Role::Agent, Some(&old.agent())));
    assert!(ask(&late, Query::Leader).await.is_err());
    let renewed = hasty(&[&server], &new.tls(Role::Agent, Some(&new.agent())));
    assert!(ask(&renewed, Query::Leader).await.is_ok());

    assert!(server_tls.reload(Settings::default()).is_err());
    let broken = new.settings(Role::Server, None);
    assert!(server_tls.reload(broken).is_err());
    assert!(
        ask(&renewed, Query::Leader).await.is_ok(),
        "what there was stays in use"
    );
    let on = new.settings(Role::Agent, None);
    assert!(matches!(
        Tls::plaintext().reload(on),
        Err(TlsError::Switched { on: true })
    ));
}
