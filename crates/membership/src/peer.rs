//! A member, as the protocol underneath knows it.

use std::net::SocketAddr;
use std::sync::Arc;

use foca::{Identity, Incarnation, State};
use uuid::Uuid;

use crate::member::Member;
use crate::wire::{Reader, WireError, Writer};

/// How far in the future the start of a member may seem to lie, in milliseconds.
const SKEW: u64 = 3_600_000;

/// What makes a member the one that it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Who {
    pub(crate) name: Arc<str>,
    pub(crate) id: Uuid,
}

/// One life of a member: between two lives it was down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) who: Who,
    pub(crate) address: SocketAddr,
    /// Milliseconds since 1970 at its start, and one more for each time when it was taken for dead.
    pub(crate) generation: u64,
}

/// What the protocol underneath thinks of a member.
pub(crate) type Sighting = foca::Member<Peer>;

impl Identity for Peer {
    type Addr = Who;

    fn renew(&self) -> Option<Self> {
        Some(Self {
            generation: self.generation.saturating_add(1),
            ..self.clone()
        })
    }

    fn addr(&self) -> Who {
        self.who.clone()
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        // of one life with two addresses, the one that is known stays
        self.generation >= adversary.generation
    }
}

// === impl Who ===

impl Who {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            name: reader.name()?,
            id: reader.uuid()?,
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.text(&self.name);
        writer.uuid(&self.id);
    }

    pub(crate) fn of(member: &Member) -> Self {
        Self {
            name: member.name.as_str().into(),
            id: member.id,
        }
    }

    /// Whether both cannot be alive: names and IDs are unique.
    pub(crate) fn conflicts(&self, other: &Self) -> bool {
        self != other && (self.name == other.name || self.id == other.id)
    }
}

// === impl Peer ===

impl Peer {
    /// Reads a peer that may be believed at `wall`, in milliseconds since 1970.
    pub(crate) fn read(reader: &mut Reader<'_>, wall: u64) -> Result<Self, WireError> {
        let peer = Self {
            who: Who::read(reader)?,
            address: reader.address()?,
            generation: reader.u64()?,
        };
        if peer.generation > wall.saturating_add(SKEW) {
            return Err(WireError::Future(peer.who.name.as_ref().to_owned()));
        }
        Ok(peer)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        self.who.write(writer);
        writer.address(self.address);
        writer.u64(self.generation);
    }
}

pub(crate) fn read_sighting(reader: &mut Reader<'_>, wall: u64) -> Result<Sighting, WireError> {
    let peer = Peer::read(reader, wall)?;
    let incarnation: Incarnation = reader.u16()?;
    let state = match reader.u8()? {
        0 => State::Alive,
        1 => State::Suspect,
        2 => State::Down,
        other => return Err(WireError::Kind(other, "state of a member")),
    };
    Ok(Sighting::new(peer, incarnation, state))
}

pub(crate) fn write_sighting(sighting: &Sighting, writer: &mut Writer) {
    sighting.id().write(writer);
    writer.u16(sighting.incarnation());
    writer.u8(match sighting.state() {
        State::Alive => 0,
        State::Suspect => 1,
        State::Down => 2,
    });
}
