//! Exchanges of everything that is known, over a stream: when a member comes, and now and then.

use std::net::SocketAddr;
use std::time::Duration;

use crate::effects::Effects;
use crate::error::{JoinFailure, Refusal};
use crate::item::Item;
use crate::message::{
    Reply, Request, SyncHead, SyncMember, each_event, failed_reply, refused_reply, write_events,
};
use crate::peer::{Peer, Sighting};
use crate::table::State;
use crate::wire::{Reader, WireError};

use super::{Core, Stage};

// === impl Core ===

impl Core {
    /// Answers a request. `None` where it is not worth an answer.
    pub(crate) fn handle_request(
        &mut self,
        now: Duration,
        from: SocketAddr,
        stream: [u8; 16],
        bytes: &[u8],
    ) -> Option<Vec<u8>> {
        self.enter(now);
        if self.stage == Stage::Gone {
            return None;
        }
        if !self.allows(from) {
            return Some(refused_reply(&Refusal::Network(from.ip())));
        }
        let reply = match Request::read(bytes) {
            Ok(Request::Keys(operation)) => Ok(self.answer_keys(stream, operation)),
            Ok(Request::Sync(reader)) => self.answer_sync(from, reader),
            Err(error) => Err(error),
        };
        Some(reply.unwrap_or_else(|error| {
            tracing::debug!(%from, %error, "a request is refused");
            failed_reply(&error.to_string())
        }))
    }

    /// The request that exchanges everything.
    pub(crate) fn sync_request(&self, now: Duration) -> Vec<u8> {
        self.enter(now);
        self.sync_message()
    }

    /// Takes the reply to it.
    pub(crate) fn handle_sync_reply(
        &mut self,
        now: Duration,
        joining: bool,
        bytes: &[u8],
    ) -> Result<(), JoinFailure> {
        self.enter(now);
        let unreadable = |error: WireError| JoinFailure::Unreadable(error.to_string());
        let mut reader = match Reply::read(bytes).map_err(unreadable)? {
            Reply::Sync(reader) => reader,
            Reply::Refused(refusal) => return Err(refusal.into()),
            Reply::Failed(reason) => return Err(JoinFailure::Unreadable(reason)),
            Reply::Keys(_) => {
                return Err(JoinFailure::Unreadable("it answers something else".into()));
            }
        };
        let wall = self.table.lock().wall;
        let head = SyncHead::read(&mut reader, wall).map_err(unreadable)?;
        if head.me.who == self.foca.identity().who {
            return Ok(());
        }
        if let Some(refusal) = self.refusal(&head) {
            return Err(JoinFailure::Conflict(refusal.to_string()));
        }
        self.merge(&head, reader, joining).map_err(unreadable)?;
        if joining {
            self.tell_profile();
        }
        Ok(())
    }

    fn answer_sync(
        &mut self,
        from: SocketAddr,
        mut reader: Reader<'_>,
    ) -> Result<Vec<u8>, WireError> {
        let wall = self.table.lock().wall;
        let head = SyncHead::read(&mut reader, wall)?;
        if let Some(refusal) = self.refusal(&head) {
            tracing::warn!(
                %from,
                name = %head.me.who.name,
                id = %head.me.who.id,
                reason = %refusal,
                "a member that wants to join is refused"
            );
            return Ok(refused_reply(&refusal));
        }
        if head.me.who != self.foca.identity().who {
            self.merge(&head, reader, false)?;
        }
        Ok(self.sync_message())
    }

    /// Why a member is not to be known.
    fn refusal(&self, head: &SyncHead) -> Option<Refusal> {
        if head.datacenter != self.datacenter {
            return Some(Refusal::Datacenter {
                theirs: self.datacenter.clone(),
                ours: head.datacenter.clone(),
            });
        }
        if !self.allows(head.me.address) {
            return Some(Refusal::Network(head.me.address.ip()));
        }
        let table = self.table.lock();
        if let Some(holder) = table.holder(&head.me.who) {
            let (id, name, address) = (holder.id, holder.name.clone(), holder.address);
            return Some(if name == head.me.who.name.as_ref() {
                Refusal::NameTaken { name, id, address }
            } else {
                Refusal::IdTaken { id, name, address }
            });
        }
        (!table.has_room_for(&head.me.who)).then_some(Refusal::Full(self.limits.members))
    }

    /// Takes in everything that another member knows.
    fn merge(
        &mut self,
        head: &SyncHead,
        mut reader: Reader<'_>,
        joining: bool,
    ) -> Result<(), WireError> {
        let wall = self.table.lock().wall;
        self.table.lock().clock.witness(head.clock, joining);
        let mut effects = Effects::default();
        self.apply(Sighting::alive(head.me.clone()), &mut effects);
        reader.each(|reader| {
            let member = SyncMember::read(reader, wall)?;
            self.take_member(member, &mut effects);
            Ok(())
        })?;
        each_event(&mut reader, |event| {
            self.table.lock().hear(Item::User(event), false);
        })?;
        self.perform(effects);
        self.answer_claims();
        self.tune();
        Ok(())
    }

    fn take_member(&mut self, member: SyncMember, effects: &mut Effects) {
        let peer = member.sighting.id().clone();
        if !self.table.lock().admit(&peer) {
            return;
        }
        let now = self.now();
        let is_down = member.sighting.state() == foca::State::Down;
        let since = now.saturating_sub(member.down_for);
        let leaves = member
            .leave
            .as_ref()
            .is_some_and(|leave| leave.generation >= peer.generation);
        if is_down && self.is_over(State::Down(since), leaves, now) {
            return;
        }
        let is_new = self.table.lock().record(&peer.who).is_none();
        self.apply(member.sighting, effects);
        // what it is has to be known before anybody hears of it
        self.perform(std::mem::take(effects));
        let mut table = self.table.lock();
        if is_down && is_new && peer.who != table.me {
            table.sight(&peer, State::Down(since));
        }
        if let Some(leave) = member.leave {
            table.hear(Item::Leave(leave), false);
        }
        if let Some(profile) = member.profile {
            table.hear(Item::Profile(profile), false);
        }
    }

    fn apply(&mut self, sighting: Sighting, effects: &mut Effects) {
        if let Err(error) = self
            .foca
            .apply_many(std::iter::once(sighting), true, effects)
        {
            tracing::debug!(%error, "what another member knows is not taken");
        }
    }

    fn sync_message(&self) -> Vec<u8> {
        let table = self.table.lock();
        let me = self.foca.identity();
        let head = SyncHead {
            datacenter: self.datacenter.clone(),
            clock: table.clock.time(),
            me: me.clone(),
        };
        let mut writer = head.begin();
        let others = self
            .foca
            .iter_membership_state()
            .filter(|member| member.id().who != me.who);
        let own = Sighting::alive(Peer::clone(me));
        let members: Vec<&Sighting> = others.chain([&own]).collect();
        writer.list(members.into_iter(), |writer, sighting| {
            let record = table.record(&sighting.id().who);
            let down_for = match record.map(|record| record.state) {
                Some(State::Down(since)) => table.now.saturating_sub(since),
                Some(State::Up) | None => Duration::ZERO,
            };
            let member = SyncMember {
                sighting: sighting.clone(),
                down_for,
                profile: record.and_then(|record| record.profile.clone()),
                leave: record.and_then(|record| record.leave.clone()),
            };
            member.write(writer);
        });
        write_events(table.clock.recent(), &mut writer);
        writer.0
    }
}
