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

impl MapKey for u64 {}

impl MapKey for u128 {
    fn head(&self, skip: usize) -> u64 {
        let mut head = [0; 8];
        let bytes = self.to_be_bytes();
        let rest = bytes.get(skip..).unwrap_or_default();
        for (to, from) in head.iter_mut().zip(rest) {
            *to = *from;
        }
        u64::from_be_bytes(head)
    }

    fn shared(&self, other: &Self) -> usize {
        // At most 16.
        ((self ^ other).leading_zeros() / 8) as usize
    }
}

impl MapKey for NameKind {}
impl MapKey for config_entry::Key {}
impl MapKey for (NameKind, ServiceName) {}

impl MapKey for (ServiceName, ServiceName) {
    fn head(&self, skip: usize) -> u64 {
        self.0.head(skip)
    }

    fn shared(&self, other: &Self) -> usize {
        self.0.shared(&other.0)
    }
}

/// A byte for the status, then the check's name. What is none of the known statuses has a text of its
/// own before that name, which is left to whole comparisons.
impl MapKey for (Status, CheckName) {
    fn head(&self, skip: usize) -> u64 {
        let Some(rank) = rank(&self.0) else {
            return if skip == 0 { u64::MAX } else { 0 };
        };
        match skip.checked_sub(1) {
            Some(skip) => self.1.head(skip),
            None => (u64::from(rank) << 56) | (self.1.head(0) >> 8),
        }
    }

    fn shared(&self, other: &Self) -> usize {
        if rank(&self.0).is_some() && self.0 == other.0 {
            1 + self.1.shared(&other.1)
        } else {
            0
        }
    }
}

/// Place of a known status among all, in their order.
const fn rank(status: &Status) -> Option<u8> {
    match status {
        Status::Passing => Some(0),
        Status::Warning => Some(1),
        Status::Critical => Some(2),
        Status::Maintenance => Some(3),
        Status::Other(_) => None,
    }
}

#[cfg(test)]
impl MapKey for u16 {}
