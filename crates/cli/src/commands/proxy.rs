//! `proxy status`.

use clap::ArgMatches;
use tribune_types::proxy_status::{Proxy, State};

use crate::Context;
use crate::failure::Failure;
use crate::tree::{Group, Leaf, Node};
use crate::{flags, print};

pub(super) const GROUP: Group = Group {
    name: "proxy",
    about: "Proxies that are connected to the local agent, or to any.",
    children: &[Node::Leaf(Leaf {
        name: "status",
        about: "Shows each connected proxy: its kind, since when it is connected, how many resources it has accepted, \
                is still to get, or refused, and in its own words why.",
        arguments: "",
        example: "proxy status -cluster",
        flags: |command| {
            flags::client(command.args([
                flags::switch(
                    "cluster",
                    "Whether those connected to any agent of the cluster are shown",
                ),
                flags::text("format", "FORMAT", "pretty (the default) or json"),
            ]))
        },
        run: status,
    })],
};

fn status(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let json = match flags::text_of(matches, "format").as_deref() {
        None | Some("pretty") => false,
        Some("json") => true,
        Some(other) => {
            return Err(Failure::new(format!(
                "Invalid format {other:?}, valid formats are {{pretty|json}}"
            )));
        }
    };
    let cluster = flags::is_on(matches, "cluster");
    let session = context.session(matches)?;
    let proxies = session
        .wait(session.client.mesh().proxies(cluster))
        .map_err(|failure| failure.while_doing("Error reading the state of the proxies"))?;
    if json {
        print::json(context.out, &proxies, "    ")?;
        return Ok(0);
    }
    if proxies.is_empty() {
        writeln!(
            context.err,
            "No proxy is connected to {}.",
            if cluster {
                "an agent of this cluster"
            } else {
                "this agent"
            }
        )?;
        return Ok(0);
    }
    let header = print::row([
        "Proxy",
        "Kind",
        "Service",
        "Connected Since",
        "Synced",
        "Stale",
        "Rejected",
    ]);
    let rows: Vec<_> = std::iter::once(header)
        .chain(proxies.iter().map(row))
        .collect();
    print::table(context.out, &rows, 2)?;
    for line in proxies.iter().flat_map(details) {
        writeln!(context.out, "{line}")?;
    }
    Ok(0)
}

fn row(proxy: &Proxy) -> Vec<String> {
    let count = |states: &[State]| {
        proxy
            .resources
            .iter()
            .filter(|resource| states.contains(&resource.state))
            .count()
            .to_string()
    };
    vec![
        proxy.id.clone(),
        if proxy.kind.is_empty() {
            "(not registered)".to_owned()
        } else {
            proxy.kind.clone()
        },
        proxy.service.clone(),
        proxy.connected_since.clone(),
        count(&[State::Synced]),
        count(&[State::Sent, State::Stale]),
        count(&[State::Rejected]),
    ]
}

/// A line for everything about a proxy that is not as it should be.
fn details(proxy: &Proxy) -> Vec<String> {
    let mut lines = Vec::new();
    if !matches!(proxy.state.as_str(), "" | "ready") {
        lines.push(format!("  no configuration: {}", proxy.state));
    }
    for resource in &proxy.resources {
        let what = match resource.state {
            State::Synced => continue,
            State::Sent => "sent, not answered yet".to_owned(),
            State::Stale => "changed, not sent yet".to_owned(),
            State::Missing => "asked for, does not exist".to_owned(),
            State::Rejected => format!("rejected: {}", resource.reason),
        };
        lines.push(format!("  {} {}: {what}", resource.r#type, resource.name));
    }
    lines.extend(
        proxy
            .problems
            .iter()
            .map(|problem| format!("  not built: {problem}")),
    );
    if !lines.is_empty() {
        lines.insert(0, format!("\n{}:", proxy.id));
    }
    lines
}
