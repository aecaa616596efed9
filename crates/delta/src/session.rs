//! One delta-ADS stream, seen from the server, as a plain value.
//!
//! Invariant: no I/O, no clock, no `async`, no protobuf. The driver hands in requests, resources
//! and `now`, then drains [`Session::poll_transmit`] before it waits for anything else.

use std::time::Instant;

use crate::limits::{Limits, RequestError, Unanswered};
use crate::message::{Children, Nonce, Request, ResourceSet, Response, TypeUrl};
use crate::status::ResourceStatus;
use crate::subscription::{Op, Subscription, WILDCARD};

/// What one stream has asked for, has been told, and must still be told.
///
/// `B` is what the caller sends as a resource's body.
#[derive(Debug)]
pub struct Session<B> {
    limits: Limits,
    /// In the order of [`TypeUrl::ALL`].
    subscriptions: [Subscription<B>; TypeUrl::ALL.len()],
    /// Last nonce handed out; nonces are unique per stream, not per type.
    last_nonce: Nonce,
    /// When the session was last told anything.
    now: Option<Instant>,
}

/// When a step may be taken. Make before break: what is referred to comes before what refers to it,
/// and goes after it.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// At any time.
    Make,
    /// When the client has answered for its clusters and endpoints.
    Switch,
    /// When it has answered for its listeners and routes too.
    Break,
}

/// The order of a stream ("Eventual consistency considerations" in the xDS protocol's description).
const STEPS: [(TypeUrl, Op, Stage); 9] = [
    (TypeUrl::Secret, Op::Upserts, Stage::Make),
    (TypeUrl::Cluster, Op::Upserts, Stage::Make),
    (TypeUrl::Endpoint, Op::Upserts, Stage::Make),
    // A new listener may need the port of one that goes, so they travel together.
    (TypeUrl::Listener, Op::Both, Stage::Switch),
    (TypeUrl::Route, Op::Upserts, Stage::Switch),
    (TypeUrl::Route, Op::Removals, Stage::Break),
    (TypeUrl::Cluster, Op::Removals, Stage::Break),
    (TypeUrl::Endpoint, Op::Removals, Stage::Break),
    (TypeUrl::Secret, Op::Removals, Stage::Break),
];

// === impl Session ===

impl<B> Session<B> {
    /// A stream on which nothing has been said.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            subscriptions: TypeUrl::ALL.map(Subscription::new),
            last_nonce: Nonce::default(),
            now: None,
        }
    }

    /// Takes one message: an acknowledgement, a rejection or neither, with or without a change of
    /// subscriptions.
    ///
    /// # Errors
    /// When the client asks for more than [`Limits`] allow; the stream is then to be ended.
    pub fn handle_request(&mut self, now: Instant, request: Request) -> Result<(), RequestError> {
        self.now = Some(now);
        let Request {
            type_url,
            nonce,
            error,
            subscribe,
            unsubscribe,
            initial_resource_versions,
        } = request;
        let limits = self.limits;
        let subscription = self.subscription_mut(type_url);
        if let Some(nonce) = nonce {
            subscription.answer(nonce, error.as_deref(), &limits);
        }
        let first = !subscription.is_registered();
        if first {
            let everything = subscribe.is_empty() || subscribe.iter().any(|name| name == WILDCARD);
            subscription.register(initial_resource_versions, everything, &limits)?;
        }
        subscription.unsubscribe(&unsubscribe);
        if !subscribe.is_empty() {
            subscription.subscribe(subscribe, first, &limits)?;
        }
        if first && let Some(parent) = type_url.parent() {
            // The client said what it kept before it saw the parents sent since, which need it again.
            for child in self.subscription(parent).children_of_sent() {
                self.subscription_mut(type_url).unsettle(&child);
            }
        }
        Ok(())
    }

    /// Whether this names the response of its type that the client has not answered yet.
    pub fn awaits(&self, type_url: TypeUrl, nonce: Nonce) -> bool {
        let unanswered = self.subscription(type_url).unanswered();
        unanswered.is_some_and(|(awaited, _)| awaited == nonce)
    }

    /// Takes the resources of one type: all the first time, then what changed. Nothing of a type is sent
    /// before. Hand in all types that changed together before the next [`Session::poll_transmit`].
    pub fn handle_resources(&mut self, now: Instant, type_url: TypeUrl, set: ResourceSet<B>) {
        self.now = Some(now);
        self.subscription_mut(type_url).supply(set);
    }

    /// When [`Session::handle_timeout`] wants to run next, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let since = self.unanswered().map(|unanswered| unanswered.1).min()?;
        since.checked_add(self.limits.answer_within)
    }

    /// Takes that time has passed.
    ///
    /// # Errors
    /// When the client has left a response unanswered for too long; the stream is then to be ended.
    pub fn handle_timeout(&self, now: Instant) -> Result<(), Unanswered> {
        let late =
            |since: Instant| now.saturating_duration_since(since) >= self.limits.answer_within;
        match self.unanswered().find(|(_, since)| late(*since)) {
            Some((unanswered, _)) => Err(unanswered),
            None => Ok(()),
        }
    }

    /// Every resource that the client wants, and how far it is, by type and name.
    pub fn statuses(&self) -> impl Iterator<Item = ResourceStatus<'_>> {
        self.subscriptions.iter().flat_map(Subscription::statuses)
    }

    /// How many names take memory: those that exist, are subscribed to, or are held by the client.
    pub fn tracked(&self) -> usize {
        self.subscriptions.iter().map(Subscription::tracked).sum()
    }

    fn unanswered(&self) -> impl Iterator<Item = (Unanswered, Instant)> {
        TypeUrl::ALL.into_iter().filter_map(|type_url| {
            let (nonce, since) = self.subscription(type_url).unanswered()?;
            Some((Unanswered { type_url, nonce }, since))
        })
    }

    fn is_open(&self, type_url: TypeUrl, stage: Stage) -> bool {
        let answered = |kind| self.subscription(kind).unanswered().is_none();
        let made = || answered(TypeUrl::Cluster) && answered(TypeUrl::Endpoint);
        match stage {
            Stage::Make => true,
            Stage::Switch => made(),
            Stage::Break => {
                made() && answered(TypeUrl::Listener) && answered(TypeUrl::Route)
                    || self
                        .subscription(type_url)
                        .withholds_more_than(self.limits.withheld_removals)
            }
        }
    }

    fn subscription(&self, type_url: TypeUrl) -> &Subscription<B> {
        let [secret, cluster, endpoint, listener, route] = &self.subscriptions;
        match type_url {
            TypeUrl::Secret => secret,
            TypeUrl::Cluster => cluster,
            TypeUrl::Endpoint => endpoint,
            TypeUrl::Listener => listener,
            TypeUrl::Route => route,
        }
    }

    fn subscription_mut(&mut self, type_url: TypeUrl) -> &mut Subscription<B> {
        let [secret, cluster, endpoint, listener, route] = &mut self.subscriptions;
        match type_url {
            TypeUrl::Secret => secret,
            TypeUrl::Cluster => cluster,
            TypeUrl::Endpoint => endpoint,
            TypeUrl::Listener => listener,
            TypeUrl::Route => route,
        }
    }
}

impl<B: Clone> Session<B> {
    /// Next message to send, in make-before-break order across types; none until something is handed in.
    pub fn poll_transmit(&mut self) -> Option<Response<B>> {
        let now = self.now?;
        let nonce = Nonce(self.last_nonce.0.wrapping_add(1));
        let (type_url, batch) = STEPS.into_iter().find_map(|(type_url, op, stage)| {
            if !self.is_open(type_url, stage) {
                return None;
            }
            let batch = self.subscription_mut(type_url).take(op, nonce, now)?;
            Some((type_url, batch))
        })?;
        self.last_nonce = nonce;
        if let Some(child) = type_url.child() {
            let children = self.subscription_mut(child);
            for parent in &batch.resources {
                match &parent.children {
                    Children::None => {}
                    Children::SameName => children.unsettle(&parent.name),
                    Children::Named(names) => names.iter().for_each(|name| children.unsettle(name)),
                }
            }
        }
        Some(Response {
            type_url,
            nonce,
            resources: batch.resources,
            removed: batch.removed,
        })
    }
}
