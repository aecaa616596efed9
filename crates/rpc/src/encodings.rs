//! Values as they are sent: encoded once, whichever and however many streams send them.

use std::collections::HashMap;
use std::mem::discriminant;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use ring::digest;
use tribune_derived::{Endpoints, Value};
use tribune_proto::rpc::v1::watch_response as message;
use tribune_types::InstanceName;

use crate::convert::{encode_endpoint, encode_endpoints, encode_value, instance_message};

/// Differences that are kept of one value: streams that are not far behind share them.
const DIFFERENCES: usize = 4;

/// The values that streams hold, by where they lie in memory.
#[derive(Debug, Default)]
pub(crate) struct Encodings {
    cells: Arc<Cells>,
}

type Cells = Mutex<HashMap<Place, Weak<Cell>>>;

/// Where a value lies, and what it is: nothing else lies there while its cell does.
type Place = (std::mem::Discriminant<Value>, usize);

/// A value as it is sent, once somebody has encoded it.
#[derive(Debug)]
struct Cell {
    value: Value,
    encoded: OnceLock<Encoded>,
    /// Where it is found, until it is dropped.
    home: Option<(Arc<Cells>, Place)>,
}

/// A value as it is sent. Streams keep what they sent last.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    cell: Arc<Cell>,
}

/// An encoded value.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// SHA-256 of `bytes`.
    pub(crate) hash: Bytes,
    /// The whole of it.
    pub(crate) bytes: Bytes,
    /// The parts of a list of endpoints that is in order and names each once.
    parts: Option<Vec<(InstanceName, Bytes)>>,
    /// What it differs in from other lists, by their hashes; the newest last.
    differences: Mutex<Vec<(Bytes, Arc<message::Difference>)>>,
}

// === impl Encodings ===

impl Encodings {
    /// The value as it is sent. Only the first of those who want it at the same time encodes it.
    pub(crate) fn encode(&self, value: &Value) -> Shared {
        let cell = self.cell(value);
        cell.encoded.get_or_init(|| Encoded::new(&cell.value));
        Shared { cell }
    }

    fn cell(&self, value: &Value) -> Arc<Cell> {
        let place = place(value);
        let new = |home| {
            Arc::new(Cell {
                value: value.clone(),
                encoded: OnceLock::new(),
                home,
            })
        };
        let Some(place) = place else {
            return new(None);
        };
        let mut cells = lock(&self.cells);
        if let Some(cell) = cells.get(&place).and_then(Weak::upgrade) {
            return cell;
        }
        let cell = new(Some((self.cells.clone(), place)));
        cells.insert(place, Arc::downgrade(&cell));
        cell
    }
}

/// Nothing that runs under the lock can panic half-way.
fn lock(cells: &Cells) -> MutexGuard<'_, HashMap<Place, Weak<Cell>>> {
    cells.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Cell {
    /// Its value is dropped after this, so nothing else can lie in its place yet but another cell of the
    /// same value, which stays.
    fn drop(&mut self) {
        if let Some((cells, place)) = &self.home {
            let mut cells = lock(cells);
            if cells
                .get(place)
                .is_some_and(|cell| cell.strong_count() == 0)
            {
                cells.remove(place);
            }
        }
    }
}

/// Where a value lies; nowhere where there is nothing of it.
fn place(value: &Value) -> Option<Place> {
    fn at<T>(pointer: &Arc<T>) -> usize {
        Arc::as_ptr(pointer).addr()
    }
    let address = match value {
        Value::Proxy(value) => at(value.as_ref()?),
        Value::Endpoints(value) => at(value),
        Value::ServiceConfig(value) => at(value),
        Value::Chain(Ok(value)) => at(value),
        Value::Chain(Err(value)) => at(value),
        Value::Intentions(value) => at(value),
        Value::Roots(value) => at(value.as_ref()?),
        Value::Mesh(value) => at(value),
    };
    Some((discriminant(value), address))
}

// === impl Shared ===

impl std::ops::Deref for Shared {
    type Target = Encoded;

    fn deref(&self) -> &Encoded {
        self.cell
            .encoded
            .get()
            .expect("whoever hands one out has encoded it")
    }
}

// === impl Encoded ===

impl Encoded {
    fn new(value: &Value) -> Self {
        let (bytes, parts) = match value {
            Value::Endpoints(value) => {
                let parts: Vec<Bytes> = value.endpoints.iter().map(encode_endpoint).collect();
                let bytes = encode_endpoints(parts.clone());
                (bytes, named(value, parts))
            }
            Value::Proxy(_)
            | Value::ServiceConfig(_)
            | Value::Chain(_)
            | Value::Intentions(_)
            | Value::Roots(_)
            | Value::Mesh(_) => (encode_value(value), None),
        };
        let hash = digest::digest(&digest::SHA256, &bytes);
        Self {
            hash: Bytes::copy_from_slice(hash.as_ref()),
            bytes,
            parts,
            differences: Mutex::default(),
        }
    }

    /// What it differs in from an older value, where that is much less than the whole of it.
    pub(crate) fn difference(&self, older: &Self) -> Option<Arc<message::Difference>> {
        let (old, new) = (older.parts.as_ref()?, self.parts.as_ref()?);
        // under the lock, so that streams that want the same one wait for it
        let mut kept = self
            .differences
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((_, difference)) = kept.iter().find(|(base, _)| *base == older.hash) {
            return self.worthwhile(difference.clone());
        }
        let (put, gone) = compare(old, new);
        let difference = Arc::new(message::Difference {
            base: older.hash.clone(),
            hash: self.hash.clone(),
            put,
            gone: gone.iter().map(|name| instance_message(name)).collect(),
        });
        if kept.len() == DIFFERENCES {
            kept.remove(0);
        }
        kept.push((older.hash.clone(), difference.clone()));
        self.worthwhile(difference)
    }

    fn worthwhile(&self, difference: Arc<message::Difference>) -> Option<Arc<message::Difference>> {
        let size = prost::Message::encoded_len(&*difference);
        (size < self.bytes.len() / 2).then_some(difference)
    }
}

/// Each part with its name, where the list is in order and names each once.
fn named(endpoints: &Endpoints, parts: Vec<Bytes>) -> Option<Vec<(InstanceName, Bytes)>> {
    let names = endpoints
        .endpoints
        .iter()
        .map(|endpoint| &endpoint.instance);
    if !names.clone().is_sorted_by(|one, next| one < next) {
        return None;
    }
    Some(names.cloned().zip(parts).collect())
}

/// What is new or differs, and what is gone. Both lists are in order.
fn compare<'a>(
    old: &'a [(InstanceName, Bytes)],
    new: &[(InstanceName, Bytes)],
) -> (Vec<Bytes>, Vec<&'a InstanceName>) {
    let (mut put, mut gone) = (Vec::new(), Vec::new());
    let mut old = old.iter().peekable();
    for (name, part) in new {
        while let Some((older, _)) = old.next_if(|(older, _)| older < name) {
            gone.push(older);
        }
        let same = old.next_if(|(older, _)| older == name);
        if same.is_none_or(|(_, older)| older != part) {
            put.push(part.clone());
        }
    }
    gone.extend(old.map(|(name, _)| name));
    (put, gone)
}

#[cfg(test)]
mod tests {
    use tribune_derived::Endpoint;

    use super::*;

    fn endpoints(names: &[(&str, &str)]) -> Value {
        let endpoints = names.iter().map(|(id, address)| {
            let mut endpoint = Endpoint {
                instance: InstanceName::new("node", *id),
                ..Endpoint::default()
            };
            (*address).clone_into(&mut endpoint.address);
            endpoint
        });
        Value::Endpoints(Arc::new(Endpoints {
            endpoints: endpoints.collect(),
        }))
    }

    #[test]
    fn a_value_is_encoded_once_while_somebody_holds_it() {
        let encodings = Encodings::default();
        let value = endpoints(&[("a", "10.0.0.1")]);
        let (one, other) = (encodings.encode(&value), encodings.encode(&value.clone()));
        assert!(Arc::ptr_eq(&one.cell, &other.cell));
        let equal = encodings.encode(&endpoints(&[("a", "10.0.0.1")]));
        assert!(!Arc::ptr_eq(&one.cell, &equal.cell));
        assert_eq!(one.hash, equal.hash, "equal values have equal hashes");
    }

    #[test]
    fn what_nobody_holds_takes_no_room() {
        let encodings = Encodings::default();
        let value = endpoints(&[("a", "10.0.0.1")]);
        let one = encodings.encode(&value);
        let other = encodings.encode(&Value::Mesh(Arc::default()));
        encodings.encode(&endpoints(&[]));
        assert_eq!(lock(&encodings.cells).len(), 2);
        drop((one.clone(), other));
        assert_eq!(lock(&encodings.cells).len(), 1);
        drop(one);
        assert!(lock(&encodings.cells).is_empty());
        let Value::Endpoints(list) = &value else {
            panic!("it was made as a list")
        };
        assert_eq!(Arc::strong_count(list), 1, "the value itself is let go of");
    }

    #[test]
    fn lists_that_are_not_in_order_have_no_differences() {
        let encodings = Encodings::default();
        let many: Vec<String> = (0..50).map(|i| format!("i{i:02}")).collect();
        let ordered: Vec<_> = many.iter().map(|id| (id.as_str(), "10.0.0.1")).collect();
        let one = encodings.encode(&endpoints(&ordered));
        let mut fewer = ordered.clone();
        fewer.remove(7);
        let difference = encodings.encode(&endpoints(&fewer)).difference(&one);
        let difference = difference.unwrap();
        assert_eq!((difference.put.len(), difference.gone.len()), (0, 1));
        fewer.reverse();
        let reversed = encodings.encode(&endpoints(&fewer));
        assert!(reversed.difference(&one).is_none());
    }

    #[test]
    fn a_difference_that_is_no_smaller_is_not_sent() {
        let encodings = Encodings::default();
        let one = encodings.encode(&endpoints(&[("a", "10.0.0.1")]));
        let other = encodings.encode(&endpoints(&[("a", "10.0.0.2")]));
        assert!(other.difference(&one).is_none());
    }
}
