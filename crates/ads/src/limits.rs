//! What clients may cost.

use std::time::Duration;

/// Bounds of the service and of each of its streams and connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bounds of one stream's subscriptions.
    pub session: tribune_delta::Limits,
    /// Most streams at a time.
    pub streams: usize,
    /// Most connections at a time; further ones wait in the listener's queue.
    pub connections: usize,
    /// Most streams on one connection.
    pub streams_per_connection: u32,
    /// Longest request, in bytes.
    pub request_bytes: usize,
    /// Longest node ID or node name, in bytes.
    pub name_bytes: usize,
    /// How many bytes a client may send on a stream ahead of what is read.
    pub stream_window: u32,
    /// How many bytes a client may send on a connection ahead of what is read.
    pub connection_window: u32,
    /// How long a connection may stay without a stream, or a stream without saying whose it is.
    pub introduce_within: Duration,
    /// Silence on a connection after which the client is asked whether it is still there.
    pub ping_after: Duration,
    /// How long it may take to answer that.
    pub pong_within: Duration,
    /// How often an idle stream's token is looked at again.
    pub authorize_every: Duration,
    /// How long streams may take to end when the server stops.
    pub stop_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            session: tribune_delta::Limits::default(),
            streams: 50_000,
            connections: 20_000,
            streams_per_connection: 2048,
            request_bytes: 4 << 20,
            name_bytes: 1024,
            stream_window: 32 << 10,
            connection_window: 256 << 10,
            introduce_within: Duration::from_secs(30),
            ping_after: Duration::from_secs(30),
            pong_within: Duration::from_secs(20),
            authorize_every: Duration::from_secs(300),
            stop_within: Duration::from_secs(5),
        }
    }
}
