//! An answer with what its headers say.

use http::{HeaderMap, HeaderName};

/// The answer to a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// The answer itself.
    pub value: T,
    /// Its index, for the next blocking query; 0 for an endpoint that cannot block.
    pub index: u64,
    /// Hash of its content, where the endpoint blocks by hash; else empty.
    pub content_hash: String,
    /// Whether the answering server knew a leader.
    pub known_leader: bool,
    /// How long ago the answering server heard of the leader, in milliseconds.
    pub last_contact_ms: u64,
}

// === impl Answer ===

impl<T> Answer<T> {
    pub(crate) fn new(headers: &HeaderMap, value: T) -> Self {
        let text = |name: HeaderName| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let number = |name| text(name).parse().unwrap_or(0);
        Self {
            value,
            index: number(HeaderName::from_static("x-consul-index")),
            content_hash: text(HeaderName::from_static("x-consul-contenthash")).to_owned(),
            known_leader: text(HeaderName::from_static("x-consul-knownleader")) == "true",
            last_contact_ms: number(HeaderName::from_static("x-consul-lastcontact")),
        }
    }

    /// The same answer with its value changed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer {
            value: change(self.value),
            index: self.index,
            content_hash: self.content_hash,
            known_leader: self.known_leader,
            last_contact_ms: self.last_contact_ms,
        }
    }
}
