//! `tls`: certificates with which agents know each other.

mod ca;
mod cert;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use crate::failure::Failure;
use crate::tree::{Group, Node};

pub(super) const GROUP: Group = Group {
    name: "tls",
    about: "Makes certificates with which agents know each other.",
    children: &[
        Node::Group(Group {
            name: "ca",
            about: "The authority that certifies agents.",
            children: &[Node::Leaf(ca::CREATE)],
        }),
        Node::Group(Group {
            name: "cert",
            about: "Certificates of agents.",
            children: &[Node::Leaf(cert::CREATE)],
        }),
    ],
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Permissions of a certificate's file, less what the process masks.
const FOR_ALL: u32 = 0o666;
/// Permissions of a key's file.
const FOR_OWNER: u32 = 0o600;

/// How long a number of days is.
fn days(number: u64) -> Result<Duration, Failure> {
    u32::try_from(number)
        .ok()
        .filter(|days| (1..=36_500).contains(days))
        .map(|days| DAY * days)
        .ok_or_else(|| Failure::new(format!("-days {number}: expected 1 to 36500")))
}

/// Writes a certificate and its key where neither is yet, and says so.
fn save(out: &mut dyn Write, certificate: (&str, &str), key: (&str, &str)) -> Result<(), Failure> {
    for (name, _) in [certificate, key] {
        if Path::new(name).exists() {
            return Err(exists(name));
        }
    }
    for ((name, text), mode) in [(certificate, FOR_ALL), (key, FOR_OWNER)] {
        create(name, text, mode)?;
        writeln!(out, "==> Saved {name}")?;
    }
    Ok(())
}

fn exists(name: &str) -> Failure {
    Failure::new(format!("{name} already exists; nothing is overwritten"))
}

fn create(name: &str, text: &str, mode: u32) -> Result<(), Failure> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(name);
    let written = created.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(name),
        _ => Failure::new(format!("Failed to write {name}: {error}")),
    })
}
