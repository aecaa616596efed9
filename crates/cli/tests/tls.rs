//! `tls`, which writes into the folder it is run in: the program itself, and what `openssl` says of its files.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests, as in the tests themselves; a test that is skipped says so"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

fn tribune(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tribune"))
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .unwrap()
}

fn made(folder: &Path, arguments: &str) -> String {
    let output = tribune(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(folder: &Path, arguments: &str) -> String {
    let output = tribune(folder, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

/// What `openssl` says, or that it is not there.
fn openssl(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: there is no openssl on this machine");
        return None;
    };
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    Some(String::from_utf8(output.stdout).unwrap())
}

fn mode(folder: &Path, file: &str) -> u32 {
    std::fs::metadata(folder.join(file))
        .unwrap()
        .permissions()
        .mode()
        & 0o777
}

#[test]
fn files_have_consuls_names_and_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(
        made(folder, "tls ca create"),
        "==> Saved consul-agent-ca.pem\n==> Saved consul-agent-ca-key.pem\n"
    );
    assert!(refused(folder, "tls ca create").contains("already exists"));
    for number in 0..2 {
        assert_eq!(
            made(folder, "tls cert create -server"),
            format!(
                "==> Using consul-agent-ca.pem and consul-agent-ca-key.pem\n\
                 ==> Saved dc1-server-consul-{number}.pem\n==> Saved dc1-server-consul-{number}-key.pem\n"
            )
        );
    }
    made(folder, "tls cert create -client -dc eu");
    made(folder, "tls cert create -cli");
    for file in [
        "consul-agent-ca-key.pem",
        "dc1-server-consul-0-key.pem",
        "eu-client-consul-0-key.pem",
        "dc1-cli-consul-0-key.pem",
    ] {
        assert_eq!(mode(folder, file), 0o600, "{file}");
    }
    assert!(folder.join("eu-client-consul-0.pem").exists());
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    made(folder, "tls ca create");
    for arguments in [
        "tls cert create",
        "tls cert create -server -client",
        "tls cert create -client -node n1",
        "tls cert create -server -additional-ipaddress notip",
        "tls cert create -server -additional-dnsname a..b",
        "tls cert create -client -domain other",
        "tls cert create -server -ca missing.pem -key missing.pem",
        "tls cert create -server -days 0",
        "tls cert create -server extra",
        "tls ca create -days x",
        "tls ca create -domain consul",
        "tls ca",
        "tls cert",
    ] {
        assert!(!refused(folder, arguments).is_empty(), "{arguments}");
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2);
}

#[test]
fn openssl_verifies_what_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    made(
        folder,
        "tls ca create -name-constraint -additional-name-constraint x.example -days 5",
    );
    made(
        folder,
        "tls cert create -server -node n1 -additional-dnsname a.x.example -additional-ipaddress 10.0.0.1",
    );
    made(folder, "tls cert create -cli");
    let verify = ["verify", "-x509_strict", "-CAfile", "consul-agent-ca.pem"];
    let server = "dc1-server-consul-0.pem";
    let Some(verified) = openssl(
        folder,
        &[&verify[..], &["-purpose", "sslserver", server]].concat(),
    ) else {
        return;
    };
    assert_eq!(verified, format!("{server}: OK\n"));
    openssl(
        folder,
        &[&verify[..], &["-purpose", "sslclient", server]].concat(),
    );
    openssl(folder, &[&verify[..], &["dc1-cli-consul-0.pem"]].concat());
    let text = |file| openssl(folder, &["x509", "-noout", "-text", "-in", file]).unwrap();
    let server = text(server);
    for part in [
        "Subject: CN = server.dc1.consul",
        "DNS:a.x.example, DNS:n1.server.dc1.consul, DNS:server.dc1.consul, DNS:localhost",
        "IP Address:10.0.0.1, IP Address:127.0.0.1",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "Digital Signature, Key Encipherment",
        "ASN1 OID: prime256v1",
        "CA:FALSE",
    ] {
        assert!(server.contains(part), "{part}: {server}");
    }
    let cli = text("dc1-cli-consul-0.pem");
    assert!(
        !cli.contains("IP Address") && !cli.contains("TLS Web"),
        "{cli}"
    );
    let authority = text("consul-agent-ca.pem");
    for part in [
        "Permitted:",
        "DNS:x.example",
        "DNS:consul",
        "DNS:localhost",
        "CA:TRUE",
    ] {
        assert!(authority.contains(part), "{part}: {authority}");
    }
    let key = [
        "ec",
        "-noout",
        "-check",
        "-in",
        "dc1-server-consul-0-key.pem",
    ];
    openssl(folder, &key);
}

#[test]
fn a_name_outside_of_the_constraints_does_not_verify() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    made(folder, "tls ca create -name-constraint");
    made(
        folder,
        "tls cert create -server -additional-dnsname evil.example",
    );
    let verified = Command::new("openssl")
        .args([
            "verify",
            "-CAfile",
            "consul-agent-ca.pem",
            "dc1-server-consul-0.pem",
        ])
        .current_dir(folder)
        .output();
    match verified {
        Ok(output) => assert!(!output.status.success()),
        Err(_) => eprintln!("skipped: there is no openssl on this machine"),
    }
}
