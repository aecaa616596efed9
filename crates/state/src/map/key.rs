//! What a map has to know of its keys.

use std::net::Ipv4Addr;

use tribune_types::config_entry;
use tribune_types::{InstanceName, Name, NodeName, PeeredServiceName, ServiceName, Status};

use crate::tables::{CheckName, NameKind, NodeId};

/// A key of a [`Map`](super::Map).
///
/// Where its order begins with the order of a text, the key can tell about that text; then it is rarely
/// compared as a whole. What is implemented must agree with `Ord`: of two keys that share their first
/// `skip` bytes, the lesser one has no greater `head`, and every key between two that share bytes shares them too.
pub trait MapKey: Ord + Clone {
    /// Eight bytes of the text from `skip` on, the first one the most significant; zeros after its end.
    fn head(&self, skip: usize) -> u64 {
        let _ = skip;
        0
    }

    /// How many bytes the texts of two keys share at their beginning.
    fn shared(&self, other: &Self) -> usize {
        let _ = other;
        0
    }
}

impl MapKey for Name {
    fn head(&self, skip: usize) -> u64 {
        let mut head = [0; 8];
        let rest = self.as_bytes().get(skip..).unwrap_or_default();
        for (to, from) in head.iter_mut().zip(rest) {
            *to = from.to_ascii_lowercase();
        }
        u64::from_be_bytes(head)
    }

    fn shared(&self, other: &Self) -> usize {
        let pairs = self.bytes().zip(other.bytes());
        pairs.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
    }
}

/// Implements [`MapKey`] for keys whose order begins with that of a field.
macro_rules! begins_with {
    ($($key:ty: $($field:ident).+),* $(,)?) => {$(
        impl MapKey for $key {
            fn head(&self, skip: usize) -> u64 {
                self.$($field).+.head(skip)
            }

            fn shared(&self, other: &Self) -> usize {
                self.$($field).+.shared(&other.$($field).+)
            }
        }
    )*};
}

begins_with! {
    ServiceName: name,
    PeeredServiceName: service,
    NodeName: name,
    InstanceName: node,
    CheckName: node,
    NodeId: id,
}

impl MapKey for Ipv4Addr {}
impl MapKey for NameKind {}
impl MapKey for config_entry::Key {}
impl MapKey for (NameKind, ServiceName) {}
impl MapKey for (ServiceName, ServiceName) {}
impl MapKey for (Status, CheckName) {}
#[cfg(test)]
impl MapKey for u16 {}
