//! Keys and values of everything that is computed from the catalog once and shared by pointer.
//!
//! Invariant: a value is immutable and compared by content. It holds no index and no provenance, so it
//! never differs from one that means the same.

mod gateway;
mod key;
mod source;
mod unset;
mod value;

pub use gateway::{ExportedService, GatewayService, GatewayTarget};
pub use key::{ChainKey, Key, SubsetKey};
pub use source::{Sink, Source, Subscription};
pub use unset::Unset;
pub use value::{
    ChainResult, Endpoint, Endpoints, Health, Intentions, Mesh, Proxy, Roots, ServiceConfig,
    UpstreamDefaults, Value,
};
