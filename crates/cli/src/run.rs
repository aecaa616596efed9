//! From arguments to a subcommand.

use tribune_hcl::nearest;

use crate::Context;
use crate::arguments::{Normal, normalise};
use crate::commands::ROOT;
use crate::failure::Failure;
use crate::tree::{Leaf, Node};

#[cfg(test)]
pub(crate) mod tests;

/// Exit code where the first argument is no subcommand at all.
const UNKNOWN_COMMAND: u8 = 127;

/// Carries out what the arguments (without the program's name) say, and gives the exit code.
pub fn run(arguments: &[String], context: &mut Context<'_>) -> u8 {
    let outcome = dispatch(arguments, context);
    match outcome.and_then(|code| context.out.flush().map(|()| code).map_err(Failure::from)) {
        Ok(code) => code,
        Err(failure) => {
            // Where the error output is closed too, the exit code has to do.
            let _unread = writeln!(context.err, "{}", failure.message);
            failure.code
        }
    }
}

fn dispatch(arguments: &[String], context: &mut Context<'_>) -> Result<u8, Failure> {
    let mut group = &ROOT;
    let mut path = ROOT.name.to_owned();
    let mut rest = arguments;
    while let Some((first, others)) = rest.split_first() {
        let name = match first.as_str() {
            "-h" | "-help" | "--help" => {
                context.out.write_all(group.help(&path).as_bytes())?;
                return Ok(0);
            }
            "-v" | "-version" | "--version" if path == ROOT.name => "version",
            name => name,
        };
        let Some(child) = group.children.iter().find(|child| child.name() == name) else {
            let names = group.children.iter().map(Node::name);
            let hint = nearest(name, names).map(|known| format!(" Did you mean {known:?}?"));
            writeln!(
                context.err,
                "There is no subcommand {name:?}.{}\n",
                hint.unwrap_or_default()
            )?;
            break;
        };
        path = format!("{path} {name}");
        match child {
            Node::Group(inner) => group = inner,
            Node::Leaf(inner) => return leaf(inner, &path, others, context),
            Node::Program { run, .. } => return run(context, others),
        }
        rest = others;
    }
    // A group cannot be carried out: this says what could have been meant.
    context.err.write_all(group.help(&path).as_bytes())?;
    Ok(if path == ROOT.name {
        UNKNOWN_COMMAND
    } else {
        1
    })
}

fn leaf(
    leaf: &Leaf,
    path: &str,
    arguments: &[String],
    context: &mut Context<'_>,
) -> Result<u8, Failure> {
    let mut command = leaf.command(path);
    match normalise(&command, arguments) {
        Ok(Normal::Help) => {
            write!(context.out, "{}", command.render_help())?;
            Ok(0)
        }
        Ok(Normal::Arguments(arguments)) => match command.try_get_matches_from_mut(arguments) {
            Ok(matches) => (leaf.run)(context, &matches),
            Err(error) => Err(Failure::new(error.to_string().trim_end())),
        },
        Err(misuse) => Err(Failure::new(format!("{misuse}\nTry: {path} -help"))),
    }
}
