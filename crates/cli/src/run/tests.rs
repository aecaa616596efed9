//! The command line against an agent that answers what each test says.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;
use crate::tree::Group;

mod catalog;
mod cluster;
mod config;
mod debug;
mod envoy;
mod intention;
mod keys;
mod operator;
mod proxy;
mod services;
mod snapshot;

/// An agent that knows some answers, by method and target, and remembers what it was asked.
pub(super) struct Agent {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What a run of the command line came to.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

// === impl Agent ===

impl Agent {
    /// Each answer is a method with a target, a status and a body. What has no answer is not found.
    pub(super) fn new(answers: &[(&str, u16, &str)]) -> Self {
        let bytes: Vec<_> = answers
            .iter()
            .map(|(request, status, body)| (*request, *status, body.as_bytes()))
            .collect();
        Self::with_bytes(&bytes)
    }

    /// As [`Agent::new`], with bodies that are no text.
    pub(super) fn with_bytes(answers: &[(&str, u16, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers: BTreeMap<String, (u16, Vec<u8>)> = answers
            .iter()
            .map(|(request, status, body)| ((*request).to_owned(), (*status, body.to_vec())))
            .collect();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let known = Arc::new((answers, asked.clone()));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, known) = (stream.unwrap(), known.clone());
                thread::spawn(move || while serve(&stream, &known.0, &known.1).is_some() {});
            }
        });
        Self { address, asked }
    }

    /// Runs the command line against it. Arguments are separated by single spaces.
    pub(super) fn run(&self, arguments: &str) -> Run {
        self.run_with(arguments, "", &[])
    }

    /// As [`Agent::run`], with an input and more environment variables.
    pub(super) fn run_with(
        &self,
        arguments: &str,
        input: &str,
        environment: &[(&str, &str)],
    ) -> Run {
        let mut variables = vec![("CONSUL_HTTP_ADDR", self.address.as_str())];
        variables.extend(environment);
        run_in(arguments, input, &variables)
    }

    /// What it was asked so far: method and target, with the body after a space if there is one.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers one request; `None` where the connection is closed.
fn serve(
    mut stream: &TcpStream,
    answers: &BTreeMap<String, (u16, Vec<u8>)>,
    asked: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    if head.contains("transfer-encoding: chunked") {
        let mut chunks = Vec::new();
        while !chunks.ends_with(b"\r\n0\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            chunks.push(byte[0]);
        }
        body = b"in chunks".to_vec();
    }
    let request = head
        .lines()
        .next()
        .unwrap()
        .trim_end_matches(" HTTP/1.1")
        .to_owned();
    let body = String::from_utf8(body).unwrap();
    asked
        .lock()
        .unwrap()
        .push(format!("{request} {body}").trim_end().to_owned());
    let (status, answer) = answers
        .get(&request)
        .cloned()
        .unwrap_or_else(|| (404, format!("no answer to {request}").into_bytes()));
    let head = format!(
        "HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n\r\n",
        answer.len()
    );
    let answer = [head.into_bytes(), answer].concat();
    stream.write_all(&answer).ok()
}

pub(super) fn run_in(arguments: &str, input: &str, environment: &[(&str, &str)]) -> Run {
    let arguments: Vec<String> = arguments
        .split(' ')
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut input = input.as_bytes();
    let code = run(
        &arguments,
        &mut Context {
            out: &mut out,
            err: &mut err,
            input: &mut input,
            environment,
        },
    );
    Run {
        code,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
    }
}

/// Runs without an agent.
pub(super) fn alone(arguments: &str) -> Run {
    run_in(
        arguments,
        "",
        &[("CONSUL_HTTP_ADDR", "unix:///no/such.sock")],
    )
}

#[test]
fn help_and_versions_are_printed_and_everything_else_unknown_is_refused() {
    for (arguments, code, printed) in [
        ("", 127, false),
        ("bogus", 127, false),
        ("-h", 0, true),
        ("-help", 0, true),
        ("--help", 0, true),
        ("-v", 0, true),
        ("-version", 0, true),
        ("--version", 0, true),
        ("version", 0, true),
        ("version -format json", 0, true),
        ("version -format xml", 1, false),
        ("config", 1, false),
        ("config sideways", 1, false),
        ("config -help", 0, true),
        ("config write -h", 0, true),
        ("connect", 1, false),
        ("connect ca", 1, false),
        ("connect ca -help", 0, true),
        ("intention sideways", 1, false),
        ("services -bogus", 1, false),
        ("catalog services -bogus", 1, false),
    ] {
        let run = alone(arguments);
        assert_eq!(
            (run.code, !run.out.is_empty()),
            (code, printed),
            "{arguments}: {run:?}"
        );
        assert_eq!(run.err.is_empty(), printed, "{arguments}: {run:?}");
    }
}

#[test]
fn a_subcommand_that_is_nearly_right_is_suggested() {
    let run = alone("config wirte x");
    assert!(
        run.err
            .starts_with("There is no subcommand \"wirte\". Did you mean \"write\"?"),
        "{}",
        run.err
    );
}

#[test]
fn every_subcommand_has_help_with_an_example_that_its_flags_accept() {
    fn check(group: &'static Group, path: &str) {
        for child in group.children {
            let path = format!("{path} {}", child.name());
            match child {
                Node::Group(inner) => check(inner, &path),
                Node::Program { .. } => {}
                Node::Leaf(leaf) => {
                    let help = alone(&format!("{path} -help")).out;
                    assert!(
                        help.contains(&format!("$ tribune {}", leaf.example)),
                        "{help}"
                    );
                    assert!(
                        leaf.example.starts_with(path.trim()),
                        "{path}: {}",
                        leaf.example
                    );
                    let arguments: Vec<String> =
                        leaf.example.split(' ').map(str::to_owned).collect();
                    let arguments = &arguments[path.trim().split(' ').count()..];
                    let mut command = leaf.command(&path);
                    let Ok(Normal::Arguments(arguments)) = normalise(&command, arguments) else {
                        panic!("{}", leaf.example);
                    };
                    command.try_get_matches_from_mut(arguments).unwrap();
                }
            }
        }
    }
    check(&ROOT, "");
}

#[test]
fn the_json_version_is_the_level_served_with_our_own_beside_it() {
    let version: serde_json::Value =
        serde_json::from_str(&alone("version -format=json").out).unwrap();
    assert_eq!(version["Version"], "1.21.0");
    assert_eq!(version["TribuneVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn flags_say_where_the_agent_is_and_win_over_the_environment() {
    let agent = Agent::new(&[("GET /v1/catalog/datacenters", 200, r#"["dc1","dc2"]"#)]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "t").unwrap();
    let (file, address) = (file.display(), &agent.address);
    for (arguments, code) in [
        (format!("-http-addr {address}"), 0),
        (format!("-http-addr http://{address}"), 0),
        (format!("--http-addr={address} -token x"), 0),
        (format!("-http-addr {address} -token-file {file}"), 0),
        (format!("-http-addr {address} -token-file /no/such"), 1),
        (format!("-http-addr {address} -ca-file /no/such"), 1),
        (format!("-http-addr {address} -client-cert /no/such"), 1),
        (format!("-http-addr {address} -stale=maybe"), 1),
        ("-http-addr unix:///no/such.sock".to_owned(), 1),
        ("-http-addr ftp://x".to_owned(), 1),
        (format!("-http-addr {address} extra"), 1),
    ] {
        let run = alone(&format!("catalog datacenters {arguments}"));
        assert_eq!(
            (run.code, run.err.is_empty()),
            (code, code == 0),
            "{arguments}: {run:?}"
        );
        assert_eq!(run.out, if code == 0 { "dc1\ndc2\n" } else { "" });
    }
}

#[test]
fn namespaces_and_partitions_are_passed_on_for_the_agent_to_judge() {
    let agent = Agent::new(&[(
        "GET /v1/config/mesh?ns=team&partition=east",
        400,
        "Namespaces are refused",
    )]);
    let run = agent.run("config list -kind mesh -namespace team -partition east");
    assert_eq!(run.code, 1);
    assert!(run.err.contains("Namespaces are refused"), "{run:?}");
}

#[test]
fn members_are_listed_servers_first_and_only_those_with_the_status() {
    let answer = r#"[
        {"Name":"c1","Addr":"10.0.0.2","Port":8301,"Status":4,"Tags":{"role":"node","dc":"dc1","build":"1.21.0:abc","vsn":"2","segment":"","ap":"default"}},
        {"Name":"s1","Addr":"::1","Port":8301,"Status":1,"Tags":{"role":"consul","dc":"dc1","build":"1.21.0","vsn":"2"}}]"#;
    let agent = Agent::new(&[
        ("GET /v1/agent/members", 200, answer),
        ("GET /v1/agent/members?wan=1", 200, "[]"),
    ]);
    assert_eq!(
        agent.run("members").out,
        "Node  Address        Status  Type    Build   Protocol  DC   Partition  Segment\n\
         s1    [::1]:8301     alive   server  1.21.0  2         dc1  default    <all>\n\
         c1    10.0.0.2:8301  failed  client  1.21.0  2         dc1  default    <default>\n"
    );
    let detailed = agent.run("members -detailed -status ali.*").out;
    assert!(
        detailed.ends_with("s1    [::1]:8301  alive   build=1.21.0,dc=dc1,role=consul,vsn=2\n"),
        "{detailed}"
    );
    assert_eq!(agent.run("members -status left").code, 2);
    assert_eq!(
        agent.run("members -status live").code,
        2,
        "a status matches as a whole"
    );
    assert_eq!(agent.run("members -status [").code, 1);
    assert_eq!(agent.run("members -wan").code, 2);
    assert_eq!(alone("members").code, 1);
}

#[test]
fn the_configuration_of_the_authority_is_read_and_set() {
    let agent = Agent::new(&[
        (
            "GET /v1/connect/ca/configuration?stale",
            200,
            r#"{"Provider":"consul","Config":{}}"#,
        ),
        ("PUT /v1/connect/ca/configuration", 200, ""),
    ]);
    assert_eq!(
        agent.run("connect ca get-config -stale").out,
        "{\n\t\"Config\": {},\n\t\"Provider\": \"consul\"\n}\n"
    );
    let set = "connect ca set-config -config-file -";
    let run = agent.run_with(
        &format!("{set} -force-without-cross-signing"),
        r#"{"Provider":"consul"}"#,
        &[],
    );
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "Configuration updated!\n")
    );
    let body =
        r#"PUT /v1/connect/ca/configuration {"ForceWithoutCrossSigning":true,"Provider":"consul"}"#;
    assert_eq!(agent.asked().last().unwrap(), body);
    for (arguments, input) in [("connect ca set-config", ""), (set, "{"), (set, "[]")] {
        let run = agent.run_with(
            &format!("{arguments} -force-without-cross-signing"),
            input,
            &[],
        );
        assert_eq!(run.code, 1, "{arguments} {input}");
    }
    assert_eq!(agent.asked().len(), 2);
}
