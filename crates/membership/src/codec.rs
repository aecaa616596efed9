//! The packets of the protocol underneath, and what rides along with them.
//!
//! Acknowledgements carry where their sender is, and when they come tells how far that is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, BufMut};
use foca::{BroadcastHandler, Header, Message};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::coordinate::Coordinate;
use crate::item::{Item, Topic};
use crate::peer::{Peer, Sighting, read_sighting, write_sighting};
use crate::table::Table;
use crate::wire::{Reader, WireError, Writer};

/// The table, where both the protocol underneath and what is above it find it. Whoever holds the lock
/// calls nothing of the other.
#[derive(Clone, Debug)]
pub(crate) struct SharedTable(Arc<Mutex<Table>>);

/// Reads and writes packets.
pub(crate) struct Codec {
    table: SharedTable,
    random: SmallRng,
}

/// Takes pieces of news.
pub(crate) struct News(pub(crate) SharedTable);

// === impl SharedTable ===

impl SharedTable {
    pub(crate) fn new(table: Table) -> Self {
        Self(Arc::new(Mutex::new(table)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl News ===

impl BroadcastHandler<Peer> for News {
    type Key = Topic;
    type Error = WireError;

    fn receive_item(
        &mut self,
        data: &[u8],
        sender: Option<&Peer>,
    ) -> Result<Option<Topic>, WireError> {
        let item = Item::read(data)?;
        let topic = item.topic();
        let is_new = self.0.lock().hear(item, sender.is_none());
        Ok(is_new.then_some(topic))
    }
}

// === impl Codec ===

impl Codec {
    pub(crate) fn new(table: SharedTable, seed: u64) -> Self {
        Self {
            table,
            random: SmallRng::seed_from_u64(seed),
        }
    }

    fn read_peer(&self, reader: &mut Reader<'_>) -> Result<Peer, WireError> {
        let mut table = self.table.lock();
        let peer = Peer::read(reader, table.wall)?;
        if table.admit(&peer) {
            Ok(peer)
        } else {
            Err(WireError::Full)
        }
    }

    fn read_header(&mut self, reader: &mut Reader<'_>) -> Result<Header<Peer>, WireError> {
        let src = self.read_peer(reader)?;
        let src_incarnation = reader.u16()?;
        let dst = self.read_peer(reader)?;
        let message = match reader.u8()? {
            0 => Message::Ping(reader.u8()?),
            1 => {
                let number = reader.u8()?;
                let there = read_coordinate(reader)?;
                self.hear_ack(&src, number, there);
                Message::Ack(number)
            }
            2 => {
                let (target, probe_number) = (self.read_peer(reader)?, reader.u8()?);
                Message::PingReq {
                    target,
                    probe_number,
                }
            }
            3 => {
                let (origin, probe_number) = (self.read_peer(reader)?, reader.u8()?);
                Message::IndirectPing {
                    origin,
                    probe_number,
                }
            }
            4 => {
                let (target, probe_number) = (self.read_peer(reader)?, reader.u8()?);
                Message::IndirectAck {
                    target,
                    probe_number,
                }
            }
            5 => {
                let (origin, probe_number) = (self.read_peer(reader)?, reader.u8()?);
                Message::ForwardedAck {
                    origin,
                    probe_number,
                }
            }
            6 => Message::Announce,
            7 => Message::Feed,
            8 => Message::Gossip,
            9 => Message::Broadcast,
            10 if self.table.lock().listens() => Message::TurnUndead,
            10 => return Err(WireError::Repeated),
            other => return Err(WireError::Kind(other, "message of gossip")),
        };
        Ok(Header {
            src,
            src_incarnation,
            dst,
            message,
        })
    }

    fn hear_ack(&mut self, from: &Peer, number: u8, there: Coordinate) {
        let mut table = self.table.lock();
        let Some((asked, asked_number, since)) = &table.probe else {
            return;
        };
        if *asked != from.who || *asked_number != number {
            return;
        }
        let round_trip = table.now.saturating_sub(*since).as_secs_f64();
        let direction = std::array::from_fn(|_| self.random.random_range(-1.0..1.0));
        table.probe = None;
        table.coordinate.learn(&there, round_trip, direction);
        if let Some(record) = table.record_mut(&from.who)
            && there.is_sound()
        {
            record.coordinate = Some(there);
        }
    }

    fn write_header(&self, header: &Header<Peer>) -> Vec<u8> {
        let mut writer = Writer::default();
        header.src.write(&mut writer);
        writer.u16(header.src_incarnation);
        header.dst.write(&mut writer);
        let mut relayed = |kind: u8, peer: &Peer, number: u8| {
            writer.u8(kind);
            peer.write(&mut writer);
            writer.u8(number);
        };
        match &header.message {
            Message::Ping(number) => {
                let mut table = self.table.lock();
                table.probe = Some((header.dst.who.clone(), *number, table.now));
                writer.bytes(&[0, *number]);
            }
            Message::Ack(number) => {
                writer.bytes(&[1, *number]);
                write_coordinate(&self.table.lock().coordinate, &mut writer);
            }
            Message::PingReq {
                target,
                probe_number,
            } => relayed(2, target, *probe_number),
            Message::IndirectPing {
                origin,
                probe_number,
            } => relayed(3, origin, *probe_number),
            Message::IndirectAck {
                target,
                probe_number,
            } => relayed(4, target, *probe_number),
            Message::ForwardedAck {
                origin,
                probe_number,
            } => relayed(5, origin, *probe_number),
            Message::Announce => writer.u8(6),
            Message::Feed => writer.u8(7),
            Message::Gossip => writer.u8(8),
            Message::Broadcast => writer.u8(9),
            Message::TurnUndead => writer.u8(10),
        }
        writer.0
    }
}

impl foca::Codec<Peer> for Codec {
    type Error = WireError;

    fn encode_header(&mut self, header: &Header<Peer>, buf: impl BufMut) -> Result<(), WireError> {
        put(&self.write_header(header), buf)
    }

    fn decode_header(&mut self, mut buf: impl Buf) -> Result<Header<Peer>, WireError> {
        let mut reader = Reader(buf.chunk());
        let header = self.read_header(&mut reader)?;
        let left = reader.0.len();
        buf.advance(buf.remaining() - left);
        Ok(header)
    }

    fn encode_member(&mut self, member: &Sighting, buf: impl BufMut) -> Result<(), WireError> {
        let mut writer = Writer::default();
        write_sighting(member, &mut writer);
        put(&writer.0, buf)
    }

    fn decode_member(&mut self, mut buf: impl Buf) -> Result<Sighting, WireError> {
        let mut table = self.table.lock();
        let mut reader = Reader(buf.chunk());
        let member = read_sighting(&mut reader, table.wall)?;
        if !table.admit(member.id()) {
            return Err(WireError::Full);
        }
        let left = reader.0.len();
        buf.advance(buf.remaining() - left);
        Ok(member)
    }
}

fn put(bytes: &[u8], mut buf: impl BufMut) -> Result<(), WireError> {
    if buf.remaining_mut() < bytes.len() {
        return Err(WireError::Short);
    }
    buf.put_slice(bytes);
    Ok(())
}

fn read_coordinate(reader: &mut Reader<'_>) -> Result<Coordinate, WireError> {
    let mut numbers = [0.0; Coordinate::NUMBERS];
    for number in &mut numbers {
        *number = reader.f64()?;
    }
    Ok(Coordinate::from_numbers(numbers))
}

fn write_coordinate(coordinate: &Coordinate, writer: &mut Writer) {
    for number in coordinate.numbers() {
        writer.f64(number);
    }
}
