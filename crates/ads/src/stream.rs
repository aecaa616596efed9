//! One stream: waits for whatever comes next and hands it on. Holds no rule of the protocol or the mesh.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tonic::{Status, Streaming};
use tribune_acl::{Access, Permission};
use tribune_delta::{Nonce, Request, Response, TypeUrl};
use tribune_derived::{Key, Sink, Subscription};
use tribune_leaf::{Leaf, Subject};
use tribune_proxycfg::Need;
use tribune_types::{ServiceName, Token};

use crate::convert::{Payload, resource_type};
use crate::mailbox::Mailbox;
use crate::node::Introduction;
use crate::registry::Connected;
use crate::service::Shared;
use crate::wire::DeltaRequest;

/// How many characters of a client's words go into a log.
const EXCERPT: usize = 1000;

/// A stream and everything that lasts as long as it does.
pub(crate) struct Stream {
    shared: Arc<Shared>,
    token: Token,
    connected: Arc<Connected>,
    requests: Streaming<DeltaRequest>,
    mailbox: Arc<Mailbox>,
    subscriptions: HashMap<Key, Subscription>,
    leaf: Option<(Subject, tribune_leaf::Subscription)>,
    stopping: watch::Receiver<bool>,
    /// When the client must have said who it is, then when its token is looked at again.
    deadline: Instant,
    ended: bool,
}

/// What a stream waits for.
enum Event {
    Request(Box<DeltaRequest>),
    Closed,
    Broken(Status),
    Delivered,
    Leaf(Arc<Leaf>),
    Deadline,
    Unanswered,
    Stopping,
}

// === impl Stream ===

impl Stream {
    pub(crate) fn new(
        shared: Arc<Shared>,
        token: Token,
        connected: Arc<Connected>,
        requests: Streaming<DeltaRequest>,
    ) -> Self {
        Self {
            stopping: shared.stopping.subscribe(),
            deadline: Instant::now() + shared.config.limits.introduce_within,
            shared,
            token,
            connected,
            requests,
            mailbox: Arc::default(),
            subscriptions: HashMap::new(),
            leaf: None,
            ended: false,
        }
    }

    /// The next response; the last item is an error where the server ends the stream.
    pub(crate) async fn next(&mut self) -> Option<Result<Response<Payload>, Status>> {
        if self.ended {
            return None;
        }
        let next = self.respond().await.transpose();
        match &next {
            None => self.log_end(None),
            Some(Err(status)) => self.log_end(Some(status)),
            Some(Ok(_)) => return next,
        }
        self.ended = true;
        next
    }

    async fn respond(&mut self) -> Result<Option<Response<Payload>>, Status> {
        loop {
            let response = self.connected.pipeline().poll_transmit();
            if response.is_some() {
                return Ok(response);
            }
            match self.event().await {
                Event::Request(request) => self.handle_request(*request)?,
                Event::Closed => return Ok(None),
                Event::Broken(status) => return Err(status),
                Event::Delivered => self.handle_delivered()?,
                Event::Leaf(leaf) => self.connected.pipeline().handle_leaf(now(), &leaf),
                Event::Deadline => self.handle_deadline()?,
                Event::Unanswered => {
                    let late = self.connected.pipeline().handle_timeout(now());
                    late.map_err(|error| Status::deadline_exceeded(error.to_string()))?;
                }
                Event::Stopping => return Err(Status::unavailable("the server is stopping")),
            }
        }
    }

    async fn event(&mut self) -> Event {
        // A client that never stops talking gives way to others now and then.
        tokio::task::coop::consume_budget().await;
        let unanswered = self.connected.pipeline().poll_timeout();
        let leaf = async {
            match &mut self.leaf {
                Some((_, subscription)) => subscription.next().await,
                None => std::future::pending().await,
            }
        };
        let late = async {
            match unanswered {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => Event::Stopping,
            request = self.requests.message() => match request {
                Ok(Some(request)) => Event::Request(Box::new(request)),
                Ok(None) => Event::Closed,
                Err(status) => Event::Broken(status),
            },
            () = self.mailbox.filled() => Event::Delivered,
            leaf = leaf => Event::Leaf(leaf),
            () = late => Event::Unanswered,
            () = sleep_until(self.deadline) => Event::Deadline,
        }
    }

    fn handle_request(&mut self, request: DeltaRequest) -> Result<(), Status> {
        if request.type_url.is_empty() {
            return Err(Status::invalid_argument("type URL is required for ADS"));
        }
        if let Some(node) = &request.node
            && self.connected.pipeline().introduction().is_none()
        {
            let config = &self.shared.config;
            let who = Introduction::read(node, &config.node_name, config.limits.name_bytes)?;
            tracing::debug!(
                proxy = %who.instance, envoy = who.envoy_version.as_deref(),
                client = ?self.connected.client, "xDS stream opened"
            );
            self.connected.pipeline().introduce(who);
            self.deadline = Instant::now() + config.limits.authorize_every;
            self.handle_delivered()?;
        }
        if self.connected.pipeline().snapshot().is_some() {
            self.authorize()?;
        }
        let Some(type_url) = TypeUrl::parse(&request.type_url) else {
            tracing::debug!(
                type_url = excerpt(&request.type_url),
                "xDS type that is not served, ignored"
            );
            return Ok(());
        };
        self.log_rejection(type_url, &request);
        let handled = self
            .connected
            .pipeline()
            .handle_request(now(), plain(type_url, request));
        handled.map_err(|error| Status::resource_exhausted(error.to_string()))
    }

    /// Brings everything up to what the source has delivered.
    fn handle_delivered(&mut self) -> Result<(), Status> {
        let mut wanted = true;
        while wanted {
            let values = self.mailbox.take();
            self.connected.pipeline().handle_updates(values);
            wanted = self.subscribe();
        }
        let Some(snapshot) = self.connected.pipeline().changed_snapshot() else {
            return Ok(());
        };
        self.authorize_for(&snapshot.registration.proxy.identity())?;
        let proxy = &snapshot.registration.proxy;
        let subject = Subject::service(&proxy.identity(), &proxy.datacenter, self.token.clone());
        if self
            .leaf
            .as_ref()
            .is_none_or(|(known, _)| *known != subject)
        {
            let subscription = self.shared.config.leaves.subscribe(&subject);
            self.leaf = Some((subject, subscription));
        }
        let mut memo = self.shared.memo();
        self.connected
            .pipeline()
            .configure(now(), snapshot, &mut memo);
        Ok(())
    }

    /// Subscribes as the pipeline needs. Whether it did: values may be there already then.
    fn subscribe(&mut self) -> bool {
        let mut changed = false;
        loop {
            let need = self.connected.pipeline().poll_need();
            match need {
                None => return changed,
                Some(Need::Subscribe(key)) => {
                    let sink: Arc<dyn Sink> = self.mailbox.clone();
                    let subscription =
                        self.shared
                            .config
                            .source
                            .subscribe(&key, &self.token, &sink);
                    self.subscriptions.insert(key, subscription);
                }
                Some(Need::Unsubscribe(key)) => {
                    self.subscriptions.remove(&key);
                }
            }
            changed = true;
        }
    }

    fn handle_deadline(&mut self) -> Result<(), Status> {
        if self.connected.pipeline().introduction().is_none() {
            return Err(Status::invalid_argument(
                "no request carried the proxy's node",
            ));
        }
        self.deadline = Instant::now() + self.shared.config.limits.authorize_every;
        self.authorize()
    }

    /// Asks whether the token may still do what the stream does.
    fn authorize(&self) -> Result<(), Status> {
        let snapshot = self.connected.pipeline().snapshot().cloned();
        match snapshot {
            Some(snapshot) => self.authorize_for(&snapshot.registration.proxy.identity()),
            None => self.shared.authorize_any(&self.token),
        }
    }

    fn authorize_for(&self, identity: &ServiceName) -> Result<(), Status> {
        let permission = Permission::Service(identity, Access::Write);
        if self.shared.authorizer(&self.token)?.allows(permission) {
            return Ok(());
        }
        Err(Status::permission_denied(format!(
            "Permission denied: the token lacks {permission}"
        )))
    }

    /// One line for each response that is refused; a client that refuses what it never got gets none.
    fn log_rejection(&self, type_url: TypeUrl, request: &DeltaRequest) {
        let Some(error) = &request.error_detail else {
            return;
        };
        let pipeline = self.connected.pipeline();
        let nonce = Nonce::parse(&request.response_nonce);
        if nonce.is_some_and(|nonce| pipeline.awaits(type_url, nonce)) {
            let proxy = pipeline.introduction().map(|who| who.instance.to_string());
            let (kind, reason) = (resource_type(type_url).as_str(), excerpt(&error.message));
            tracing::warn!(proxy, kind, reason, "a proxy rejected its configuration");
        }
    }

    fn log_end(&self, status: Option<&Status>) {
        let proxy = self
            .connected
            .pipeline()
            .introduction()
            .map(|who| who.instance.to_string());
        let client = self.connected.client;
        match status {
            None => tracing::debug!(proxy, ?client, "xDS stream closed by its client"),
            Some(status) => {
                let (code, reason) = (status.code(), status.message());
                tracing::info!(proxy, ?client, ?code, reason, "xDS stream ended");
            }
        }
    }
}

/// As much of a client's words as goes into a log.
fn excerpt(text: &str) -> &str {
    text.char_indices()
        .nth(EXCERPT)
        .and_then(|(end, _)| text.get(..end))
        .unwrap_or(text)
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

fn plain(type_url: TypeUrl, request: DeltaRequest) -> Request {
    Request {
        type_url,
        nonce: Nonce::parse(&request.response_nonce),
        error: request.error_detail.map(|detail| detail.message),
        subscribe: request.resource_names_subscribe,
        unsubscribe: request.resource_names_unsubscribe,
        initial_resource_versions: request.initial_resource_versions.into_iter().collect(),
    }
}
