//! Random interleavings of a client, a server and a slow network between them.
//!
//! The client keeps two ledgers as Envoy does: what it applied, and what it would claim to hold after a
//! reconnect. It refuses versions that are [`bad`]: either all of a response or, as Envoy with
//! listeners and clusters, only the bad ones, which it then names.

#![expect(clippy::unwrap_used, reason = "what a test sets up is there")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use tribune_delta::{
    Children, Limits, Request, Resource, ResourceSet, Response, Session, State, TypeUrl, Version,
};

type Name = Arc<str>;
/// What a resource refers to: a listener to clusters.
type Body = Arc<[Name]>;
type Key = (TypeUrl, Name);

fn name(number: u8) -> Name {
    format!("n{number}").into()
}

/// Whether clients refuse this version.
fn bad(version: Version) -> bool {
    version.0.is_multiple_of(5)
}

#[derive(Clone, Debug)]
enum Step {
    /// The proxy's resources of a type become these.
    World(TypeUrl, BTreeMap<u8, u8>),
    Subscribe(TypeUrl, Vec<u8>),
    SubscribeAll(TypeUrl),
    Unsubscribe(TypeUrl, Vec<u8>),
    UnsubscribeAll(TypeUrl),
    /// The server reads a request.
    ToServer,
    /// The client reads a response.
    ToClient,
    Reconnect,
}

#[derive(Default)]
struct Wants {
    all: bool,
    names: BTreeSet<Name>,
}

/// How a client refuses.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    /// The whole response, naming nothing.
    Whole,
    /// Bad resources only, by name.
    Named,
}

struct Client {
    refusal: Refusal,
    wants: BTreeMap<TypeUrl, Wants>,
    applied: BTreeMap<Key, (Version, Body)>,
    /// What it claims to hold.
    ledger: BTreeMap<Key, Version>,
    /// Requests sent on this stream.
    sent: usize,
    /// Names given up on this stream, by the number of the request that said so.
    given_up: BTreeMap<Key, usize>,
    /// Versions refused, ever.
    refused: BTreeSet<(Key, u64)>,
}

impl Client {
    fn wants(&self, kind: TypeUrl, name: &Name) -> bool {
        self.wants
            .get(&kind)
            .is_some_and(|wants| wants.all || wants.names.contains(name))
    }
}

struct Stream {
    now: Instant,
    session: Session<Body>,
    world: BTreeMap<TypeUrl, BTreeMap<Name, Resource<Body>>>,
    client: Client,
    requests: VecDeque<Request>,
    /// Responses and how many requests the server had read before each.
    responses: VecDeque<(Response<Body>, usize)>,
    read: usize,
    /// Responses that the server has not read an answer to.
    unanswered: BTreeMap<TypeUrl, Response<Body>>,
    /// What the server has been told is refused, and must not send.
    must_not: BTreeMap<Key, Version>,
}

impl Stream {
    fn new(refusal: Refusal) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "an Instant has no other beginning"
        )]
        let now = Instant::now();
        let client = Client {
            refusal,
            wants: BTreeMap::new(),
            applied: BTreeMap::new(),
            ledger: BTreeMap::new(),
            sent: 0,
            given_up: BTreeMap::new(),
            refused: BTreeSet::new(),
        };
        let mut stream = Self {
            now,
            session: Session::new(Limits::default()),
            world: TypeUrl::ALL
                .into_iter()
                .map(|kind| (kind, BTreeMap::new()))
                .collect(),
            client,
            requests: VecDeque::new(),
            responses: VecDeque::new(),
            read: 0,
            unanswered: BTreeMap::new(),
            must_not: BTreeMap::new(),
        };
        stream.hand_in_everything();
        stream
    }

    fn hand_in_everything(&mut self) {
        for (kind, resources) in &self.world {
            let set = ResourceSet {
                changed: resources.values().cloned().collect(),
                removed: vec![],
            };
            self.session.handle_resources(self.now, *kind, set);
        }
    }

    /// Replaces the resources of some types at once.
    fn world(&mut self, worlds: Vec<(TypeUrl, BTreeMap<Name, Resource<Body>>)>) {
        for (kind, new) in worlds {
            let old = self.world.insert(kind, new.clone()).unwrap();
            let mut set = ResourceSet::default();
            for (name, resource) in &new {
                if old
                    .get(name)
                    .is_none_or(|old| old.version != resource.version)
                {
                    self.must_not.remove(&(kind, name.clone()));
                    set.changed.push(resource.clone());
                }
            }
            for name in old.keys().filter(|name| !new.contains_key(*name)) {
                self.must_not.remove(&(kind, name.clone()));
                set.removed.push(name.clone());
            }
            self.session.handle_resources(self.now, kind, set);
        }
        self.drain();
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::World(kind, new) => {
                let resource = |(number, version): (u8, u8)| {
                    let name = name(number);
                    let children = match kind {
                        TypeUrl::Cluster => Children::SameName,
                        TypeUrl::Listener => Children::Named([name.clone()].into()),
                        _ => Children::None,
                    };
                    let version = Version(version.into());
                    (
                        name.clone(),
                        Resource {
                            name,
                            version,
                            body: [].into(),
                            children,
                        },
                    )
                };
                self.world(vec![(kind, new.into_iter().map(resource).collect())]);
            }
            Step::Subscribe(kind, numbers) => {
                let names: Vec<Name> = numbers.into_iter().map(name).collect();
                self.change(kind, &names, &[]);
            }
            Step::SubscribeAll(kind) => self.change(kind, &["*".into()], &[]),
            Step::Unsubscribe(kind, numbers) => {
                let names: Vec<Name> = numbers.into_iter().map(name).collect();
                self.change(kind, &[], &names);
            }
            Step::UnsubscribeAll(kind) => self.change(kind, &[], &["*".into()]),
            Step::ToServer => self.server_reads(),
            Step::ToClient => self.client_reads(),
            Step::Reconnect => self.reconnect(),
        }
    }

    /// The client changes its mind and says so.
    fn change(&mut self, kind: TypeUrl, subscribe: &[Name], unsubscribe: &[Name]) {
        let first = !self.client.wants.contains_key(&kind);
        if first && subscribe.is_empty() {
            return;
        }
        let wants = self.client.wants.entry(kind).or_default();
        for name in subscribe {
            if &**name == "*" {
                wants.all = true;
            } else {
                wants.names.insert(name.clone());
            }
        }
        for name in unsubscribe {
            if &**name == "*" {
                wants.all = false;
            } else {
                wants.names.remove(name);
            }
        }
        let mut request = Request::new(kind);
        request.subscribe = subscribe.iter().map(ToString::to_string).collect();
        request.unsubscribe = unsubscribe.iter().map(ToString::to_string).collect();
        self.send(request);
        self.give_up(kind);
    }

    /// Drops what the client no longer wants.
    fn give_up(&mut self, kind: TypeUrl) {
        let gone: Vec<Key> = (self.client.applied.keys().chain(self.client.ledger.keys()))
            .filter(|(of, name)| *of == kind && !self.client.wants(kind, name))
            .cloned()
            .collect();
        for key in gone {
            self.client.applied.remove(&key);
            self.client.ledger.remove(&key);
            self.client.given_up.insert(key, self.client.sent);
        }
    }

    fn send(&mut self, request: Request) {
        self.client.sent += 1;
        self.requests.push_back(request);
    }

    fn server_reads(&mut self) {
        let Some(request) = self.requests.pop_front() else {
            return;
        };
        self.read += 1;
        let kind = request.type_url;
        for name in request.subscribe.iter().chain(&request.unsubscribe) {
            if name == "*" {
                self.must_not.retain(|(of, _), _| *of != kind);
            } else {
                self.must_not.remove(&(kind, name.as_str().into()));
            }
        }
        let answered = self
            .unanswered
            .get(&kind)
            .is_some_and(|r| Some(r.nonce) == request.nonce);
        if answered {
            let response = self.unanswered.remove(&kind).unwrap();
            if let Some(error) = &request.error {
                for resource in response.resources {
                    let current = self.world[&kind].get(&resource.name).map(|r| r.version);
                    let named = error.contains(&format!("{}: ", resource.name));
                    if current == Some(resource.version) && (named || error == "no") {
                        // only what the session says it remembers: a later wish may have undone it
                        self.must_not
                            .insert((kind, resource.name), resource.version);
                    }
                }
            }
        }
        self.session.handle_request(self.now, request).unwrap();
        if answered {
            let rejected: BTreeSet<Key> = (self.session.statuses())
                .filter(|status| matches!(status.state, State::Rejected { .. }))
                .map(|status| (status.type_url, status.name.clone()))
                .collect();
            self.must_not.retain(|key, _| rejected.contains(key));
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(response) = self.session.poll_transmit() {
            let kind = response.type_url;
            assert!(
                !self.unanswered.contains_key(&kind),
                "two unanswered responses of {kind:?}"
            );
            if matches!(kind, TypeUrl::Listener | TypeUrl::Route) {
                for made in [TypeUrl::Cluster, TypeUrl::Endpoint] {
                    assert!(
                        !self.unanswered.contains_key(&made),
                        "{kind:?} before {made:?}"
                    );
                }
            } else if !response.removed.is_empty() {
                for switched in [TypeUrl::Listener, TypeUrl::Route] {
                    assert!(
                        !self.unanswered.contains_key(&switched),
                        "{kind:?} broken early"
                    );
                }
            }
            for resource in &response.resources {
                let key = (kind, resource.name.clone());
                assert_ne!(
                    self.must_not.get(&key),
                    Some(&resource.version),
                    "{key:?} sent again"
                );
                assert_eq!(
                    self.world[&kind][&resource.name].version, resource.version,
                    "outdated"
                );
            }
            self.unanswered.insert(kind, response.clone());
            self.responses.push_back((response, self.read));
        }
    }

    fn client_reads(&mut self) {
        let Some((response, read)) = self.responses.pop_front() else {
            return;
        };
        let kind = response.type_url;
        let mut answer = Request::new(kind);
        answer.nonce = Some(response.nonce);
        let refused: Vec<&Resource<Body>> = response
            .resources
            .iter()
            .filter(|resource| bad(resource.version))
            .collect();
        for name in &response.removed {
            let key = (kind, name.clone());
            let crossed = self
                .client
                .given_up
                .get(&key)
                .is_some_and(|request| *request > read);
            let held =
                self.client.ledger.contains_key(&key) || self.client.applied.contains_key(&key);
            assert!(crossed || held, "{key:?} was never held");
        }
        let whole = matches!(self.client.refusal, Refusal::Whole) && !refused.is_empty();
        if !whole {
            for resource in response
                .resources
                .iter()
                .filter(|resource| !bad(resource.version))
            {
                if self.client.wants(kind, &resource.name) {
                    let key = (kind, resource.name.clone());
                    let held = (resource.version, resource.body.clone());
                    self.client.applied.insert(key.clone(), held);
                    if refused.is_empty() {
                        self.client.ledger.insert(key, resource.version);
                    }
                }
            }
            for name in &response.removed {
                let key = (kind, name.clone());
                self.client.applied.remove(&key);
                if refused.is_empty() {
                    self.client.ledger.remove(&key);
                }
            }
        }
        if !refused.is_empty() {
            let said: Vec<String> = refused
                .iter()
                .map(|resource| format!("{}: bad", resource.name))
                .collect();
            answer.error = Some(match self.client.refusal {
                Refusal::Whole => "no".to_owned(),
                Refusal::Named => format!("Error adding/updating cluster(s) {}", said.join(", ")),
            });
            for resource in &response.resources {
                let key = (kind, resource.name.clone());
                self.client.refused.insert((key, resource.version.0));
            }
        }
        self.send(answer);
    }

    /// The connection breaks: what is on its way is lost, and the client says what it kept.
    fn reconnect(&mut self) {
        (self.read, self.client.sent) = (0, 0);
        self.requests.clear();
        self.responses.clear();
        self.unanswered.clear();
        self.must_not.clear();
        self.client.given_up.clear();
        // What it applied of a response that it refused, and was not told again before the connection broke,
        // no server can know on a new stream: it is taken for what the client claims.
        let Client {
            ledger, applied, ..
        } = &mut self.client;
        applied.retain(|key, _| ledger.contains_key(key));
        for (key, version) in ledger.iter() {
            let held = applied
                .entry(key.clone())
                .or_insert_with(|| (*version, [].into()));
            held.0 = *version;
        }
        self.session = Session::new(Limits::default());
        self.hand_in_everything();
        // A client that wants nothing of a type any more does not mention it.
        self.client
            .wants
            .retain(|_, wants| wants.all || !wants.names.is_empty());
        let requests: Vec<Request> = (self.client.wants.iter())
            .map(|(kind, wants)| {
                let mut request = Request::new(*kind);
                request.subscribe = wants.names.iter().map(ToString::to_string).collect();
                if wants.all && !wants.names.is_empty() {
                    request.subscribe.push("*".to_owned());
                }
                request.initial_resource_versions = (self.client.ledger.iter())
                    .filter(|((of, _), _)| of == kind)
                    .map(|((_, name), version)| (name.to_string(), version.to_string()))
                    .collect();
                request
            })
            .collect();
        requests.into_iter().for_each(|request| self.send(request));
    }

    /// Lets everything arrive.
    fn settle(&mut self) {
        for _ in 0..1000 {
            if self.requests.is_empty() && self.responses.is_empty() {
                return;
            }
            self.server_reads();
            self.client_reads();
        }
        panic!("the stream never comes to rest");
    }

    /// The client has what exists and what it wants, but for what it refused.
    fn check_settled(&self) {
        for (kind, resources) in &self.world {
            for (name, resource) in resources
                .iter()
                .filter(|(name, _)| self.client.wants(*kind, name))
            {
                let key = (*kind, name.clone());
                let applied = self.client.applied.get(&key).map(|(version, _)| *version);
                if applied == Some(resource.version) {
                    let claimed = self.client.ledger.get(&key).copied();
                    assert_eq!(claimed, applied, "{key:?} would be claimed otherwise");
                    continue;
                }
                let status = self
                    .session
                    .statuses()
                    .find(|s| s.type_url == *kind && s.name == name);
                let rejected = matches!(status.unwrap().state, State::Rejected { .. });
                assert!(
                    rejected,
                    "{key:?}: has {applied:?}, should have {:?}",
                    resource.version
                );
                assert!(self.client.refused.contains(&(key, resource.version.0)));
            }
        }
        for (kind, name) in self.client.applied.keys().chain(self.client.ledger.keys()) {
            assert!(
                self.world[kind].contains_key(name),
                "{kind:?} {name} should be gone"
            );
        }
        for status in self.session.statuses() {
            let idle = matches!(status.state, State::Sent | State::Stale);
            assert!(!idle, "{status:?} after everything arrived");
        }
    }

    /// Memory: what exists, what is subscribed, and what is held or on its way, all bounded by the names
    /// that the test uses.
    fn check_memory(&self) {
        let mut names: BTreeSet<Key> = BTreeSet::new();
        for (kind, resources) in &self.world {
            names.extend(resources.keys().map(|name| (*kind, name.clone())));
        }
        for (kind, wants) in &self.client.wants {
            names.extend(wants.names.iter().map(|name| (*kind, name.clone())));
        }
        names.extend(self.client.ledger.keys().cloned());
        names.extend(self.client.applied.keys().cloned());
        assert!(self.session.tracked() <= names.len(), "more than {names:?}");
    }
}

fn kinds() -> impl Strategy<Value = TypeUrl> {
    prop::sample::select(TypeUrl::ALL.to_vec())
}

fn numbers() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..5_u8, 1..3)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (kinds(), prop::collection::btree_map(0..5_u8, 1..11_u8, 0..5))
            .prop_map(|(kind, new)| Step::World(kind, new)),
        2 => (kinds(), numbers()).prop_map(|(kind, names)| Step::Subscribe(kind, names)),
        1 => kinds().prop_map(Step::SubscribeAll),
        1 => (kinds(), numbers()).prop_map(|(kind, names)| Step::Unsubscribe(kind, names)),
        1 => kinds().prop_map(Step::UnsubscribeAll),
        8 => Just(Step::ToServer),
        8 => Just(Step::ToClient),
        2 => Just(Step::Reconnect),
    ]
}

/// A consistent proxy: listeners, each with the clusters it refers to, and just those clusters.
fn mesh() -> impl Strategy<Value = BTreeMap<u8, BTreeSet<u8>>> {
    prop::collection::btree_map(0..3_u8, prop::collection::btree_set(0..5_u8, 0..3), 0..3)
}

fn resources_of(
    mesh: &BTreeMap<u8, BTreeSet<u8>>,
) -> Vec<(TypeUrl, BTreeMap<Name, Resource<Body>>)> {
    let (mut clusters, mut listeners) = (BTreeMap::new(), BTreeMap::new());
    for (number, refers) in mesh {
        let body: Body = refers.iter().map(|number| name(*number)).collect();
        let version = Version(
            refers
                .iter()
                .fold(1, |hash, number| hash * 7 + u64::from(*number))
                * 5
                + 1,
        );
        let listener = Resource {
            name: name(*number),
            version,
            body,
            children: Children::None,
        };
        listeners.insert(name(*number), listener);
        for number in refers {
            let cluster = Resource {
                name: name(*number),
                version: Version(1),
                body: [].into(),
                children: Children::SameName,
            };
            clusters.insert(name(*number), cluster);
        }
    }
    vec![(TypeUrl::Listener, listeners), (TypeUrl::Cluster, clusters)]
}

fn run(refusal: Refusal, steps: Vec<Step>) {
    let mut stream = Stream::new(refusal);
    for step in steps {
        stream.step(step);
    }
    stream.settle();
    stream.check_settled();
    stream.check_memory();
    stream.reconnect();
    stream.settle();
    stream.check_settled();
    stream.check_memory();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_client_that_refuses_whole_responses_ends_with_what_exists(
        steps in prop::collection::vec(step(), 0..60),
    ) {
        run(Refusal::Whole, steps);
    }

    #[test]
    fn a_client_that_refuses_single_resources_ends_with_what_exists(
        steps in prop::collection::vec(step(), 0..60),
    ) {
        run(Refusal::Named, steps);
    }

    #[test]
    fn no_listener_ever_refers_to_a_cluster_that_the_client_lacks(
        meshes in prop::collection::vec((mesh(), 0..6_usize, 0..6_usize, prop::bool::weighted(0.05)), 1..30),
    ) {
        let mut stream = Stream::new(Refusal::Whole);
        stream.change(TypeUrl::Cluster, &["*".into()], &[]);
        stream.change(TypeUrl::Listener, &["*".into()], &[]);
        let whole = |stream: &Stream| {
            for ((kind, name), (_, refers)) in &stream.client.applied {
                for cluster in refers.iter().filter(|_| *kind == TypeUrl::Listener) {
                    let key = (TypeUrl::Cluster, cluster.clone());
                    assert!(stream.client.applied.contains_key(&key), "{name} lacks {cluster}");
                }
            }
        };
        for (mesh, reads, writes, reconnect) in meshes {
            stream.world(resources_of(&mesh));
            (0..reads).for_each(|_| stream.server_reads());
            for _ in 0..writes {
                stream.client_reads();
                whole(&stream);
            }
            if reconnect {
                stream.reconnect();
            }
        }
        while !(stream.requests.is_empty() && stream.responses.is_empty()) {
            stream.server_reads();
            stream.client_reads();
            whole(&stream);
        }
        stream.check_settled();
    }
}
