//! Bootstrap, joining, gossip, and the servers' log.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tribune_types::GoDuration;

use super::network::Addresses;
use super::{Checks, shown};
use crate::address::ip;
use crate::cluster::{Autopilot, Bootstrap, Gossip, GossipKey, Join, Patience, Raft};
use crate::{Ports, raw};

/// Three days, as of the reference, after which an agent that is away is forgotten.
const RECONNECT_SECS: i64 = 72 * 3600;
/// A week, after which a server that was off does not come back by itself.
const REJOIN_AGE_SECS: i64 = 7 * 24 * 3600;
/// Shortest time that makes sense for that.
const SHORTEST_REJOIN_AGE: Duration = Duration::from_secs(6 * 3600);
/// Shortest time between two questions to a silent connection.
const SHORTEST_KEEPALIVE: Duration = Duration::from_secs(1);

// === impl Checks ===

impl Checks<'_> {
    pub(super) fn bootstrap(&mut self, raw: &raw::Raw, server: bool, dev: bool) -> Bootstrap {
        let alone = raw.bootstrap.unwrap_or(false);
        let expect = raw.bootstrap_expect.unwrap_or(0);
        if alone && !server {
            self.refuse(
                "bootstrap",
                "only a server can bootstrap; set `server = true`",
            );
        }
        let expect = u32::try_from(expect).unwrap_or_else(|_| {
            let reason = format!("{expect} is no number of servers");
            self.refuse("bootstrap_expect", reason);
            0
        });
        match expect {
            0 => {}
            _ if dev => self.refuse("bootstrap_expect", "development mode is a single server"),
            _ if !server => self.refuse(
                "bootstrap_expect",
                "only servers bootstrap; set `server = true`",
            ),
            _ if alone => self.refuse(
                "bootstrap_expect",
                "it excludes `bootstrap`; set one of them",
            ),
            1 => {}
            2 => self.notices.push(
                "bootstrap_expect: a cluster of 2 servers stops when either fails; use 1 or 3"
                    .to_owned(),
            ),
            even if even % 2 == 0 => self.notices.push(format!(
                "bootstrap_expect: {even} servers survive no more failures than {} do",
                even - 1
            )),
            _ => {}
        }
        match expect {
            _ if alone || dev => Bootstrap::Alone,
            0 => Bootstrap::Join,
            1 => Bootstrap::Alone,
            expect => Bootstrap::Expect(expect),
        }
    }

    pub(super) fn join(&mut self, raw: &raw::Raw, server: bool) -> Join {
        for address in &raw.retry_join {
            if let Some(reason) = unsupported_address(address) {
                self.refuse("retry_join", reason);
            }
        }
        let age = self.wait(
            "server_rejoin_age_max",
            raw.server_rejoin_age_max,
            REJOIN_AGE_SECS,
        );
        if age < SHORTEST_REJOIN_AGE {
            self.refuse("server_rejoin_age_max", "it must be at least 6h0m0s");
        }
        // 0 stands for the default, as in the reference
        let reconnect = raw
            .reconnect_timeout
            .filter(|time| *time != GoDuration::ZERO);
        Join {
            addresses: raw.retry_join.clone(),
            interval: self.positive("retry_interval", raw.retry_interval, 30_000),
            max_attempts: self.count("retry_max", raw.retry_max, 0, 0),
            rejoin_after_leave: raw.rejoin_after_leave.unwrap_or(false),
            leave_on_terminate: raw.leave_on_terminate.unwrap_or(!server),
            leave_on_interrupt: !raw.skip_leave_on_interrupt.unwrap_or(server),
            reconnect_timeout: self.positive("reconnect_timeout", reconnect, RECONNECT_SECS * 1000),
            server_rejoin_age_max: age,
        }
    }

    pub(super) fn gossip(
        &mut self,
        raw: &raw::Raw,
        addresses: &Addresses,
        ports: &Ports,
        dev: bool,
    ) -> Gossip {
        let tuned = &raw.gossip_lan;
        let or_dev = |usual: i64, in_dev: i64| if dev { in_dev } else { usual };
        let bind = raw
            .serf_lan
            .as_deref()
            .filter(|text| !text.trim().is_empty());
        let bind = bind.and_then(|text| self.note(ip("serf_lan", text)));
        let allowed = raw.serf_lan_allowed_cidrs.iter();
        let allowed = allowed
            .filter_map(|text| {
                let network = network(text);
                if network.is_none() {
                    let reason = format!("{} is not a network like 10.0.0.0/8", shown(text));
                    self.refuse("serf_lan_allowed_cidrs", reason);
                }
                network
            })
            .collect();
        let gossip = Gossip {
            bind: SocketAddr::new(bind.unwrap_or(addresses.bind), ports.serf_lan),
            advertise: SocketAddr::new(addresses.advertise, ports.serf_lan),
            key: self.gossip_key(raw.encrypt.as_ref()),
            verify_incoming: raw.encrypt_verify_incoming.unwrap_or(true),
            verify_outgoing: raw.encrypt_verify_outgoing.unwrap_or(true),
            disable_keyring_file: raw.disable_keyring_file.unwrap_or(dev),
            allowed_networks: allowed,
            interval: self.positive(
                "gossip_lan.gossip_interval",
                tuned.gossip_interval,
                or_dev(200, 100),
            ),
            nodes: self.count("gossip_lan.gossip_nodes", tuned.gossip_nodes, 3, 1),
            probe_interval: self.positive(
                "gossip_lan.probe_interval",
                tuned.probe_interval,
                or_dev(1000, 100),
            ),
            probe_timeout: self.positive(
                "gossip_lan.probe_timeout",
                tuned.probe_timeout,
                or_dev(500, 100),
            ),
            suspicion_mult: self.count(
                "gossip_lan.suspicion_mult",
                tuned.suspicion_mult,
                or_dev(4, 3),
                1,
            ),
            retransmit_mult: self.count("gossip_lan.retransmit_mult", tuned.retransmit_mult, 4, 1),
        };
        if gossip.probe_timeout > gossip.probe_interval {
            self.refuse(
                "gossip_lan.probe_timeout",
                "it must not be longer than `gossip_lan.probe_interval`",
            );
        }
        gossip
    }

    fn gossip_key(&mut self, text: Option<&raw::Secret>) -> Option<GossipKey> {
        let text = text?.reveal().trim();
        if text.is_empty() {
            return None;
        }
        // the text is a secret, so no message repeats it
        match STANDARD.decode(text).map(|bytes| bytes.len()) {
            Ok(16 | 32) => {}
            Ok(24) => self.refuse(
                "encrypt",
                "keys of 24 bytes are not supported; make one of 32 with `tribune keygen`",
            ),
            Ok(length) => self.refuse(
                "encrypt",
                format!(
                    "a key has 32 or 16 bytes, this one {length}; make one with `tribune keygen`"
                ),
            ),
            Err(_) => self.refuse(
                "encrypt",
                "it is not base64; make a key with `tribune keygen`",
            ),
        }
        Some(GossipKey::new(text.to_owned()))
    }

    pub(super) fn raft(&mut self, raw: &raw::Raw, dev: bool) -> Raft {
        if raw.raft_protocol.is_some_and(|version| version != 3) {
            self.refuse("raft_protocol", "there is only version 3");
        }
        if raw
            .protocol
            .is_some_and(|version| !(2..=3).contains(&version))
        {
            self.refuse("protocol", "there are only versions 2 and 3");
        }
        let multiplier = raw.performance.raft_multiplier;
        let multiplier = multiplier.unwrap_or(if dev { 1 } else { 5 });
        let multiplier = u32::try_from(multiplier)
            .ok()
            .filter(|n| (1..=10).contains(n));
        if multiplier.is_none() {
            self.refuse(
                "performance.raft_multiplier",
                "it must be between 1 and 10; 1 suits servers on machines of their own",
            );
        }
        let entries = |checks: &mut Self, key, given: Option<i64>, default| {
            u64::from(checks.count(key, given, default, 1))
        };
        Raft {
            multiplier: multiplier.unwrap_or(5),
            snapshot_interval: self.positive(
                "raft_snapshot_interval",
                raw.raft_snapshot_interval,
                30_000,
            ),
            snapshot_threshold: entries(
                self,
                "raft_snapshot_threshold",
                raw.raft_snapshot_threshold,
                16_384,
            ),
            trailing_logs: entries(self, "raft_trailing_logs", raw.raft_trailing_logs, 10_240),
            prevote_disabled: raw.raft_prevote_disabled.unwrap_or(false),
        }
    }

    pub(super) fn autopilot(&mut self, raw: &raw::Autopilot) -> Autopilot {
        let logs = "autopilot.max_trailing_logs";
        Autopilot {
            cleanup_dead_servers: raw.cleanup_dead_servers.unwrap_or(true),
            last_contact_threshold: self.positive(
                "autopilot.last_contact_threshold",
                raw.last_contact_threshold,
                200,
            ),
            max_trailing_logs: u64::from(self.count(logs, raw.max_trailing_logs, 250, 0)),
            min_quorum: self.count("autopilot.min_quorum", raw.min_quorum, 0, 0),
            server_stabilization_time: self.wait(
                "autopilot.server_stabilization_time",
                raw.server_stabilization_time,
                10,
            ),
        }
    }

    pub(super) fn patience(&mut self, raw: &raw::Performance) -> Patience {
        let mut keepalive = |key: &str, given, default| {
            let time = self.positive(key, given, default);
            if time < SHORTEST_KEEPALIVE {
                self.refuse(key, "it must be at least 1s");
            }
            time
        };
        let (interval, timeout) = (
            keepalive(
                "performance.grpc_keepalive_interval",
                raw.grpc_keepalive_interval,
                30_000,
            ),
            keepalive(
                "performance.grpc_keepalive_timeout",
                raw.grpc_keepalive_timeout,
                20_000,
            ),
        );
        Patience {
            leave_drain: self.wait("performance.leave_drain_time", raw.leave_drain_time, 5),
            rpc_hold: self.wait("performance.rpc_hold_timeout", raw.rpc_hold_timeout, 7),
            grpc_keepalive_interval: interval,
            grpc_keepalive_timeout: timeout,
        }
    }

    /// A time above nothing; the default is in milliseconds.
    pub(super) fn positive(
        &mut self,
        key: &str,
        given: Option<GoDuration>,
        default_millis: i64,
    ) -> Duration {
        let default = Duration::from_millis(default_millis.unsigned_abs());
        let Some(given) = given else { return default };
        if given <= GoDuration::ZERO {
            self.refuse(key, format!("{given} must be more than 0s"));
            return default;
        }
        given.to_std()
    }

    /// A number of things, at least `least`.
    pub(super) fn count(&mut self, key: &str, given: Option<i64>, default: i64, least: u32) -> u32 {
        let number = given.unwrap_or(default);
        let count = u32::try_from(number).ok().filter(|count| *count >= least);
        count.unwrap_or_else(|| {
            let most = u32::MAX;
            self.refuse(key, format!("{number} is not from {least} to {most}"));
            least
        })
    }
}

/// Why an address cannot be joined at, if it cannot.
fn unsupported_address(address: &str) -> Option<String> {
    let address = address.trim();
    if address.is_empty() {
        return Some("an address is empty".to_owned());
    }
    if address.contains("provider=") {
        return Some(format!(
            "{} asks a cloud for addresses, which is not supported yet; write them",
            shown(address)
        ));
    }
    address.contains("{{").then(|| {
        format!(
            "{} is a template, which is not supported yet; write the address",
            shown(address)
        )
    })
}

/// A network in CIDR notation.
pub(super) fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.trim().split_once('/')?;
    let (address, bits) = (address.parse::<IpAddr>().ok()?, bits.parse::<u8>().ok()?);
    let most = if address.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some((address, bits))
}
