//! `intention check`, `create`, `delete`, `get`, `list` and `match`.

use clap::{ArgMatches, Command};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use tribune_client::MatchBy;
use tribune_client::rows::Intention;
use tribune_hcl::{Options, from_value};

use crate::Context;
use crate::context::Session;
use crate::failure::Failure;
use crate::tree::{Group, Leaf, Node};
use crate::{files, flags, print};

pub(super) const GROUP: Group = Group {
    name: "intention",
    about: "Intentions: who may talk to whom.",
    children: &[
        Node::Leaf(Leaf {
            name: "check",
            about: "Says whether one service may connect to another: exit code 0 if so, 1 if not, 2 if that is not known.",
            arguments: "SRC DST",
            example: "intention check web db",
            flags: with_common,
            run: check,
        }),
        Node::Leaf(Leaf {
            name: "create",
            about: "Creates an intention.",
            arguments: "SRC DST | -file FILE...",
            example: "intention create -deny web db",
            flags: declare_create,
            run: create,
        }),
        Node::Leaf(Leaf {
            name: "delete",
            about: "Deletes an intention.",
            arguments: "SRC DST | ID",
            example: "intention delete web db",
            flags: with_common,
            run: delete,
        }),
        Node::Leaf(Leaf {
            name: "get",
            about: "Prints an intention.",
            arguments: "SRC DST | ID",
            example: "intention get web db",
            flags: with_common,
            run: get,
        }),
        Node::Leaf(Leaf {
            name: "list",
            about: "Lists the intentions, in the order in which they are judged.",
            arguments: "",
            example: "intention list",
            flags: with_common,
            run: list,
        }),
        Node::Leaf(Leaf {
            name: "match",
            about: "Lists the intentions that matter to a service.",
            arguments: "NAME",
            example: "intention match -source web",
            flags: declare_match,
            run: match_name,
        }),
    ],
};

/// Exit code of `check` where the answer is not known, and of `list` where there is nothing to list.
const NO_ANSWER: u8 = 2;

fn with_common(command: Command) -> Command {
    flags::tenancy(flags::server(command))
}

fn declare_create(command: Command) -> Command {
    with_common(command.args([
        flags::switch("allow", "Whether connections are allowed; the default"),
        flags::switch("deny", "Whether connections are denied"),
        flags::switch(
            "file",
            "Whether the arguments are names of files with an intention each",
        ),
        flags::switch(
            "replace",
            "Whether an intention between the same services is replaced",
        ),
        flags::many(
            "meta",
            "KEY=VALUE",
            "Metadata of the intention; may be given more than once",
        ),
    ]))
}

fn declare_match(command: Command) -> Command {
    with_common(command.args([
        flags::switch("source", "Whether the service is the one that connects"),
        flags::switch(
            "destination",
            "Whether the service is the one connected to; the default",
        ),
    ]))
}

fn check(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let allowed = flags::exactly::<2>(matches, "a source and a destination")
        .and_then(|[source, destination]| {
            let session = context.session(matches)?;
            let options = flags::query_options(matches);
            session.wait(session.client.intentions().check(
                name(&source),
                name(&destination),
                &options,
            ))
        })
        .map_err(|failure| {
            failure
                .while_doing("Error checking the connection")
                .with_code(NO_ANSWER)
        })?;
    writeln!(
        context.out,
        "{}",
        if allowed { "Allowed" } else { "Denied" }
    )?;
    Ok(u8::from(!allowed))
}

fn create(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let deny = flags::is_on(matches, "deny");
    if deny && flags::is_on(matches, "allow") {
        return Err(Failure::new(
            "Only one of -allow or -deny may be specified.",
        ));
    }
    let intentions = if flags::is_on(matches, "file") {
        from_files(context, &flags::positional(matches))?
    } else {
        let [source, destination] = flags::exactly(matches, "a source and a destination")?;
        vec![Intention {
            source_name: name(&source).to_owned(),
            destination_name: name(&destination).to_owned(),
            action: if deny { "deny" } else { "allow" }.to_owned(),
            meta: flags::pairs_of(matches, "meta").into_iter().collect(),
            ..Intention::default()
        }]
    };
    let session = context.session(matches)?;
    for intention in intentions {
        let created = put(&session, matches, &intention).map_err(|failure| {
            failure.while_doing(format!("Error creating intention \"{intention}\""))
        })?;
        // What replaces another one is not announced.
        if created {
            writeln!(context.out, "Created: {intention}")?;
        }
    }
    Ok(0)
}

/// Writes an intention; false if it replaced another one.
fn put(session: &Session, matches: &ArgMatches, intention: &Intention) -> Result<bool, Failure> {
    let (source, destination) = (intention.source(), intention.destination());
    let api = session.client.intentions();
    let stored = session
        .wait(api.exact(&source, &destination, &flags::query_options(matches)))?
        .value;
    if let Some(stored) = &stored
        && !flags::is_on(matches, "replace")
    {
        return Err(Failure::new(format!(
            "duplicate intention found: {stored} (use -replace to replace it)"
        )));
    }
    let body = Intention {
        source_name: String::new(),
        destination_name: String::new(),
        ..intention.clone()
    };
    session.wait(api.put(&source, &destination, &body, &flags::write_options(matches)))?;
    Ok(stored.is_none())
}

fn from_files(context: &mut Context<'_>, names: &[String]) -> Result<Vec<Intention>, Failure> {
    if names.is_empty() {
        return Err(Failure::new("Expected the name of at least one file"));
    }
    let mut intentions = Vec::new();
    for file in names {
        let value = files::value(context, file)?;
        let intention: Intention =
            from_value(&value, Options::WEAK).map_err(|error| files::at(file, &error))?;
        if !intention.permissions.is_empty() {
            return Err(Failure::new(format!(
                "{file}: an intention with permissions must be written as a service-intentions config entry, with `config write`"
            )));
        }
        if !matches!(intention.action.as_str(), "allow" | "deny") {
            return Err(Failure::new(format!(
                "{file}: Action must be set to 'allow' or 'deny'"
            )));
        }
        intentions.push(intention);
    }
    Ok(intentions)
}

fn delete(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let session = context.session(matches)?;
    let (source, destination) = match flags::positional(matches).as_slice() {
        [source, destination] => (name(source).to_owned(), name(destination).to_owned()),
        [id] => {
            let intention = by_id(&session, matches, id)?;
            (intention.source(), intention.destination())
        }
        given => return Err(wrong_count(given.len())),
    };
    session
        .wait(session.client.intentions().delete(
            &source,
            &destination,
            &flags::write_options(matches),
        ))
        .map_err(|failure| failure.while_doing("Error deleting the intention"))?;
    writeln!(context.out, "Intention deleted.")?;
    Ok(0)
}

fn get(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let session = context.session(matches)?;
    let intention = match flags::positional(matches).as_slice() {
        [source, destination] => session
            .wait(session.client.intentions().exact(
                name(source),
                name(destination),
                &flags::query_options(matches),
            ))?
            .value
            .ok_or_else(|| {
                Failure::new(format!(
                    "Intention with source {source:?} and destination {destination:?} not found."
                ))
            })?,
        [id] => by_id(&session, matches, id)?,
        given => return Err(wrong_count(given.len())),
    };
    let mut rows = vec![
        print::row(["Source:", &intention.source()]),
        print::row(["Destination:", &intention.destination()]),
    ];
    let mut optional = |label: &str, value: &str| {
        if !value.is_empty() {
            rows.push(print::row([label, value]));
        }
    };
    optional("Action:", &intention.action);
    optional("ID:", &intention.id);
    optional("Description:", &intention.description);
    for (key, value) in &intention.meta {
        optional(&format!("Meta[{key}]:"), value);
    }
    optional("Created At:", &rfc850(&intention.created_at));
    print::table(context.out, &rows, 2)?;
    if !intention.permissions.is_empty() {
        writeln!(context.out, "Permissions:")?;
        print::json(context.out, &intention.permissions, "  ")?;
    }
    Ok(0)
}

fn list(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let session = context.session(matches)?;
    let intentions = session
        .wait(
            session
                .client
                .intentions()
                .list(&flags::query_options(matches)),
        )
        .map_err(|failure| failure.while_doing("Failed to retrieve the intentions list"))?
        .value;
    if intentions.is_empty() {
        return Err(Failure::new("There are no intentions.").with_code(NO_ANSWER));
    }
    let header = print::row(["ID", "Source", "Action", "Destination", "Precedence"]);
    let rows = intentions.iter().map(|intention| {
        let action = match intention.permissions.len() {
            0 => intention.action.clone(),
            1 => "1 permission".to_owned(),
            many => format!("{many} permissions"),
        };
        vec![
            intention.id.clone(),
            intention.source(),
            action,
            intention.destination(),
            intention.precedence.to_string(),
        ]
    });
    print::table(
        context.out,
        &std::iter::once(header).chain(rows).collect::<Vec<_>>(),
        2,
    )?;
    Ok(0)
}

fn match_name(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [service] = flags::exactly(matches, "the name of one service")?;
    let by = match (
        flags::is_on(matches, "source"),
        flags::is_on(matches, "destination"),
    ) {
        (true, true) => {
            return Err(Failure::new(
                "Only one of -source or -destination may be specified.",
            ));
        }
        (true, false) => MatchBy::Source,
        (false, _) => MatchBy::Destination,
    };
    let session = context.session(matches)?;
    let intentions = session
        .wait(session.client.intentions().matching(
            by,
            name(&service),
            &flags::query_options(matches),
        ))
        .map_err(|failure| failure.while_doing("Error matching the intentions"))?;
    for intention in intentions.value {
        writeln!(context.out, "{intention}")?;
    }
    Ok(0)
}

fn by_id(session: &Session, matches: &ArgMatches, id: &str) -> Result<Intention, Failure> {
    let intentions = session
        .wait(
            session
                .client
                .intentions()
                .list(&flags::query_options(matches)),
        )?
        .value;
    let found = intentions.into_iter().find(|intention| intention.id == id);
    found.ok_or_else(|| Failure::new(format!("Intention with ID {id:?} not found.")))
}

fn wrong_count(given: usize) -> Failure {
    Failure::new(format!(
        "Expected a source and a destination, or one ID, got {given} arguments"
    ))
}

/// A service as the user names it: `default/web` is `web`.
fn name(text: &str) -> &str {
    text.strip_prefix("default/").unwrap_or(text)
}

/// A time as Consul's command line prints it (RFC 850); empty where it is none.
fn rfc850(text: &str) -> String {
    let format = format_description!(
        "[weekday], [day]-[month repr:short]-[year repr:last_two] [hour]:[minute]:[second] UTC"
    );
    let time = OffsetDateTime::parse(text, &Rfc3339).ok();
    time.and_then(|time| time.to_offset(time::UtcOffset::UTC).format(&format).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_consul_prints_them() {
        assert_eq!(
            rfc850("0001-01-01T00:00:00Z"),
            "Monday, 01-Jan-01 00:00:00 UTC"
        );
        assert_eq!(
            rfc850("2026-11-23T22:05:01.5+01:00"),
            "Monday, 23-Nov-26 21:05:01 UTC"
        );
        assert_eq!(rfc850("soon"), "");
    }

    #[test]
    fn the_default_namespace_is_no_part_of_a_name() {
        assert_eq!(
            (name("default/web"), name("web"), name("team/web")),
            ("web", "web", "team/web")
        );
    }
}
