//! `operator autopilot`.

use std::fmt::Write as _;

use clap::{ArgMatches, Command};
use tribune_types::GoDuration;
use tribune_types::autopilot::{Configuration, Server, State};

use crate::Context;
use crate::failure::Failure;
use crate::tree::{Group, Leaf, Node};
use crate::{flags, print};

pub(super) const GROUP: Group = Group {
    name: "autopilot",
    about: "What looks after the servers by itself.",
    children: &[
        Node::Leaf(Leaf {
            name: "get-config",
            about: "Shows the settings of autopilot.",
            arguments: "",
            example: "operator autopilot get-config",
            flags: flags::server,
            run: get,
        }),
        Node::Leaf(Leaf {
            name: "set-config",
            about: "Changes settings of autopilot; those that are left out stay as they are.",
            arguments: "",
            example: "operator autopilot set-config -cleanup-dead-servers=false",
            flags: declare_set,
            run: set,
        }),
        Node::Leaf(Leaf {
            name: "state",
            about: "Shows how autopilot finds the servers.",
            arguments: "",
            example: "operator autopilot state -format=json",
            flags: |command: Command| {
                flags::server(command.arg(flags::text(
                    "format",
                    "FORMAT",
                    "pretty (the default) or json",
                )))
            },
            run: state,
        }),
    ],
};

fn declare_set(command: Command) -> Command {
    flags::server(command.args([
        flags::switch(
            "cleanup-dead-servers",
            "Whether servers that failed are taken out when others take their place",
        ),
        flags::number(
            "max-trailing-logs",
            "How many changes a healthy server may be behind",
        ),
        flags::number(
            "min-quorum",
            "How many servers must be left for dead ones to be taken out",
        ),
        flags::text(
            "last-contact-threshold",
            "DURATION",
            "How long the leader may not hear of a healthy server",
        ),
        flags::text(
            "server-stabilization-time",
            "DURATION",
            "How long a new server must be healthy before its vote counts",
        ),
        flags::text(
            "redundancy-zone-tag",
            "NAME",
            "Of Consul Enterprise; kept, and without effect",
        ),
        flags::switch(
            "disable-upgrade-migration",
            "Of Consul Enterprise; kept, and without effect",
        ),
        flags::text(
            "upgrade-version-tag",
            "NAME",
            "Of Consul Enterprise; kept, and without effect",
        ),
    ]))
}

fn get(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let session = context.session(matches)?;
    let operator = session.client.operator();
    let configuration = session
        .wait(operator.autopilot_configuration(&flags::query_options(matches)))
        .map_err(|failure| failure.while_doing("Error querying Autopilot configuration"))?;
    let out = &mut *context.out;
    writeln!(
        out,
        "CleanupDeadServers = {}",
        configuration.cleanup_dead_servers
    )?;
    writeln!(
        out,
        "LastContactThreshold = {}",
        configuration.last_contact_threshold
    )?;
    writeln!(out, "MaxTrailingLogs = {}", configuration.max_trailing_logs)?;
    writeln!(out, "MinQuorum = {}", configuration.min_quorum)?;
    writeln!(
        out,
        "ServerStabilizationTime = {}",
        configuration.server_stabilization_time
    )?;
    writeln!(
        out,
        "RedundancyZoneTag = {:?}",
        configuration.redundancy_zone_tag
    )?;
    writeln!(
        out,
        "DisableUpgradeMigration = {}",
        configuration.disable_upgrade_migration
    )?;
    writeln!(
        out,
        "UpgradeMigrationTag = {:?}",
        configuration.upgrade_version_tag
    )?;
    Ok(0)
}

fn set(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let session = context.session(matches)?;
    let operator = session.client.operator();
    let current = session
        .wait(operator.autopilot_configuration(&flags::query_options(matches)))
        .map_err(|failure| failure.while_doing("Error querying Autopilot configuration"))?;
    let changed = changed(matches, current)?;
    let options = flags::write_options(matches);
    let set = operator.set_autopilot_configuration(&changed, Some(changed.modify_index), &options);
    let set = session
        .wait(set)
        .map_err(|failure| failure.while_doing("Error setting Autopilot configuration"))?;
    if !set {
        return Err(Failure::new(
            "Configuration could not be atomically updated, please try again",
        ));
    }
    writeln!(context.out, "Configuration updated!")?;
    Ok(0)
}

/// The settings with those changed that flags name.
fn changed(matches: &ArgMatches, current: Configuration) -> Result<Configuration, Failure> {
    let switch = |name| matches.get_one::<bool>(name).copied();
    let number = |name| matches.get_one::<u64>(name).copied();
    let text = |name| matches.get_one::<String>(name).cloned();
    let duration = |name: &'static str, current| match text(name) {
        None => Ok(current),
        Some(given) => given
            .parse::<GoDuration>()
            .map_err(|error| Failure::new(format!("Invalid value for flag -{name}: {error}"))),
    };
    Ok(Configuration {
        cleanup_dead_servers: switch("cleanup-dead-servers")
            .unwrap_or(current.cleanup_dead_servers),
        last_contact_threshold: duration("last-contact-threshold", current.last_contact_threshold)?,
        max_trailing_logs: number("max-trailing-logs").unwrap_or(current.max_trailing_logs),
        min_quorum: number("min-quorum").unwrap_or(current.min_quorum),
        server_stabilization_time: duration(
            "server-stabilization-time",
            current.server_stabilization_time,
        )?,
        redundancy_zone_tag: text("redundancy-zone-tag").unwrap_or(current.redundancy_zone_tag),
        disable_upgrade_migration: switch("disable-upgrade-migration")
            .unwrap_or(current.disable_upgrade_migration),
        upgrade_version_tag: text("upgrade-version-tag").unwrap_or(current.upgrade_version_tag),
        create_index: current.create_index,
        modify_index: current.modify_index,
    })
}

fn state(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let json = flags::wants_json(matches)?;
    let session = context.session(matches)?;
    let operator = session.client.operator();
    let state = session
        .wait(operator.autopilot_state(&flags::query_options(matches)))
        .map_err(|failure| failure.while_doing("Error querying Autopilot state"))?;
    if json {
        print::json(context.out, &state, "    ")?;
    } else {
        context.out.write_all(pretty(&state).as_bytes())?;
    }
    Ok(0)
}

fn pretty(state: &State) -> String {
    let mut text = format!(
        "Healthy:                      {}\n\
         Failure Tolerance:            {}\n\
         Optimistic Failure Tolerance: {}\n\
         Leader:                       {}\nVoters:\n",
        state.healthy, state.failure_tolerance, state.optimistic_failure_tolerance, state.leader,
    );
    for voter in &state.voters {
        text.push_str(&format!("   {voter}\n"));
    }
    text.push_str("Servers:\n");
    for (id, server) in &state.servers {
        text.push_str(&format!("   {id}\n"));
        text.push_str(&details(server));
    }
    text
}

fn details(server: &Server) -> String {
    let rows = [
        ("Name:", server.name.clone()),
        ("Address:", server.address.clone()),
        ("Version:", server.version.clone()),
        ("Status:", server.status.clone()),
        ("Node Type:", server.node_type.clone()),
        ("Node Status:", server.node_status.clone()),
        ("Healthy:", server.healthy.to_string()),
        ("Last Contact:", server.last_contact.to_string()),
        ("Last Term:", server.last_term.to_string()),
        ("Last Index:", server.last_index.to_string()),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        let _written = writeln!(text, "      {name:<16} {value}");
    }
    if !server.meta.is_empty() {
        text.push_str("      Meta\n");
        for (key, value) in &server.meta {
            let _written = writeln!(text, "         {key:?}: {value:?}");
        }
    }
    text
}
