//! A server's end of an agent's stream of derived values.
//!
//! Invariant: what is not sent yet is at most the latest value of each key, however slow the agent reads.

mod mailbox;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use tonic::{Status, Streaming};
use tribune_derived::{Sink, Source, Subscription, Value};
use tribune_proto::rpc::v1::{
    WatchRequest, WatchResponse, watch_request as asked, watch_response as told,
};
use tribune_types::Token;

use crate::convert::key;
use crate::encodings::{Encodings, Shared};
use mailbox::{Mailbox, Slot};

/// How many requests are handled before values are sent again, so that neither can hold up the other.
const REQUESTS_AT_ONCE: usize = 32;

/// What an agent subscribed to and what it has. It works as it is polled: an agent that reads nothing costs
/// nothing.
pub(crate) struct Watch {
    requests: Streaming<WatchRequest>,
    source: Arc<dyn Source>,
    encodings: Arc<Encodings>,
    mailbox: Arc<Mailbox>,
    subscriptions: HashMap<u64, Watched>,
    limit: usize,
    greeted: bool,
    /// Ready when the stream has to end.
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
}

struct Watched {
    #[expect(dead_code, reason = "ends the subscription when it is dropped")]
    subscription: Subscription,
    has: Has,
}

/// What an agent has of a key.
enum Has {
    /// A value of another stream, of which only the hash is known; empty where it has none. It has not been
    /// told yet whether that is current.
    Hash(Bytes),
    /// What this stream sent.
    Sent(Shared),
}

// === impl Watch ===

impl Watch {
    /// Serves a stream until either side ends it or `ended` is ready.
    pub(crate) fn new(
        requests: Streaming<WatchRequest>,
        source: Arc<dyn Source>,
        encodings: Arc<Encodings>,
        limit: usize,
        ended: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self {
            requests,
            source,
            encodings,
            mailbox: Arc::default(),
            subscriptions: HashMap::new(),
            limit,
            greeted: false,
            ended: Box::pin(ended),
        }
    }

    fn handle(&mut self, request: WatchRequest) -> Result<(), Status> {
        match request.message {
            Some(asked::Message::Hello(_)) if !self.greeted => {
                self.greeted = true;
                Ok(())
            }
            Some(asked::Message::Subscribe(asked)) if self.greeted => self.subscribe(asked),
            Some(asked::Message::Unsubscribe(asked::Unsubscribe { id })) if self.greeted => {
                self.mailbox.close(id);
                self.subscriptions.remove(&id);
                Ok(())
            }
            Some(asked::Message::Hello(_)) => Err(Status::invalid_argument(
                "only the first message is a hello",
            )),
            Some(asked::Message::Subscribe(_) | asked::Message::Unsubscribe(_)) => Err(
                Status::invalid_argument("the first message must be a hello"),
            ),
            // a newer minor version may say more than this one understands
            None => Ok(()),
        }
    }

    fn subscribe(&mut self, asked: asked::Subscribe) -> Result<(), Status> {
        let key = key(asked.key).map_err(|error| Status::invalid_argument(error.to_string()))?;
        if self.subscriptions.contains_key(&asked.id) {
            let why = format!("subscription {} exists already", asked.id);
            return Err(Status::invalid_argument(why));
        }
        if self.subscriptions.len() >= self.limit {
            let why = format!("one agent can have {} subscriptions", self.limit);
            return Err(Status::resource_exhausted(why));
        }
        self.mailbox.open(asked.id);
        let sink: Arc<dyn Sink> = Arc::new(Slot::new(self.mailbox.clone(), asked.id));
        let token = Token::from(asked.token.as_str());
        let watched = Watched {
            subscription: self.source.subscribe(&key, &token, &sink),
            has: Has::Hash(asked.hash),
        };
        self.subscriptions.insert(asked.id, watched);
        Ok(())
    }

    /// What the agent has to be told about a value, if anything.
    fn tell(&mut self, id: u64, value: &Value) -> Option<WatchResponse> {
        let watched = self.subscriptions.get_mut(&id)?;
        let new = self.encodings.encode(value);
        let change = match &watched.has {
            Has::Hash(hash) if *hash == new.hash => {
                Some(told::Change::Unchanged(told::Unchanged {}))
            }
            Has::Sent(sent) if sent.hash == new.hash => None,
            Has::Sent(sent) => match new.difference(sent) {
                Some(difference) => Some(told::Change::Difference((*difference).clone())),
                None => Some(full(&new)),
            },
            Has::Hash(_) => Some(full(&new)),
        };
        watched.has = Has::Sent(new);
        Some(WatchResponse {
            id,
            change: Some(change?),
        })
    }
}

fn full(value: &Shared) -> told::Change {
    told::Change::Full(told::Full {
        hash: value.hash.clone(),
        value: value.bytes.clone(),
    })
}

impl Stream for Watch {
    type Item = Result<WatchResponse, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended.as_mut().poll(cx).is_ready() {
            let why = "this server is stopping: ask another one";
            return Poll::Ready(Some(Err(Status::unavailable(why))));
        }
        for handled in 1.. {
            match Pin::new(&mut this.requests).poll_next(cx) {
                Poll::Ready(Some(Ok(request))) => {
                    if let Err(status) = this.handle(request) {
                        return Poll::Ready(Some(Err(status)));
                    }
                }
                Poll::Ready(Some(Err(status))) => return Poll::Ready(Some(Err(status))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => break,
            }
            if handled == REQUESTS_AT_ONCE {
                cx.waker().wake_by_ref();
                break;
            }
        }
        while let Some((id, value)) = this.mailbox.take(cx) {
            if let Some(response) = this.tell(id, &value) {
                return Poll::Ready(Some(Ok(response)));
            }
        }
        Poll::Pending
    }
}
