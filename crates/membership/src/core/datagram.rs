//! Datagrams: gossip itself, and asking members what they are.

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::Refusal;
use crate::item::Item;
use crate::peer::{Peer, Sighting, Who, read_sighting, write_sighting};
use crate::table::State;
use crate::wire::{Reader, WireError, Writer};

use super::{Core, Stage};

const GOSSIP: u8 = 0;
/// Asks a member what it is.
const ASK: u8 = 1;
/// A piece of news for one member alone.
const TELL: u8 = 2;
/// Tells a member that it is suspected. Gossip alone may never reach it: it is passed on a few times only,
/// which may all be before the network is whole again.
const SUSPECT: u8 = 3;

// === impl Core ===

impl Core {
    /// Takes one datagram.
    pub(crate) fn handle_datagram(&mut self, now: Duration, from: SocketAddr, frame: &[u8]) {
        self.enter(now);
        if self.stage == Stage::Gone {
            return;
        }
        let opened = if self.allows(from) {
            self.gate.open(&self.context(), frame)
        } else {
            Err(Refusal::Network(from.ip()))
        };
        match opened {
            Ok(plain) => {
                if let Err(error) = self.handle_plain(&plain) {
                    tracing::debug!(%from, %error, "a datagram is ignored");
                }
            }
            Err(refusal) => self.complain(from, &refusal),
        }
    }

    fn handle_plain(&mut self, plain: &[u8]) -> Result<(), WireError> {
        let (kind, rest) = plain.split_first().ok_or(WireError::Short)?;
        match *kind {
            GOSSIP => {
                self.drive("a datagram", |foca, effects| {
                    foca.handle_data(rest, effects)
                });
                Ok(())
            }
            ASK => self.answer_ask(rest),
            TELL => {
                self.table.lock().hear(Item::read(rest)?, false);
                self.answer_claims();
                Ok(())
            }
            SUSPECT => self.answer_suspicion(rest),
            other => Err(WireError::Kind(other, "datagram")),
        }
    }

    /// Says once in a while that something is refused here.
    pub(crate) fn complain(&mut self, from: SocketAddr, refusal: &Refusal) {
        let now = self.now();
        if let Some(before) = self.gate.complain(refusal, now) {
            let reason = match refusal {
                Refusal::WrongKey => "it is encrypted with a key that is not held here",
                Refusal::KeyNeeded => "it is not encrypted, and must be",
                Refusal::NoKey => "it is encrypted, and no key is held here",
                Refusal::Network(_) => "its network is not allowed",
                Refusal::Version
                | Refusal::Datacenter { .. }
                | Refusal::NameTaken { .. }
                | Refusal::IdTaken { .. }
                | Refusal::Full(_) => "it is of no version that is spoken here",
            };
            tracing::warn!(%from, before, reason, "gossip is refused");
        }
    }

    /// Whether an address may be a member's.
    pub(super) fn allows(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        self.networks.is_empty()
            || self
                .networks
                .iter()
                .any(|(network, prefix)| contains(*network, *prefix, ip))
    }

    pub(super) fn send_gossip(&mut self, to: SocketAddr, packet: &[u8]) {
        self.send(to, GOSSIP, packet);
    }

    /// Asks a member what it is, where that is not known.
    pub(super) fn ask_profile(&mut self, peer: &Peer) {
        let is_known = {
            let table = self.table.lock();
            table
                .record(&peer.who)
                .is_none_or(|record| record.profile.is_some())
        };
        if !is_known {
            let mut writer = Writer::default();
            self.foca.identity().who.write(&mut writer);
            self.send(peer.address, ASK, &writer.0);
        }
    }

    /// Answers to where the member that asks is known to be, not to wherever the question came from.
    fn answer_ask(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let mut reader = Reader(bytes);
        let who = Who::read(&mut reader)?;
        reader.end()?;
        let (address, profile) = {
            let table = self.table.lock();
            let asker = table
                .record(&who)
                .filter(|record| record.state == State::Up);
            let mine = table
                .record(&table.me)
                .and_then(|record| record.profile.clone());
            (asker.map(|record| record.peer.address), mine)
        };
        if let (Some(address), Some(profile)) = (address, profile) {
            self.send(address, TELL, &Item::Profile(profile).bytes());
        }
        Ok(())
    }

    /// Tells a member that it is suspected.
    pub(super) fn tell_suspect(&mut self, suspect: &Sighting) {
        let mut writer = Writer::default();
        self.foca.identity().who.write(&mut writer);
        write_sighting(suspect, &mut writer);
        self.send(suspect.id().address, SUSPECT, &writer.0);
    }

    /// Contradicts, to the one who tells it first.
    fn answer_suspicion(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let mut reader = Reader(bytes);
        let who = Who::read(&mut reader)?;
        let (wall, accuser) = {
            let table = self.table.lock();
            let accuser = table.record(&who).map(|record| record.peer.clone());
            (table.wall, accuser)
        };
        let sighting = read_sighting(&mut reader, wall)?;
        reader.end()?;
        let is_suspicion =
            sighting.id() == self.foca.identity() && sighting.state() == foca::State::Suspect;
        if is_suspicion && self.stage == Stage::Here {
            self.drive("a suspicion", |foca, mut effects| {
                foca.apply_many(std::iter::once(sighting), false, &mut effects)?;
                accuser.map_or(Ok(()), |accuser| foca.announce(accuser, effects))
            });
        }
        Ok(())
    }

    fn send(&mut self, to: SocketAddr, kind: u8, bytes: &[u8]) {
        let mut plain = Vec::with_capacity(bytes.len() + 1);
        plain.push(kind);
        plain.extend_from_slice(bytes);
        let frame = self.gate.seal(&self.context(), &plain);
        self.transmits.push_back((to, frame));
    }

    /// A datagram of another datacenter is not taken for one of this one.
    fn context(&self) -> Vec<u8> {
        [b"tribune gossip 1 datagram ", self.datacenter.as_bytes()].concat()
    }
}

/// Whether an address lies in a network.
fn contains(network: std::net::IpAddr, prefix: u8, ip: std::net::IpAddr) -> bool {
    use std::net::IpAddr::{V4, V6};
    match (network, ip) {
        (V4(network), V4(ip)) => {
            let shift = 32_u32.saturating_sub(prefix.into());
            let cut = |ip: std::net::Ipv4Addr| u64::from(ip.to_bits()) >> shift;
            cut(network) == cut(ip)
        }
        (V6(network), V6(ip)) => {
            let shift = 128_u32.saturating_sub(prefix.into());
            let cut = |ip: std::net::Ipv6Addr| ip.to_bits().checked_shr(shift).unwrap_or(0);
            cut(network) == cut(ip)
        }
        (V4(_), V6(_)) | (V6(_), V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn networks_contain_their_addresses() {
        let within = |network: &str, prefix, ip: &str| {
            contains(network.parse().unwrap(), prefix, ip.parse().unwrap())
        };
        assert!(within("10.1.0.0", 16, "10.1.200.3"));
        assert!(!within("10.1.0.0", 16, "10.2.0.1"));
        assert!(within("0.0.0.0", 0, "203.0.113.9"));
        assert!(within("10.1.2.3", 32, "10.1.2.3"));
        assert!(within("fd00::", 8, "fd12::1"));
        assert!(within("::", 0, "2001:db8::1"));
        assert!(!within("fd00::", 8, "2001:db8::1"));
        assert!(!within("0.0.0.0", 0, "::1"));
    }
}
