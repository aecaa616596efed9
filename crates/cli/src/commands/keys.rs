//! `keygen` and `keyring`: the keys that gossip is encrypted with.

use std::collections::BTreeMap;
use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgMatches, Command};
use ring::rand::{SecureRandom, SystemRandom};
use tribune_types::keyring::{Answer, MAX_RELAY_FACTOR, Operation, Request};

use crate::Context;
use crate::failure::Failure;
use crate::flags;
use crate::tree::Leaf;

pub(super) const KEYGEN: Leaf = Leaf {
    name: "keygen",
    about: "Makes a key that gossip can be encrypted with.",
    arguments: "",
    example: "keygen",
    flags: |command: Command| command,
    run: keygen,
};

pub(super) const KEYRING: Leaf = Leaf {
    name: "keyring",
    about: "Lists and changes the keys that gossip is encrypted with. To change the key, install the new one, \
            use it, and remove the old one.",
    arguments: "",
    example: "keyring -list",
    flags: declare,
    run: keyring,
};

fn declare(command: Command) -> Command {
    flags::client(command.args([
        flags::text("install", "KEY", "Gives every member a key"),
        flags::switch("list", "Lists the keys and how many members have each"),
        flags::switch(
            "list-primary",
            "Lists the keys that are encrypted with and how many members do",
        ),
        flags::text("remove", "KEY", "Takes a key away from every member"),
        flags::text("use", "KEY", "Encrypts with this key from now on"),
        flags::number(
            "relay-factor",
            "Through how many other members each answer also goes, 0 to 5",
        ),
        flags::switch(
            "local-only",
            "Whether only the servers of this datacenter are asked, for a list",
        ),
    ]))
}

/// What is asked for on the command line, and what is said before it is done.
struct Wanted {
    operation: Operation,
    says: &'static str,
    primary: bool,
}

fn keygen(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let mut key = [0; 32];
    SystemRandom::new()
        .fill(&mut key)
        .map_err(|_| Failure::new("Error reading random data: the system gives none"))?;
    writeln!(context.out, "{}", STANDARD.encode(key))?;
    Ok(0)
}

fn keyring(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let Wanted {
        operation,
        says,
        primary,
    } = wanted(matches)?;
    let relay_factor = matches.get_one::<u64>("relay-factor").copied().unwrap_or(0);
    let relay_factor = u8::try_from(relay_factor)
        .ok()
        .filter(|factor| *factor <= MAX_RELAY_FACTOR)
        .ok_or_else(|| Failure::new("Error parsing relay factor: it must be between 0 and 5"))?;
    let request = Request {
        operation,
        relay_factor,
    };
    let session = context.session(matches)?;
    writeln!(context.out, "==> {says}...")?;
    let answers = session
        .wait(session.client.operator().keyring(&request))
        .map_err(|failure| failure.while_doing("error"))?;
    let mut failed = false;
    for answer in &answers {
        print(context.out, answer, primary)?;
        if !answer.error.is_empty() {
            writeln!(context.err, "{}: {}", pool(answer), answer.error)?;
            failed = true;
        }
    }
    Ok(u8::from(failed))
}

fn wanted(matches: &ArgMatches) -> Result<Wanted, Failure> {
    let local_only = flags::is_on(matches, "local-only");
    let key = |name| flags::text_of(matches, name).map(Into::into);
    let list = |name| {
        let operation = Operation::List { local_only };
        flags::is_on(matches, name).then_some(operation)
    };
    let actions = [
        (list("list"), "Gathering installed encryption keys", false),
        (
            list("list-primary"),
            "Gathering installed primary encryption keys",
            true,
        ),
        (
            key("install").map(Operation::Install),
            "Installing new gossip encryption key",
            false,
        ),
        (
            key("use").map(Operation::Use),
            "Changing primary gossip encryption key",
            false,
        ),
        (
            key("remove").map(Operation::Remove),
            "Removing gossip encryption key",
            false,
        ),
    ];
    let mut given = actions
        .into_iter()
        .filter_map(|(operation, says, primary)| {
            let operation = operation?;
            Some(Wanted {
                operation,
                says,
                primary,
            })
        });
    let wanted = given.next().ok_or_else(|| {
        Failure::new("Say what to do: -list, -list-primary, -install, -use or -remove")
    })?;
    if given.next().is_some() {
        return Err(Failure::new("Only a single action is allowed"));
    }
    let lists = matches!(wanted.operation, Operation::List { .. });
    if local_only && !lists {
        return Err(Failure::new("-local-only can only be used with -list"));
    }
    Ok(wanted)
}

fn pool(answer: &Answer) -> String {
    if answer.wan {
        "WAN".to_owned()
    } else {
        format!("{} (LAN)", answer.datacenter)
    }
}

fn print(out: &mut dyn Write, answer: &Answer, primary: bool) -> Result<(), Failure> {
    writeln!(out, "\n{}:", pool(answer))?;
    for (node, message) in &answer.messages {
        writeln!(out, "  ===> {node}: {message}")?;
    }
    let keys: &BTreeMap<_, _> = if primary {
        &answer.primary_keys
    } else {
        &answer.keys
    };
    for (key, count) in keys {
        writeln!(out, "  {key} [{count}/{}]", answer.num_nodes)?;
    }
    Ok(())
}
