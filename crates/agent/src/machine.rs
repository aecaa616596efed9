//! What the agent finds out about the machine that it runs on.

use std::net::{IpAddr, Ipv4Addr};

use tribune_config::Machine;

/// The machine, for an agent in development mode or not.
pub(crate) fn machine(dev: bool) -> Machine {
    Machine {
        dev,
        host_name: host_name(),
        private_address: private_address(),
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// The address that this machine would use to reach others. Nothing is sent to find it out.
fn private_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket
        .local_addr()
        .ok()
        .map(|address| address.ip())
        .filter(|ip| !ip.is_unspecified())
}
