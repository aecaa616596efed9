//! What members say to each other over a stream: one request, one reply.

use std::time::Duration;

use crate::error::{KeyError, Refusal};
use crate::event::UserEvent;
use crate::item::{Leave, Profile, read_user, write_user};
use crate::key::Key;
use crate::peer::{Peer, Sighting, read_sighting, write_sighting};
use crate::wire::{Reader, WireError, Writer};

const SYNC: u8 = 1;
const KEYS: u8 = 2;
const REFUSED: u8 = 3;
const FAILED: u8 = 4;

/// The start of an exchange of everything that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyncHead {
    pub(crate) datacenter: String,
    /// The logical clock.
    pub(crate) clock: u64,
    pub(crate) me: Peer,
}

/// What is known of one member, in an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyncMember {
    pub(crate) sighting: Sighting,
    /// How long it has been down.
    pub(crate) down_for: Duration,
    pub(crate) profile: Option<Profile>,
    pub(crate) leave: Option<Leave>,
}

/// What to do with the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyOperation {
    List,
    Install(Key),
    Use(Key),
    Remove(Key),
}

/// A request, taken apart as far as its kind.
pub(crate) enum Request<'a> {
    Sync(Reader<'a>),
    Keys(KeyOperation),
}

/// A reply, taken apart as far as its kind.
pub(crate) enum Reply<'a> {
    Sync(Reader<'a>),
    /// The keys that are held, the one that is used first.
    Keys(Vec<String>),
    Refused(Refusal),
    /// It could not be done.
    Failed(String),
}

// === impl SyncHead ===

impl SyncHead {
    pub(crate) fn read(reader: &mut Reader<'_>, wall: u64) -> Result<Self, WireError> {
        Ok(Self {
            datacenter: reader.text()?.to_owned(),
            clock: reader.u64()?,
            me: Peer::read(reader, wall)?,
        })
    }

    /// Begins a request or a reply with it.
    pub(crate) fn begin(&self) -> Writer {
        let mut writer = Writer::default();
        writer.u8(SYNC);
        writer.text(&self.datacenter);
        writer.u64(self.clock);
        self.me.write(&mut writer);
        writer
    }
}

// === impl SyncMember ===

impl SyncMember {
    pub(crate) fn read(reader: &mut Reader<'_>, wall: u64) -> Result<Self, WireError> {
        let sighting = read_sighting(reader, wall)?;
        let down_for = Duration::from_secs(reader.u32()?.into());
        let profile = reader.bool()?.then(|| Profile::read(reader)).transpose()?;
        let leave = reader.bool()?.then(|| Leave::read(reader)).transpose()?;
        Ok(Self {
            sighting,
            down_for,
            profile,
            leave,
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        write_sighting(&self.sighting, writer);
        writer.u32(u32::try_from(self.down_for.as_secs()).unwrap_or(u32::MAX));
        writer.u8(self.profile.is_some().into());
        if let Some(profile) = &self.profile {
            profile.write(writer);
        }
        writer.u8(self.leave.is_some().into());
        if let Some(leave) = &self.leave {
            leave.write(writer);
        }
    }
}

/// Ends an exchange's message with the events that are remembered.
pub(crate) fn write_events<'a>(
    events: impl ExactSizeIterator<Item = &'a UserEvent>,
    writer: &mut Writer,
) {
    writer.list(events, |writer, event| write_user(event, writer));
}

/// Hands over the events at the end of an exchange's message.
pub(crate) fn each_event(
    reader: &mut Reader<'_>,
    mut hear: impl FnMut(UserEvent),
) -> Result<(), WireError> {
    reader.each(|reader| {
        hear(read_user(reader)?);
        Ok(())
    })?;
    reader.end()
}

// === impl Request ===

impl<'a> Request<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader(bytes);
        match reader.u8()? {
            SYNC => Ok(Self::Sync(reader)),
            KEYS => {
                let operation = KeyOperation::read(&mut reader)?;
                reader.end()?;
                Ok(Self::Keys(operation))
            }
            other => Err(WireError::Kind(other, "request")),
        }
    }
}

// === impl KeyOperation ===

impl KeyOperation {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = reader.u8()?;
        if kind == 0 {
            return Ok(Self::List);
        }
        let key = Key::parse(reader.text()?).map_err(|_: KeyError| WireError::Text)?;
        match kind {
            1 => Ok(Self::Install(key)),
            2 => Ok(Self::Use(key)),
            3 => Ok(Self::Remove(key)),
            other => Err(WireError::Kind(other, "operation on keys")),
        }
    }

    pub(crate) fn request(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u8(KEYS);
        let (kind, key) = match self {
            Self::List => (0, None),
            Self::Install(key) => (1, Some(key)),
            Self::Use(key) => (2, Some(key)),
            Self::Remove(key) => (3, Some(key)),
        };
        writer.u8(kind);
        if let Some(key) = key {
            writer.text(key.reveal());
        }
        writer.0
    }
}

// === impl Reply ===

impl<'a> Reply<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader(bytes);
        let reply = match reader.u8()? {
            SYNC => return Ok(Self::Sync(reader)),
            KEYS => {
                let mut keys = Vec::new();
                reader.each(|reader| {
                    keys.push(reader.text()?.to_owned());
                    Ok(())
                })?;
                Self::Keys(keys)
            }
            REFUSED => Self::Refused(read_refusal(&mut reader)?),
            FAILED => {
                let text = std::str::from_utf8(reader.blob()?).map_err(|_| WireError::Text)?;
                Self::Failed(text.to_owned())
            }
            other => return Err(WireError::Kind(other, "reply")),
        };
        reader.end()?;
        Ok(reply)
    }
}

pub(crate) fn keys_reply(keys: &[Key]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.u8(KEYS);
    writer.list(keys.iter(), |writer, key| writer.text(key.reveal()));
    writer.0
}

pub(crate) fn failed_reply(reason: &str) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.u8(FAILED);
    writer.blob(&reason.as_bytes()[..reason.floor_char_boundary(1024)]);
    writer.0
}

pub(crate) fn refused_reply(refusal: &Refusal) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.u8(REFUSED);
    match refusal {
        Refusal::WrongKey => writer.u8(0),
        Refusal::KeyNeeded => writer.u8(1),
        Refusal::NoKey => writer.u8(2),
        Refusal::Version => writer.u8(3),
        Refusal::Datacenter { theirs, ours } => {
            writer.u8(4);
            writer.text(theirs);
            writer.text(ours);
        }
        Refusal::NameTaken { name, id, address } | Refusal::IdTaken { id, name, address } => {
            let by_name = matches!(refusal, Refusal::NameTaken { .. });
            writer.u8(if by_name { 5 } else { 6 });
            writer.text(name);
            writer.uuid(id);
            writer.address(*address);
        }
        Refusal::Network(ip) => {
            writer.u8(7);
            writer.ip(*ip);
        }
        Refusal::Full(members) => {
            writer.u8(8);
            writer.u32(u32::try_from(*members).unwrap_or(u32::MAX));
        }
    }
    writer.0
}

fn read_refusal(reader: &mut Reader<'_>) -> Result<Refusal, WireError> {
    Ok(match reader.u8()? {
        0 => Refusal::WrongKey,
        1 => Refusal::KeyNeeded,
        2 => Refusal::NoKey,
        3 => Refusal::Version,
        4 => Refusal::Datacenter {
            theirs: reader.text()?.to_owned(),
            ours: reader.text()?.to_owned(),
        },
        kind @ (5 | 6) => {
            let name = reader.text()?.to_owned();
            let (id, address) = (reader.uuid()?, reader.address()?);
            if kind == 5 {
                Refusal::NameTaken { name, id, address }
            } else {
                Refusal::IdTaken { id, name, address }
            }
        }
        7 => Refusal::Network(reader.ip()?),
        8 => Refusal::Full(usize::try_from(reader.u32()?).unwrap_or(usize::MAX)),
        other => return Err(WireError::Kind(other, "refusal")),
    })
}
