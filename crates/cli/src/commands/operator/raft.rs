//! `operator raft`.

use clap::{ArgMatches, Command};
use tribune_types::raft::{Configuration, Peer, Selector};

use crate::Context;
use crate::failure::Failure;
use crate::tree::{Group, Leaf, Node};
use crate::{flags, print};

pub(super) const GROUP: Group = Group {
    name: "raft",
    about: "The servers that agree on every change.",
    children: &[
        Node::Leaf(Leaf {
            name: "list-peers",
            about: "Lists the servers that agree on every change, and how far each is.",
            arguments: "",
            example: "operator raft list-peers -stale",
            flags: flags::server,
            run: list,
        }),
        Node::Leaf(Leaf {
            name: "remove-peer",
            about: "Takes a server that will not come back out of those that must agree.",
            arguments: "",
            example: "operator raft remove-peer -id 5b2e0c4f-3d29-4f3c-a1b1-0a3f1c1d2e3f",
            flags: |command: Command| {
                flags::server(command.args([
                    flags::text(
                        "address",
                        "ADDRESS",
                        "Where other servers reached it: IP:port",
                    ),
                    flags::text("id", "ID", "Its ID"),
                ]))
            },
            run: remove,
        }),
        Node::Leaf(Leaf {
            name: "transfer-leader",
            about: "Has another server lead.",
            arguments: "",
            example: "operator raft transfer-leader",
            flags: |command: Command| {
                flags::server(command.arg(flags::text(
                    "id",
                    "ID",
                    "ID of the server that is to lead; the one fittest for it if left out",
                )))
            },
            run: transfer,
        }),
    ],
};

fn list(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let session = context.session(matches)?;
    let operator = session.client.operator();
    let configuration = session
        .wait(operator.raft_configuration(&flags::query_options(matches)))
        .map_err(|failure| {
            failure.while_doing("Error getting peers: Failed to retrieve raft configuration")
        })?;
    let header = print::row([
        "Node",
        "ID",
        "Address",
        "State",
        "Voter",
        "RaftProtocol",
        "Commit Index",
        "Trails Leader By",
    ]);
    let rows: Vec<_> = std::iter::once(header)
        .chain(
            configuration
                .servers
                .iter()
                .map(|peer| row(&configuration, peer)),
        )
        .collect();
    print::table(context.out, &rows, 2)?;
    Ok(0)
}

fn row(configuration: &Configuration, peer: &Peer) -> Vec<String> {
    let leader = configuration.servers.iter().find(|peer| peer.leader);
    let behind = match leader {
        Some(leader) if !peer.leader && leader.last_index > 0 && peer.last_index > 0 => {
            let behind = leader.last_index.saturating_sub(peer.last_index);
            format!("{behind} commits")
        }
        Some(_) | None => "-".to_owned(),
    };
    let index = if peer.last_index == 0 {
        "-".to_owned()
    } else {
        peer.last_index.to_string()
    };
    print::row([
        &peer.node,
        &peer.id,
        &peer.address,
        if peer.leader { "leader" } else { "follower" },
        if peer.voter { "true" } else { "false" },
        if peer.protocol_version.is_empty() {
            "<=1"
        } else {
            &peer.protocol_version
        },
        &index,
        &behind,
    ])
}

fn remove(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let (id, address) = (
        flags::text_of(matches, "id"),
        flags::text_of(matches, "address"),
    );
    let peer = match (id, address) {
        (Some(id), None) => Selector::Id(id),
        (None, Some(address)) => Selector::Address(address),
        (None, None) => {
            return Err(Failure::new(
                "Error removing peer: an address or id is required for the peer to remove",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(Failure::new(
                "Error removing peer: cannot give both an address and id",
            ));
        }
    };
    let session = context.session(matches)?;
    let options = flags::write_options(matches);
    session
        .wait(session.client.operator().remove_peer(&peer, &options))
        .map_err(|failure| failure.while_doing("Error removing peer"))?;
    writeln!(context.out, "Removed peer with {peer}")?;
    Ok(0)
}

fn transfer(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let id = flags::text_of(matches, "id");
    let session = context.session(matches)?;
    let options = flags::write_options(matches);
    let operator = session.client.operator();
    session
        .wait(operator.transfer_leader(id.as_deref(), &options))
        .map_err(|failure| failure.while_doing("Error transferring leadership"))?;
    writeln!(context.out, "Success")?;
    Ok(0)
}
