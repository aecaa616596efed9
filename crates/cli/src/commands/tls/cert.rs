//! `tls cert create`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::SystemTime;

use clap::{ArgMatches, Command};
use ring::rand::SystemRandom;
use tribune_ca::{AgentAuthority, AgentName};

use super::{days, save};
use crate::Context;
use crate::failure::Failure;
use crate::flags;
use crate::tree::Leaf;

pub(super) const CREATE: Leaf = Leaf {
    name: "create",
    about: "Makes a certificate of a server, of a client agent, or of the command line.",
    arguments: "",
    example: "tls cert create -server -dc dc1",
    flags: declare,
    run,
};

const DAYS: u64 = 365;
/// Most certificates of one name that are numbered.
const MOST: usize = 100_000;

fn declare(command: Command) -> Command {
    command.args([
        flags::switch("server", "For a server"),
        flags::switch("client", "For a client agent"),
        flags::switch("cli", "For the command line"),
        flags::text(
            "ca",
            "FILE",
            "The authority; DOMAIN-agent-ca.pem if left out",
        ),
        flags::text(
            "key",
            "FILE",
            "The authority's key; DOMAIN-agent-ca-key.pem if left out",
        ),
        flags::text("dc", "NAME", "Datacenter of the agent; dc1 if left out"),
        flags::text("node", "NAME", "Name of the server's node, with -server"),
        flags::number("days", "How many days it is valid; 365 if left out"),
        flags::text(
            "domain",
            "DOMAIN",
            "Domain of the agents; consul if left out",
        ),
        flags::many(
            "additional-dnsname",
            "NAME",
            "Another name that the agent is reached by; localhost is one of them anyway",
        ),
        flags::many(
            "additional-ipaddress",
            "IP",
            "Another address that the agent is reached by; 127.0.0.1 is one of them anyway",
        ),
    ])
}

/// Whose certificate it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Server,
    Client,
    Cli,
}

impl Holder {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Cli => "cli",
        }
    }
}

fn holder(matches: &ArgMatches) -> Result<Holder, Failure> {
    let holders = [Holder::Server, Holder::Client, Holder::Cli];
    let mut given = holders
        .into_iter()
        .filter(|holder| flags::is_on(matches, holder.as_str()));
    match (given.next(), given.next()) {
        (Some(holder), None) => Ok(holder),
        (_, _) => Err(Failure::new(
            "Please provide exactly one of -server, -client and -cli",
        )),
    }
}

fn run(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let holder = holder(matches)?;
    let text =
        |name, default: &str| flags::text_of(matches, name).unwrap_or_else(|| default.to_owned());
    let (dc, domain, node) = (
        text("dc", "dc1"),
        text("domain", "consul"),
        text("node", ""),
    );
    if !node.is_empty() && holder != Holder::Server {
        return Err(Failure::new("-node requires -server"));
    }
    let common_name = format!("{}.{dc}.{domain}", holder.as_str());
    let mut dns_names = flags::all_of(matches, "additional-dnsname");
    if !node.is_empty() {
        dns_names.push(format!("{node}.{common_name}"));
    }
    dns_names.extend([common_name.clone(), "localhost".to_owned()]);
    let ip_addresses = addresses(matches, holder)?;
    let (ca, ca_key) = (
        text("ca", &format!("{domain}-agent-ca.pem")),
        text("key", &format!("{domain}-agent-ca-key.pem")),
    );
    if holder == Holder::Server {
        writeln!(
            context.err,
            "==> WARNING: whoever holds a server's certificate can act as a server and read everything that \
             the servers keep, keys and tokens among it. Keep it on servers, and as safe as the authority's key."
        )?;
    }
    let rng = SystemRandom::new();
    let authority = AgentAuthority::from_pem(&read(&ca)?, &read(&ca_key)?, &rng)
        .map_err(|error| Failure::new(format!("{ca} and {ca_key}: {error}")))?;
    writeln!(context.out, "==> Using {ca} and {ca_key}")?;
    let wanted = AgentName {
        common_name: &common_name,
        dns_names: &dns_names,
        ip_addresses: &ip_addresses,
        tls: holder != Holder::Cli,
        not_before: SystemTime::now(),
        lifetime: days(matches.get_one::<u64>("days").copied().unwrap_or(DAYS))?,
    };
    let issued = authority.issue(&wanted, &rng).map_err(Failure::new)?;
    let base = format!("{dc}-{}-{domain}", holder.as_str());
    let (file, key_file) = free(&base)?;
    save(
        context.out,
        (&file, &issued.certificate),
        (&key_file, &issued.key.to_pem()),
    )?;
    Ok(0)
}

fn addresses(matches: &ArgMatches, holder: Holder) -> Result<Vec<IpAddr>, Failure> {
    let given = flags::all_of(matches, "additional-ipaddress").into_iter();
    let parse = |text: String| {
        text.trim()
            .parse()
            .map_err(|_| Failure::new(format!("-additional-ipaddress {text:?}: no IP address")))
    };
    let mut addresses = given.map(parse).collect::<Result<Vec<IpAddr>, _>>()?;
    if holder != Holder::Cli {
        addresses.push(Ipv4Addr::LOCALHOST.into());
    }
    Ok(addresses)
}

fn read(file: &str) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("Error reading {file}: {error}")))
}

/// The first numbered names of which neither is taken.
fn free(base: &str) -> Result<(String, String), Failure> {
    let mut names = (0..MOST).map(|n| (format!("{base}-{n}.pem"), format!("{base}-{n}-key.pem")));
    names
        .find(|(file, key)| !Path::new(file).exists() && !Path::new(key).exists())
        .ok_or_else(|| Failure::new(format!("there are {MOST} certificates {base} already")))
}
