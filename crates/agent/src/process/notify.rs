//! What a service manager is told, by the protocol of `sd_notify`: one datagram to a socket that it names.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The variable that names the socket.
const SOCKET: &str = "NOTIFY_SOCKET";

/// What the agent does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// It answers.
    Ready,
    /// It reads its configuration again.
    Reloading,
    /// It ends.
    Stopping,
}

/// Tells the service manager, if there is one.
pub(crate) fn notify(notice: Notice) {
    let Some(socket) = std::env::var_os(SOCKET) else {
        return;
    };
    let sent = address(socket.as_encoded_bytes()).and_then(|address| send(&address, notice));
    if let Err(error) = sent {
        tracing::warn!(?socket, %error, "the service manager cannot be told of this agent");
    }
}

fn address(name: &[u8]) -> io::Result<SocketAddr> {
    match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => {
            let path: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(name);
            SocketAddr::from_pathname(path)
        }
    }
}

fn send(address: &SocketAddr, notice: Notice) -> io::Result<()> {
    let text = match notice {
        Notice::Ready => "READY=1".to_owned(),
        Notice::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_micros()),
        Notice::Stopping => "STOPPING=1".to_owned(),
    };
    let socket = UnixDatagram::unbound()?;
    socket.send_to_addr(text.as_bytes(), address).map(drop)
}

/// The clock by which a service manager orders reloads.
fn monotonic_micros() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_says_what_the_agent_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let address = address(path.as_os_str().as_encoded_bytes()).unwrap();
        let mut text = [0; 128];
        for (notice, expected) in [
            (Notice::Ready, "READY=1"),
            (Notice::Reloading, "RELOADING=1\nMONOTONIC_USEC="),
            (Notice::Stopping, "STOPPING=1"),
        ] {
            send(&address, notice).unwrap();
            let length = socket.recv(&mut text).unwrap();
            let text = std::str::from_utf8(&text[..length]).unwrap();
            assert!(text.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn a_name_may_be_abstract() {
        let name = format!("tribune-test-{}", std::process::id());
        let listening = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&listening).unwrap();
        send(
            &address(format!("@{name}").as_bytes()).unwrap(),
            Notice::Ready,
        )
        .unwrap();
        let mut text = [0; 16];
        assert_eq!(socket.recv(&mut text).unwrap(), "READY=1".len());
    }
}
