//! Plays `tests/scripts/*.txt`: commands above a rule, what the session does below it.
//!
//! ```text
//! resources TYPE NAME@VERSION[>CHILD,CHILD] -GONE ; TYPE …   what a proxy has, handed in together
//! subscribe TYPE [NAME …] [kept NAME@VERSION …]              a request that subscribes
//! unsubscribe TYPE NAME …
//! ack NONCE | nack NONCE "words"                             an answer; may go on with `subscribe NAME …`
//! reconnect                                                  a new stream over the same resources
//! status                                                     what an operator sees
//! ```

#![expect(clippy::unwrap_used, reason = "what a test sets up is there")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tribune_delta::{
    Children, Limits, Nonce, Request, Resource, ResourceSet, Session, State, TypeUrl, Version,
};
use tribune_testkit::golden;

const NAMES: [(&str, TypeUrl); 5] = [
    ("secret", TypeUrl::Secret),
    ("cluster", TypeUrl::Cluster),
    ("endpoint", TypeUrl::Endpoint),
    ("listener", TypeUrl::Listener),
    ("route", TypeUrl::Route),
];

fn kind(word: &str) -> TypeUrl {
    NAMES
        .iter()
        .find(|(name, _)| *name == word)
        .unwrap_or_else(|| panic!("type {word}"))
        .1
}

fn label(kind: TypeUrl) -> &'static str {
    NAMES.iter().find(|(_, named)| *named == kind).unwrap().0
}

struct Player {
    now: Instant,
    session: Session<()>,
    world: BTreeMap<TypeUrl, BTreeMap<String, Resource<()>>>,
    /// Type of each response sent on this stream.
    sent: Vec<TypeUrl>,
}

impl Player {
    fn new() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "an Instant has no other beginning"
        )]
        let now = Instant::now();
        Self {
            now,
            session: Session::new(Limits::default()),
            world: BTreeMap::new(),
            sent: vec![],
        }
    }

    fn run(&mut self, line: &str) -> String {
        self.now += Duration::from_millis(1);
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "resources" => self.resources(rest),
            "subscribe" | "unsubscribe" => {
                let (of, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let mut request = Request::new(kind(of));
                subscriptions(&mut request, &format!("{command} {rest}"));
                self.request(request);
            }
            "ack" | "nack" => self.answer(rest),
            "reconnect" => self.reconnect(),
            "status" => return self.status(),
            other => panic!("no command {other}"),
        }
        self.drain()
    }

    fn resources(&mut self, rest: &str) {
        for part in rest.split(';') {
            let mut words = part.split_whitespace();
            let of = kind(words.next().unwrap());
            let mut set = ResourceSet::default();
            for word in words {
                if let Some(gone) = word.strip_prefix('-') {
                    self.world.entry(of).or_default().remove(gone);
                    set.removed.push(gone.into());
                } else {
                    let resource = resource(of, word);
                    let name = resource.name.to_string();
                    self.world
                        .entry(of)
                        .or_default()
                        .insert(name, resource.clone());
                    set.changed.push(resource);
                }
            }
            self.session.handle_resources(self.now, of, set);
        }
    }

    fn answer(&mut self, rest: &str) {
        let (nonce, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let nonce: usize = nonce.parse().unwrap();
        let mut request = Request::new(*self.sent.get(nonce - 1).unwrap_or(&TypeUrl::Cluster));
        request.nonce = Some(Nonce(nonce as u64));
        let mut rest = rest;
        if let Some(quoted) = rest.strip_prefix('"') {
            let (words, after) = quoted.split_once('"').unwrap();
            request.error = Some(words.replace("\\n", "\n"));
            rest = after.trim_start();
        }
        subscriptions(&mut request, rest);
        self.request(request);
    }

    fn request(&mut self, request: Request) {
        self.session.handle_request(self.now, request).unwrap();
    }

    fn reconnect(&mut self) {
        self.session = Session::new(Limits::default());
        self.sent.clear();
        for (of, resources) in &self.world {
            let changed = resources.values().cloned().collect();
            let set = ResourceSet {
                changed,
                removed: vec![],
            };
            self.session.handle_resources(self.now, *of, set);
        }
    }

    fn drain(&mut self) -> String {
        let mut out = String::new();
        while let Some(response) = self.session.poll_transmit() {
            self.sent.push(response.type_url);
            let _ = write!(
                out,
                "send {} nonce={}",
                label(response.type_url),
                response.nonce.0
            );
            for resource in &response.resources {
                let _ = write!(out, " +{}@v{}", resource.name, resource.version.0);
            }
            for name in &response.removed {
                let _ = write!(out, " -{name}");
            }
            out.push('\n');
        }
        out
    }

    fn status(&self) -> String {
        let mut out = String::new();
        for status in self.session.statuses() {
            let _ = write!(out, "{} {}", label(status.type_url), status.name);
            if let Some(version) = status.version {
                let _ = write!(out, "@v{}", version.0);
            }
            let _ = match status.state {
                State::Synced => writeln!(out, " synced"),
                State::Sent => writeln!(out, " sent"),
                State::Stale => writeln!(out, " stale"),
                State::Missing => writeln!(out, " missing"),
                State::Rejected { reason } => writeln!(out, " rejected {reason:?}"),
            };
        }
        out
    }
}

fn version(word: &str) -> Version {
    Version(word.strip_prefix('v').unwrap().parse().unwrap())
}

fn resource(of: TypeUrl, word: &str) -> Resource<()> {
    let (word, children) = word
        .split_once('>')
        .map_or((word, None), |(w, c)| (w, Some(c)));
    let (name, at) = word.split_once('@').unwrap();
    let children = match children {
        Some(names) => Children::Named(names.split(',').map(Arc::from).collect()),
        None if of == TypeUrl::Cluster => Children::SameName,
        None => Children::None,
    };
    Resource {
        name: name.into(),
        version: version(at),
        body: (),
        children,
    }
}

/// Reads `subscribe NAME … kept NAME@VERSION … unsubscribe NAME …`.
fn subscriptions(request: &mut Request, words: &str) {
    let mut mode = "";
    for word in words.split_whitespace() {
        match (word, mode) {
            ("subscribe" | "unsubscribe" | "kept", _) => mode = word,
            (_, "subscribe") => request.subscribe.push(word.into()),
            (_, "unsubscribe") => request.unsubscribe.push(word.into()),
            (_, "kept") => {
                let (name, at) = word.split_once('@').unwrap();
                let at = at
                    .strip_prefix('?')
                    .map_or_else(|| version(at).to_string(), Into::into);
                request.initial_resource_versions.push((name.into(), at));
            }
            _ => panic!("stray word {word}"),
        }
    }
}

/// The script again, with what the session does now.
fn play(script: &str) -> String {
    let mut player = Player::new();
    let (mut out, mut said, mut below) = (String::new(), String::new(), false);
    for line in script.lines() {
        if below && !line.is_empty() {
            continue;
        }
        below = line == "----";
        if below {
            out.push_str("----\n");
            out.push_str(&std::mem::take(&mut said));
            continue;
        }
        out.push_str(line);
        out.push('\n');
        if !line.is_empty() && !line.starts_with('#') {
            said.push_str(&player.run(line));
        }
    }
    assert!(
        said.is_empty(),
        "the script ends without a rule; left over:\n{said}"
    );
    out
}

#[test]
fn every_script_plays_as_recorded() {
    let mut scripts: Vec<_> = std::fs::read_dir("tests/scripts")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for path in scripts {
        let script = std::fs::read_to_string(&path).unwrap();
        golden::check(&path, &play(&script));
    }
}
