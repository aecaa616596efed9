//! The tree of subcommands.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::Context;
use crate::failure::Failure;
use crate::flags::POSITIONAL;

/// A subcommand or a group of them.
pub(crate) enum Node {
    Group(Group),
    Leaf(Leaf),
    /// A subcommand that reads its arguments itself, `-help` among them.
    Program {
        name: &'static str,
        about: &'static str,
        run: fn(&mut Context<'_>, &[String]) -> Result<u8, Failure>,
    },
}

/// A group of subcommands, which does nothing by itself.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) children: &'static [Node],
}

/// A subcommand.
pub(crate) struct Leaf {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Positional arguments in the usage line.
    pub(crate) arguments: &'static str,
    /// A command line that works, without the program's name.
    pub(crate) example: &'static str,
    pub(crate) flags: fn(Command) -> Command,
    /// Gives the exit code, which is rarely anything but 0 where nothing failed.
    pub(crate) run: fn(&mut Context<'_>, &ArgMatches) -> Result<u8, Failure>,
}

// === impl Node ===

impl Node {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Group(group) => group.name,
            Self::Leaf(leaf) => leaf.name,
            Self::Program { name, .. } => name,
        }
    }

    const fn about(&self) -> &'static str {
        match self {
            Self::Group(group) => group.about,
            Self::Leaf(leaf) => leaf.about,
            Self::Program { about, .. } => about,
        }
    }
}

// === impl Group ===

impl Group {
    /// What `-help` prints of it; `path` is how it was reached.
    pub(crate) fn help(&self, path: &str) -> String {
        let mut help = format!(
            "Usage: {path} <subcommand> [options]\n\n{}\n\nSubcommands:\n",
            self.about
        );
        let width = self
            .children
            .iter()
            .map(|child| child.name().len())
            .max()
            .unwrap_or(0);
        for child in self.children {
            help.push_str(&format!(
                "    {:width$}    {}\n",
                child.name(),
                child.about()
            ));
        }
        help
    }
}

// === impl Leaf ===

impl Leaf {
    /// Its flags and help; `path` is how it was reached.
    pub(crate) fn command(&self, path: &str) -> Command {
        let positional = Arg::new(POSITIONAL)
            .action(ArgAction::Append)
            .num_args(0..)
            .hide(true)
            .last(true);
        let usage = format!("{path} [options] {}", self.arguments);
        let mut command = (self.flags)(Command::new("tribune").about(self.about))
            .override_usage(usage.trim_end().to_owned())
            .after_help(format!("Example:\n  $ tribune {}", self.example))
            .disable_help_flag(true)
            .no_binary_name(true)
            .args_override_self(true)
            .arg(positional);
        command.build();
        command
    }
}
