//! Writing and reading bytes that came from a disk or another server.
//!
//! Invariant: reading never panics, and allocates no more than the bytes that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tribune_state::{Command, DecodeError};

use super::Server;
use super::types::{
    Data, Entry, LogId, Membership, Payload, SnapshotMeta, StoredMembership, Vote, log_id, term,
    vote,
};

/// What is wrong with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The most servers that a configuration may have.
const MOST_SERVERS: usize = 1024;

/// Kinds of payloads.
const BLANK: u8 = 0;
const COMMAND: u8 = 1;
const MEMBERSHIP: u8 = 2;

/// Reads from the front.
pub(crate) struct Reader(pub(crate) Bytes);

// === impl Reader ===

impl Reader {
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.0.try_get_u8().map_err(|_| Malformed("too short"))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.0.try_get_u32_le().map_err(|_| Malformed("too short"))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.0.try_get_u64_le().map_err(|_| Malformed("too short"))
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("neither yes nor no")),
        }
    }

    /// Bytes with their length before them.
    pub(crate) fn bytes(&mut self) -> Result<Bytes, Malformed> {
        let length = self.u32()? as usize;
        if length > self.0.len() {
            return Err(Malformed("a length beyond the end"));
        }
        Ok(self.0.split_to(length))
    }

    pub(crate) fn text(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.bytes()?.into()).map_err(|_| Malformed("not UTF-8"))
    }

    /// How many things follow, each of which takes at least `least` bytes.
    pub(crate) fn count(&mut self, least: usize) -> Result<usize, Malformed> {
        let count = self.u32()? as usize;
        if count.saturating_mul(least.max(1)) > self.0.len() {
            return Err(Malformed("more things than bytes"));
        }
        Ok(count)
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed("bytes after the end"))
        }
    }

    pub(crate) fn log_id(&mut self) -> Result<LogId, Malformed> {
        Ok(log_id(self.u64()?, self.u64()?))
    }

    pub(crate) fn some_log_id(&mut self) -> Result<Option<LogId>, Malformed> {
        Ok(if self.flag()? {
            Some(self.log_id()?)
        } else {
            None
        })
    }

    pub(crate) fn vote(&mut self) -> Result<Vote, Malformed> {
        Ok(vote(self.u64()?, self.u64()?, self.flag()?))
    }

    pub(crate) fn entry(&mut self) -> Result<Entry, Malformed> {
        let log_id = self.log_id()?;
        Ok(Entry {
            log_id,
            payload: payload(self.bytes()?)?,
        })
    }

    pub(crate) fn server(&mut self) -> Result<Server, Malformed> {
        Ok(Server {
            id: self.text()?,
            name: self.text()?,
            address: self.text()?,
        })
    }

    pub(crate) fn membership(&mut self) -> Result<Membership, Malformed> {
        let mut nodes = BTreeMap::new();
        for _ in 0..self.count(20)?.min(MOST_SERVERS + 1) {
            let (number, server) = (self.u64()?, self.server()?);
            if nodes.insert(number, server).is_some() {
                return Err(Malformed("a server twice"));
            }
        }
        let mut configs = Vec::new();
        for _ in 0..self.count(4)? {
            let mut config = BTreeSet::new();
            for _ in 0..self.count(8)? {
                config.insert(self.u64()?);
            }
            configs.push(config);
        }
        if nodes.len() > MOST_SERVERS || configs.len() > 2 {
            return Err(Malformed("too many servers"));
        }
        Membership::new(configs, nodes).map_err(|_| Malformed("a configuration that cannot be"))
    }

    pub(crate) fn snapshot_meta(&mut self) -> Result<SnapshotMeta, Malformed> {
        Ok(SnapshotMeta {
            last_log_id: self.some_log_id()?,
            last_membership: StoredMembership::new(self.some_log_id()?, self.membership()?),
        })
    }
}

/// Writes to the back.
pub(crate) trait Write: BufMut {
    /// Bytes with their length before them.
    fn bytes(&mut self, bytes: &[u8]) {
        self.put_u32_le(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.put_slice(bytes);
    }

    fn flag(&mut self, flag: bool) {
        self.put_u8(u8::from(flag));
    }

    /// How many things follow.
    fn count(&mut self, count: usize) {
        self.put_u32_le(u32::try_from(count).unwrap_or(u32::MAX));
    }

    fn log_id(&mut self, id: &LogId) {
        self.put_u64_le(term(id));
        self.put_u64_le(id.index);
    }

    fn some_log_id(&mut self, id: Option<&LogId>) {
        self.flag(id.is_some());
        if let Some(id) = id {
            self.log_id(id);
        }
    }

    fn vote(&mut self, vote: &Vote) {
        self.put_u64_le(vote.leader_id.term);
        self.put_u64_le(vote.leader_id.voted_for);
        self.flag(vote.committed);
    }

    fn entry(&mut self, entry: &Entry) {
        self.log_id(&entry.log_id);
        self.bytes(&encode_payload(&entry.payload));
    }

    fn server(&mut self, server: &Server) {
        self.bytes(server.id.as_bytes());
        self.bytes(server.name.as_bytes());
        self.bytes(server.address.as_bytes());
    }

    fn membership(&mut self, membership: &Membership) {
        self.count(membership.nodes().count());
        for (number, server) in membership.nodes() {
            self.put_u64_le(*number);
            self.server(server);
        }
        self.count(membership.get_joint_config().len());
        for config in membership.get_joint_config() {
            self.count(config.len());
            for number in config {
                self.put_u64_le(*number);
            }
        }
    }

    fn snapshot_meta(&mut self, meta: &SnapshotMeta) {
        self.some_log_id(meta.last_log_id.as_ref());
        self.some_log_id(meta.last_membership.log_id().as_ref());
        self.membership(meta.last_membership.membership());
    }
}

impl<B: BufMut + ?Sized> Write for B {}

/// What an entry holds, as it is in the log and in messages.
pub(crate) fn encode_payload(payload: &Payload) -> Bytes {
    match payload {
        Payload::Blank => Bytes::from_static(&[BLANK]),
        Payload::Normal(data) => data.bytes.clone(),
        Payload::Membership(membership) => {
            let mut out = BytesMut::new();
            out.put_u8(MEMBERSHIP);
            out.membership(membership);
            out.freeze()
        }
    }
}

/// The opposite of [`encode_payload`]. A command shares its bytes.
pub(crate) fn payload(bytes: Bytes) -> Result<Payload, Malformed> {
    let mut reader = Reader(bytes.clone());
    match reader.u8()? {
        BLANK => {
            reader.end()?;
            Ok(Payload::Blank)
        }
        COMMAND => Ok(Payload::Normal(Data::of(bytes))),
        MEMBERSHIP => {
            let membership = reader.membership()?;
            reader.end()?;
            Ok(Payload::Membership(membership))
        }
        _ => Err(Malformed("an entry of an unknown kind")),
    }
}

// === impl Data ===

impl Data {
    /// A command to be proposed.
    pub(crate) fn new(command: &Command) -> Self {
        let encoded = command.encode();
        let mut out = BytesMut::with_capacity(1 + encoded.len());
        out.put_u8(COMMAND);
        out.put_slice(&encoded);
        Self {
            bytes: out.freeze(),
            ready: Arc::new(Mutex::new(Some(command.clone()))),
        }
    }

    /// One that came from another server.
    pub(crate) fn check(bytes: Bytes) -> Result<Self, Malformed> {
        if bytes.first() == Some(&COMMAND) {
            Ok(Self::of(bytes))
        } else {
            Err(Malformed("not a command"))
        }
    }

    fn of(bytes: Bytes) -> Self {
        Self {
            bytes,
            ready: Arc::default(),
        }
    }

    /// Makes the command ready to be applied.
    pub(crate) fn prepare(&self) -> Result<(), DecodeError> {
        let mut ready = self.ready();
        if ready.is_none() {
            *ready = Some(self.decode()?);
        }
        Ok(())
    }

    /// The command, to be applied.
    pub(crate) fn command(&self) -> Result<Command, DecodeError> {
        let ready = self.ready().take();
        ready.map_or_else(|| self.decode(), Ok)
    }

    fn decode(&self) -> Result<Command, DecodeError> {
        Command::decode(self.bytes.get(1..).unwrap_or_default())
    }

    /// Nothing is done under the lock that can fail half-way.
    fn ready(&self) -> MutexGuard<'_, Option<Command>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
