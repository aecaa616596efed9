//! `join`, `leave`, `force-leave` and `reload`.

use clap::{ArgMatches, Command};

use crate::Context;
use crate::failure::Failure;
use crate::flags;
use crate::tree::Leaf;

pub(super) const JOIN: Leaf = Leaf {
    name: "join",
    about: "Makes the agent know a cluster through one or more of its members.",
    arguments: "ADDRESS...",
    example: "join 10.0.0.1 10.0.0.2:8301",
    flags: |command: Command| {
        flags::partition(flags::client(command.arg(flags::switch(
            "wan",
            "Whether the servers of all datacenters are joined",
        ))))
    },
    run: join,
};

pub(super) const LEAVE: Leaf = Leaf {
    name: "leave",
    about: "Makes the agent leave its cluster and end.",
    arguments: "",
    example: "leave",
    flags: flags::client,
    run: leave,
};

pub(super) const FORCE_LEAVE: Leaf = Leaf {
    name: "force-leave",
    about: "Makes the cluster count a member that failed as one that has left.",
    arguments: "NODE",
    example: "force-leave -prune node-7",
    flags: |command: Command| {
        flags::partition(flags::client(command.args([
            flags::switch(
                "prune",
                "Whether it disappears from the list of members at once",
            ),
            flags::switch("wan", "Whether the servers of all datacenters forget it"),
        ])))
    },
    run: force_leave,
};

pub(super) const RELOAD: Leaf = Leaf {
    name: "reload",
    about: "Makes the agent read its configuration again.",
    arguments: "",
    example: "reload",
    flags: flags::client,
    run: reload,
};

fn join(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let addresses = flags::positional(matches);
    if addresses.is_empty() {
        return Err(Failure::new(
            "At least one address to join must be specified.",
        ));
    }
    let wan = flags::is_on(matches, "wan");
    let session = context.session(matches)?;
    let mut joined = 0;
    for address in &addresses {
        match session.wait(session.client.agent().join(address, wan)) {
            Ok(()) => joined += 1,
            Err(failure) => writeln!(
                context.err,
                "Error joining address '{address}': {}",
                failure.message
            )?,
        }
    }
    if joined == 0 {
        return Err(Failure::new("Failed to join any nodes."));
    }
    writeln!(
        context.out,
        "Successfully joined cluster by contacting {joined} nodes."
    )?;
    Ok(0)
}

fn leave(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let session = context.session(matches)?;
    session
        .wait(session.client.agent().leave())
        .map_err(|failure| failure.while_doing("Error leaving"))?;
    writeln!(context.out, "Graceful leave complete")?;
    Ok(0)
}

fn force_leave(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let Ok([node]) = flags::exactly(matches, "") else {
        return Err(Failure::new(
            "A single node name must be specified to force-leave.",
        ));
    };
    let (prune, wan) = (flags::is_on(matches, "prune"), flags::is_on(matches, "wan"));
    let session = context.session(matches)?;
    session
        .wait(session.client.agent().force_leave(&node, prune, wan))
        .map_err(|failure| failure.while_doing("Error force leaving"))?;
    Ok(0)
}

fn reload(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let session = context.session(matches)?;
    session
        .wait(session.client.agent().reload())
        .map_err(|failure| failure.while_doing("Error reloading"))?;
    writeln!(context.out, "Configuration reload triggered")?;
    Ok(0)
}
