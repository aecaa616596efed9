//! Subscriptions and what is known of their keys.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::Bytes;
use tribune_derived::{Endpoint, Endpoints, Key, Sink, Value};
use tribune_proto::rpc::v1::{
    WatchRequest, watch_request as asked,
    watch_response::{Difference, Full},
};
use tribune_types::{InstanceName, Token};

use crate::convert::{Malformed, decode_endpoint, decode_value, instance, key_message};

/// Subscriptions, and what the stream that is open has still to be told of them.
#[derive(Default)]
pub(super) struct State {
    ids: HashMap<(Key, Token), u64>,
    subscribed: BTreeMap<u64, Subscribed>,
    last_id: u64,
    /// Counts streams. Only the last one is told anything.
    stream: u64,
    /// Subscriptions that the stream does not know of.
    new: BTreeSet<u64>,
    /// Subscriptions that the stream should forget.
    gone: VecDeque<u64>,
    waker: Option<Waker>,
}

/// A key that somebody here wants, with a token.
struct Subscribed {
    key: Key,
    token: Token,
    value: Option<Value>,
    /// The hash that a server gave the value; empty where there is none.
    hash: Bytes,
    sinks: Vec<(u64, Arc<dyn Sink>)>,
}

// === impl State ===

impl State {
    /// Adds a subscriber, who gets what is known at once. Who wants the same with the same token as somebody
    /// else shares that one's subscription.
    pub(super) fn subscribe(
        &mut self,
        key: &Key,
        token: &Token,
        sink: &Arc<dyn Sink>,
    ) -> (u64, u64) {
        self.last_id += 1;
        let sink_id = self.last_id;
        let id = *self
            .ids
            .entry((key.clone(), token.clone()))
            .or_insert(sink_id);
        let subscribed = self.subscribed.entry(id).or_insert_with(|| {
            self.new.insert(id);
            Subscribed {
                key: key.clone(),
                token: token.clone(),
                value: None,
                hash: Bytes::new(),
                sinks: Vec::new(),
            }
        });
        subscribed.sinks.push((sink_id, sink.clone()));
        if let Some(value) = &subscribed.value {
            sink.deliver(key, value);
        }
        self.wake();
        (id, sink_id)
    }

    /// Takes a subscriber out; what is left of it is for the caller to drop.
    pub(super) fn unsubscribe(&mut self, id: u64, sink_id: u64) -> Option<Arc<dyn Sink>> {
        let subscribed = self.subscribed.get_mut(&id)?;
        let at = subscribed
            .sinks
            .iter()
            .position(|(known, _)| *known == sink_id)?;
        let (_, sink) = subscribed.sinks.swap_remove(at);
        if subscribed.sinks.is_empty()
            && let Some(gone) = self.subscribed.remove(&id)
        {
            self.ids.remove(&(gone.key, gone.token));
            // where the stream has not heard of it, it never will
            if !self.new.remove(&id) {
                self.gone.push_back(id);
                self.wake();
            }
        }
        Some(sink)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscribed.is_empty()
    }

    pub(super) fn key(&self, id: u64) -> Option<&Key> {
        self.subscribed.get(&id).map(|subscribed| &subscribed.key)
    }

    /// Begins a stream, which has to be told everything. The one before is told no more.
    pub(super) fn begin(&mut self) -> u64 {
        self.stream += 1;
        self.new = self.subscribed.keys().copied().collect();
        self.gone.clear();
        self.wake();
        self.stream
    }

    /// What a stream has to be told next; `Err` where another one took its place. Where there is nothing, the
    /// task is woken when there is.
    pub(super) fn next(
        &mut self,
        stream: u64,
        cx: &Context<'_>,
    ) -> Result<Option<WatchRequest>, ()> {
        if stream != self.stream {
            return Err(());
        }
        if let Some(id) = self.gone.pop_front() {
            return Ok(Some(request(asked::Message::Unsubscribe(
                asked::Unsubscribe { id },
            ))));
        }
        while let Some(id) = self.new.pop_first() {
            if let Some(subscribed) = self.subscribed.get(&id) {
                return Ok(Some(subscribed.request(id)));
            }
        }
        self.waker = Some(cx.waker().clone());
        Ok(None)
    }

    /// Takes a whole value. What comes for a subscription that is gone is not looked at.
    pub(super) fn replace(&mut self, id: u64, full: Full) -> Result<bool, Malformed> {
        if let Some(subscribed) = self.subscribed.get_mut(&id) {
            let value = decode_value(full.value)?;
            if !fits(&subscribed.key, &value) {
                let why = "it is of another kind than its key";
                return Err(Malformed::new("value", why));
            }
            subscribed.set(value, full.hash);
        }
        Ok(true)
    }

    /// Takes what differs in a list of endpoints; `false` where it differs from something that is not here.
    pub(super) fn apply(&mut self, id: u64, difference: Difference) -> Result<bool, Malformed> {
        let Some(subscribed) = self.subscribed.get_mut(&id) else {
            return Ok(true);
        };
        let Some(Value::Endpoints(old)) = &subscribed.value else {
            return Ok(false);
        };
        if subscribed.hash != difference.base {
            return Ok(false);
        }
        let put = difference.put.into_iter().map(decode_endpoint);
        let put = put.collect::<Result<Vec<_>, _>>()?;
        let gone = difference
            .gone
            .into_iter()
            .map(|name| instance("difference.gone", Some(name)));
        let gone = gone.collect::<Result<BTreeSet<_>, _>>()?;
        let value = Value::Endpoints(Arc::new(merge(old, put, &gone)));
        subscribed.set(value, difference.hash);
        Ok(true)
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A list in the order of names, with some in it replaced, added or gone.
fn merge(old: &Endpoints, put: Vec<Endpoint>, gone: &BTreeSet<InstanceName>) -> Endpoints {
    let mut endpoints = Vec::with_capacity(old.endpoints.len() + put.len());
    let mut put = put.into_iter().peekable();
    for endpoint in &old.endpoints {
        let name = &endpoint.instance;
        while let Some(new) = put.next_if(|new| new.instance < *name) {
            endpoints.push(new);
        }
        if let Some(new) = put.next_if(|new| new.instance == *name) {
            endpoints.push(new);
        } else if !gone.contains(name) {
            endpoints.push(endpoint.clone());
        }
    }
    endpoints.extend(put);
    Endpoints { endpoints }
}

/// Whether a value is of the kind that its key names.
const fn fits(key: &Key, value: &Value) -> bool {
    match key {
        Key::Proxy(_) => matches!(value, Value::Proxy(_)),
        Key::Endpoints(_) | Key::Subset(_) => matches!(value, Value::Endpoints(_)),
        Key::ServiceConfig(_) => matches!(value, Value::ServiceConfig(_)),
        Key::Chain(_) => matches!(value, Value::Chain(_)),
        Key::Intentions(_) => matches!(value, Value::Intentions(_)),
        Key::Roots => matches!(value, Value::Roots(_)),
        Key::Mesh => matches!(value, Value::Mesh(_)),
    }
}

const fn request(message: asked::Message) -> WatchRequest {
    WatchRequest {
        message: Some(message),
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("subscriptions", &self.subscribed.len())
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

// === impl Subscribed ===

impl Subscribed {
    fn request(&self, id: u64) -> WatchRequest {
        request(asked::Message::Subscribe(asked::Subscribe {
            id,
            key: Some(key_message(&self.key)),
            token: self.token.secret().to_owned(),
            hash: self.hash.clone(),
        }))
    }

    /// A value that is equal to what was here wakes nobody: another version of the server may only say it
    /// in other words.
    fn set(&mut self, value: Value, hash: Bytes) {
        self.hash = hash;
        if self.value.as_ref() == Some(&value) {
            return;
        }
        for (_, sink) in &self.sinks {
            sink.deliver(&self.key, &value);
        }
        self.value = Some(value);
    }
}

#[cfg(test)]
mod tests;
