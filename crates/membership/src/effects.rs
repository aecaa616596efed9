//! What the protocol underneath wants done.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;

use foca::{Notification, Runtime, Timer};

use crate::peer::Peer;

/// What came of one call.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) sends: Vec<(SocketAddr, Vec<u8>)>,
    pub(crate) timers: Vec<(Timer<Peer>, Duration)>,
    pub(crate) changes: Vec<Change>,
}

/// A change of what is known of a member.
pub(crate) enum Change {
    Up(Peer),
    Down(Peer),
    Moved(Peer),
    /// This member was taken for dead and lives again.
    Rejoined(Peer),
}

impl Runtime<Peer> for Effects {
    fn notify(&mut self, notification: Notification<'_, Peer>) {
        let change = match notification {
            Notification::MemberUp(peer) => Change::Up(peer.clone()),
            Notification::MemberDown(peer) => Change::Down(peer.clone()),
            Notification::Rename(_, now) => Change::Moved(now.clone()),
            Notification::Rejoin(me) => Change::Rejoined(me.clone()),
            Notification::Active | Notification::Idle | Notification::Defunct => return,
        };
        self.changes.push(change);
    }

    fn send_to(&mut self, to: Peer, data: &[u8]) {
        self.sends.push((to.address, data.to_vec()));
    }

    fn submit_after(&mut self, event: Timer<Peer>, after: Duration) {
        self.timers.push((event, after));
    }
}

/// What is due, and when.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Due>>,
    next: u64,
}

struct Due {
    at: Duration,
    /// Those of one moment come in the order that the protocol wants.
    timer: Timer<Peer>,
    number: u64,
}

// === impl Timers ===

impl Timers {
    pub(crate) fn push(&mut self, at: Duration, timer: Timer<Peer>) {
        let number = self.next;
        self.next += 1;
        self.heap.push(Reverse(Due { at, timer, number }));
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.heap.peek().map(|due| due.0.at)
    }

    pub(crate) fn pop(&mut self, now: Duration) -> Option<Timer<Peer>> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|due| due.0.timer)
    }

    pub(crate) fn clear(&mut self) {
        self.heap.clear();
    }
}

// === impl Due ===

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, &self.timer, self.number).cmp(&(other.at, &other.timer, other.number))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Due {}
