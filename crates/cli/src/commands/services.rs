//! `services register` and `services deregister`.

use clap::{ArgMatches, Command};
use serde::Deserialize;
use tribune_hcl::{Options, from_value};
use tribune_types::ServiceAddress;
use tribune_types::definition::{CheckType, ServiceDefinition};

use crate::Context;
use crate::failure::Failure;
use crate::tree::{Group, Leaf, Node};
use crate::{files, flags};

pub(super) const GROUP: Group = Group {
    name: "services",
    about: "Services of the local agent.",
    children: &[
        Node::Leaf(Leaf {
            name: "deregister",
            about: "Removes services from the local agent, by ID or by the files that they were registered from.",
            arguments: "[FILE...]",
            example: "services deregister -id web",
            flags: |command| with_common(command.arg(flags::text("id", "ID", "ID of the service"))),
            run: deregister,
        }),
        Node::Leaf(Leaf {
            name: "register",
            about: "Registers services with the local agent, from files or from flags.",
            arguments: "[FILE...]",
            example: "services register web.hcl",
            flags: declare_register,
            run: register,
        }),
    ],
};

/// A file with service definitions, as an agent's configuration has them.
#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    service: Vec<ServiceDefinition>,
    services: Vec<ServiceDefinition>,
    check: Vec<CheckType>,
    checks: Vec<CheckType>,
}

fn with_common(command: Command) -> Command {
    flags::tenancy(flags::server(command))
}

fn declare_register(command: Command) -> Command {
    with_common(command.args([
        flags::text("name", "NAME", "Name of the service"),
        flags::text("id", "ID", "ID of the service; its name if left out"),
        flags::text(
            "address",
            "ADDRESS",
            "Address of the service; the agent's if left out",
        ),
        flags::text("port", "PORT", "Port of the service").value_parser(clap::value_parser!(i32)),
        flags::text(
            "socket",
            "PATH",
            "Unix socket of the service, instead of address and port",
        ),
        flags::text("kind", "KIND", "Kind of the service, such as connect-proxy"),
        flags::many(
            "tag",
            "TAG",
            "Tag of the service; may be given more than once",
        ),
        flags::many(
            "meta",
            "KEY=VALUE",
            "Metadata of the service; may be given more than once",
        ),
        flags::many(
            "tagged-address",
            "TAG=ADDRESS:PORT",
            "Another address of the service; may be given more than once",
        ),
    ]))
}

fn register(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let files = flags::positional(matches);
    let by_flags = from_flags(matches)?;
    let (services, checks) = match (files.is_empty(), by_flags) {
        (true, None) => {
            return Err(Failure::new(
                "Service registration requires at least one argument or flags.",
            ));
        }
        (true, Some(service)) => (vec![service], Vec::new()),
        (false, None) => from_files(context, &files)?,
        (false, Some(_)) => {
            return Err(Failure::new(
                "Files and flags that describe a service cannot be given together.",
            ));
        }
    };
    let session = context.session(matches)?;
    for service in &services {
        session
            .wait(session.client.agent().register_service(service, false))
            .map_err(|failure| {
                failure.while_doing(format!("Error registering service \"{}\"", service.name))
            })?;
        writeln!(context.out, "Registered service: {}", service.name)?;
    }
    for check in &checks {
        session
            .wait(session.client.agent().register_check(check))
            .map_err(|failure| {
                failure.while_doing(format!("Error registering check \"{}\"", check.name))
            })?;
    }
    Ok(0)
}

fn deregister(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let files = flags::positional(matches);
    let ids = match (files.is_empty(), flags::text_of(matches, "id")) {
        (true, Some(id)) => vec![id],
        (false, None) => {
            let (services, _) = from_files(context, &files)?;
            let ids = services.iter().map(|service| {
                if service.id.as_str().is_empty() {
                    &service.name
                } else {
                    &service.id
                }
            });
            ids.map(ToString::to_string).collect()
        }
        _ => {
            return Err(Failure::new(
                "Services deregister requires either files or the -id flag.",
            ));
        }
    };
    let session = context.session(matches)?;
    for id in ids {
        session
            .wait(session.client.agent().deregister_service(&id))
            .map_err(|failure| {
                failure.while_doing(format!("Error deregistering service \"{id}\""))
            })?;
        writeln!(context.out, "Deregistered service: {id}")?;
    }
    Ok(0)
}

/// The service that the flags describe, if any of them does.
fn from_flags(matches: &ArgMatches) -> Result<Option<ServiceDefinition>, Failure> {
    let given = [
        "name",
        "id",
        "address",
        "port",
        "socket",
        "kind",
        "tag",
        "meta",
        "tagged-address",
    ];
    if !given.iter().any(|name| matches.contains_id(name)) {
        return Ok(None);
    }
    let text = |name| flags::text_of(matches, name).unwrap_or_default();
    let meta = flags::pairs_of(matches, "meta");
    let tags = flags::all_of(matches, "tag");
    let addresses = flags::pairs_of(matches, "tagged-address");
    let addresses = addresses
        .into_iter()
        .map(|(tag, address)| Ok((tag, tagged_address(&address)?)));
    let addresses = addresses.collect::<Result<std::collections::BTreeMap<_, _>, Failure>>()?;
    Ok(Some(ServiceDefinition {
        kind: text("kind").as_str().into(),
        id: text("id").as_str().into(),
        name: text("name").as_str().into(),
        address: text("address"),
        port: matches.get_one("port").copied().unwrap_or_default(),
        socket_path: text("socket"),
        tags: (!tags.is_empty()).then_some(tags),
        meta: (!meta.is_empty()).then(|| meta.into_iter().collect()),
        tagged_addresses: (!addresses.is_empty()).then_some(addresses),
        ..ServiceDefinition::default()
    }))
}

fn tagged_address(text: &str) -> Result<ServiceAddress, Failure> {
    let malformed = || {
        Failure::new(format!(
            "-tagged-address: expected TAG=ADDRESS:PORT, found {text:?}"
        ))
    };
    let (address, port) = text.rsplit_once(':').ok_or_else(malformed)?;
    let address = address
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    Ok(ServiceAddress {
        address,
        port: port.parse().map_err(|_| malformed())?,
    })
}

fn from_files(
    context: &mut Context<'_>,
    names: &[String],
) -> Result<(Vec<ServiceDefinition>, Vec<CheckType>), Failure> {
    let (mut services, mut checks) = (Vec::new(), Vec::new());
    for name in names {
        let value = files::value(context, name)?;
        let file: File =
            from_value(&value, Options::WEAK).map_err(|error| files::at(name, &error))?;
        services.extend(file.service);
        services.extend(file.services);
        checks.extend(file.check);
        checks.extend(file.checks);
    }
    Ok((services, checks))
}
