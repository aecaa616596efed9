//! The tuning of the protocol underneath.

use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

use foca::PeriodicParams;

use crate::key::OVERHEAD;
use crate::settings::Timing;

use super::PACKET;

/// How many others are asked to try a member that does not answer.
const INDIRECT: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");
/// The least of every interval: there is work at each.
const LEAST: Duration = Duration::from_millis(1);

/// The order of a cluster's size: it grows by one when the cluster grows tenfold.
pub(super) fn order(members: usize) -> u32 {
    members.max(1).ilog10() + 1
}

/// Timing without what the protocol cannot do.
pub(super) fn sane(mut timing: Timing) -> Timing {
    for interval in [
        &mut timing.probe_interval,
        &mut timing.gossip_interval,
        &mut timing.sync_interval,
        &mut timing.sync_timeout,
        &mut timing.reconnect_interval,
    ] {
        *interval = (*interval).max(LEAST * 2);
    }
    // others need as much time again to try it
    timing.probe_timeout = timing.probe_timeout.clamp(LEAST, timing.probe_interval / 2);
    timing
}

pub(super) fn of(timing: &Timing, members: usize) -> foca::Config {
    let times = timing.retransmit_mult.saturating_mul(order(members));
    let rounds = timing.suspicion_mult.max(1).saturating_mul(order(members));
    foca::Config {
        probe_period: timing.probe_interval,
        probe_rtt: timing.probe_timeout,
        num_indirect_probes: INDIRECT,
        max_transmissions: u8::try_from(times)
            .ok()
            .and_then(NonZeroU8::new)
            .unwrap_or(NonZeroU8::MAX),
        suspect_to_down_after: timing.probe_interval.saturating_mul(rounds),
        // who is forgotten when is decided above
        remove_down_after: None,
        // a frame has one byte before what is sealed, and one for what is in it
        max_packet_size: NonZeroUsize::new(PACKET - OVERHEAD - 2)
            .expect("a packet is larger than what is around it"),
        notify_down_members: true,
        periodic_announce: None,
        periodic_announce_to_down_members: None,
        periodic_gossip: Some(PeriodicParams {
            frequency: timing.gossip_interval,
            num_members: NonZeroUsize::new(timing.gossip_nodes).unwrap_or(NonZeroUsize::MIN),
        }),
    }
}
