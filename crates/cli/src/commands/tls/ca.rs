//! `tls ca create`.

use std::time::SystemTime;

use clap::{ArgMatches, Command};
use ring::rand::SystemRandom;
use tribune_ca::{AgentAuthority, AgentRoot};

use super::{days, save};
use crate::Context;
use crate::failure::Failure;
use crate::flags;
use crate::tree::Leaf;

pub(super) const CREATE: Leaf = Leaf {
    name: "create",
    about: "Makes an authority that certifies agents: DOMAIN-agent-ca.pem and DOMAIN-agent-ca-key.pem.",
    arguments: "",
    example: "tls ca create -domain consul -days 1825",
    flags: |command: Command| {
        command.args([
            flags::number("days", "How many days it is valid; 1825 if left out"),
            flags::text(
                "domain",
                "DOMAIN",
                "Domain of the agents; consul if left out",
            ),
            flags::switch(
                "name-constraint",
                "Whether it certifies names within the domain and localhost alone",
            ),
            flags::many(
                "additional-name-constraint",
                "DOMAIN",
                "Another domain that it certifies names within, with -name-constraint",
            ),
            flags::text(
                "cluster-id",
                "UUID",
                "ID of the cluster, for an authority that may serve the mesh too",
            ),
            flags::text("common-name", "NAME", "Its name; made up if left out"),
        ])
    },
    run,
};

const DAYS: u64 = 1825;

fn run(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let domain = flags::text_of(matches, "domain").unwrap_or_else(|| "consul".to_owned());
    let additional = flags::all_of(matches, "additional-name-constraint");
    let mut domains = Vec::new();
    if flags::is_on(matches, "name-constraint") {
        domains.extend(additional);
        domains.extend([domain.clone(), "localhost".to_owned()]);
    } else if !additional.is_empty() {
        writeln!(
            context.err,
            "-additional-name-constraint does nothing without -name-constraint"
        )?;
    }
    let uri = flags::text_of(matches, "cluster-id")
        .map(|id| format!("spiffe://{id}.{domain}"))
        .unwrap_or_default();
    let wanted = AgentRoot {
        common_name: &flags::text_of(matches, "common-name").unwrap_or_default(),
        uri: &uri,
        domains: &domains,
        not_before: SystemTime::now(),
        lifetime: days(matches.get_one::<u64>("days").copied().unwrap_or(DAYS))?,
    };
    let authority =
        AgentAuthority::generate(&wanted, &SystemRandom::new()).map_err(Failure::new)?;
    save(
        context.out,
        (&format!("{domain}-agent-ca.pem"), authority.certificate()),
        (
            &format!("{domain}-agent-ca-key.pem"),
            &authority.key().to_pem(),
        ),
    )?;
    Ok(0)
}
