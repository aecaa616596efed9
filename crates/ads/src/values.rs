//! Derived values kept in memory: the source of a control plane that has a registry of its own.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tribune_derived::{Key, Sink, Source, Subscription, Unset, Value};
use tribune_types::Token;

/// Values that their owner sets; those that nobody set are as [`Unset`] says. Cheap to clone.
///
/// Whoever may subscribe sees everything: tokens are left to the service's resolver.
#[derive(Clone)]
pub struct Values(Arc<Mutex<Table>>);

struct Table {
    unset: Unset,
    set: HashMap<Key, Value>,
    sinks: BTreeMap<(Key, u64), Arc<dyn Sink>>,
    last: u64,
}

/// Takes a sink out when its subscription is dropped.
struct Guard {
    values: Values,
    key: (Key, u64),
}

impl Values {
    /// No value set yet.
    pub fn new(unset: Unset) -> Self {
        Self(Arc::new(Mutex::new(Table {
            unset,
            set: HashMap::new(),
            sinks: BTreeMap::new(),
            last: 0,
        })))
    }

    /// Sets a value and tells whoever subscribed to it, unless it is what the key has already.
    pub fn set(&self, key: Key, value: Value) {
        let mut table = self.table();
        if table.set.get(&key) == Some(&value) {
            return;
        }
        let of_key = (key.clone(), 0)..=(key.clone(), u64::MAX);
        for (_, sink) in table.sinks.range(of_key) {
            sink.deliver(&key, &value);
        }
        table.set.insert(key, value);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Values {
    fn subscribe(&self, key: &Key, _: &Token, sink: &Arc<dyn Sink>) -> Subscription {
        let mut table = self.table();
        let value = table.set.get(key).cloned();
        // under the lock, so that no newer value comes first
        sink.deliver(key, &value.unwrap_or_else(|| table.unset.value(key)));
        table.last += 1;
        let key = (key.clone(), table.last);
        table.sinks.insert(key.clone(), Arc::clone(sink));
        let values = self.clone();
        Subscription::new(Guard { values, key })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.values.table().sinks.remove(&self.key);
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("set", &self.table().set.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tribune_derived::{Endpoint, Endpoints};
    use tribune_types::ServiceName;

    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<usize>>);

    impl Sink for Seen {
        fn deliver(&self, _: &Key, value: &Value) {
            let Value::Endpoints(endpoints) = value else {
                panic!("the key has endpoints")
            };
            self.0.lock().unwrap().push(endpoints.endpoints.len());
        }
    }

    fn of(count: usize) -> Value {
        let endpoints = vec![Endpoint::default(); count];
        Value::Endpoints(Arc::new(Endpoints { endpoints }))
    }

    #[test]
    fn a_subscriber_gets_what_is_there_and_each_change_until_it_goes() {
        let values = Values::new(Unset::default());
        let key = |name| Key::Endpoints(ServiceName::new(name).into());
        let seen = Arc::new(Seen::default());
        let sink: Arc<dyn Sink> = seen.clone();
        let subscription = values.subscribe(&key("api"), &Token::default(), &sink);
        values.set(key("api"), of(1));
        values.set(key("other"), of(5));
        values.set(key("api"), of(1));
        values.set(key("api"), of(2));
        let late = values.subscribe(&key("api"), &Token::default(), &sink);
        drop((subscription, late));
        values.set(key("api"), of(3));
        assert_eq!(*seen.0.lock().unwrap(), [0, 1, 2, 2]);
        assert!(values.table().sinks.is_empty());
    }
}
