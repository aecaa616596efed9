//! The log of a cluster of servers.

mod error;
mod server;
mod settings;
mod transport;

pub use error::{HandleError, MembershipError, OpenError};
pub use server::{Member, Role, Server};
pub use settings::RaftSettings;
pub use transport::{LARGEST_MESSAGE, Transport, TransportError, TransportFuture};
