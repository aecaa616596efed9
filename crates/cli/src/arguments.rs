//! Arguments as Go's `flag` package reads them, brought into a form that clap reads without doubt.
//!
//! One dash or two mean the same, a value follows `=` or is the next argument, a switch takes a value only after `=`, and the
//! first argument that is no flag, or `--`, ends the flags.

use clap::{Arg, Command};
use tribune_hcl::nearest;

/// Arguments that ask for help or are ready for clap.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Normal {
    Help,
    Arguments(Vec<String>),
}

/// Why arguments cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misuse {
    #[error("bad flag syntax: {0}")]
    Syntax(String),
    #[error("flag provided but not defined: -{name}{}", suggestion.as_ref().map(|known| format!(" (did you mean -{known}?)")).unwrap_or_default())]
    Unknown {
        name: String,
        suggestion: Option<String>,
    },
    #[error("flag needs an argument: -{0}")]
    Value(String),
}

/// Rewrites the arguments of `command`, which must have been built.
pub(crate) fn normalise(command: &Command, arguments: &[String]) -> Result<Normal, Misuse> {
    let mut normal = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.as_slice().first() {
        if argument == "--" {
            rest.next();
            break;
        }
        let Some(flag) = argument.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
            break;
        };
        rest.next();
        let flag = flag.strip_prefix('-').unwrap_or(flag);
        if flag.starts_with(['-', '=']) {
            return Err(Misuse::Syntax(argument.clone()));
        }
        let (name, value) = flag
            .split_once('=')
            .map_or((flag, None), |(name, value)| (name, Some(value)));
        let Some(known) = command
            .get_arguments()
            .find(|known| known.get_long() == Some(name))
        else {
            if matches!(name, "h" | "help") {
                return Ok(Normal::Help);
            }
            let flags = command.get_arguments().filter_map(Arg::get_long);
            return Err(Misuse::Unknown {
                name: name.to_owned(),
                suggestion: nearest(name, flags).map(str::to_owned),
            });
        };
        let value = match value {
            Some(value) => value,
            None if is_switch(known) => "true",
            None => rest.next().ok_or_else(|| Misuse::Value(name.to_owned()))?,
        };
        normal.push(format!("--{name}={value}"));
    }
    normal.push("--".to_owned());
    normal.extend(rest.cloned());
    Ok(Normal::Arguments(normal))
}

fn is_switch(flag: &Arg) -> bool {
    flag.get_num_args()
        .is_some_and(|values| values.min_values() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags;

    fn command() -> Command {
        let mut command = Command::new("test").disable_help_flag(true).args([
            flags::text("kind", "KIND", ""),
            flags::switch("cas", ""),
            flags::text("name", "NAME", ""),
        ]);
        command.build();
        command
    }

    fn normal(arguments: &[&str]) -> Result<Normal, Misuse> {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect();
        normalise(&command(), &arguments)
    }

    #[test]
    fn flags_are_read_in_every_spelling_of_go() {
        for (arguments, expected) in [
            (
                &["-kind", "a", "-cas", "x"][..],
                &["--kind=a", "--cas=true", "--", "x"][..],
            ),
            (
                &["--kind=a=b", "-cas=false"],
                &["--kind=a=b", "--cas=false", "--"],
            ),
            (
                &["-kind", "-cas", "-name="],
                &["--kind=-cas", "--name=", "--"],
            ),
            (&["x", "-cas"], &["--", "x", "-cas"]),
            (&["-cas", "--", "-kind"], &["--cas=true", "--", "-kind"]),
            (&["-", "-cas"], &["--", "-", "-cas"]),
            (&["", "-cas"], &["--", "", "-cas"]),
        ] {
            let expected = expected
                .iter()
                .map(|&argument| argument.to_owned())
                .collect();
            assert_eq!(
                normal(arguments),
                Ok(Normal::Arguments(expected)),
                "{arguments:?}"
            );
        }
    }

    #[test]
    fn help_is_asked_for_before_the_first_positional_argument_only() {
        for help in ["-h", "-help", "--help"] {
            assert_eq!(normal(&["-cas", help]), Ok(Normal::Help));
            assert_ne!(normal(&["x", help]), Ok(Normal::Help));
        }
    }

    #[test]
    fn misuse_is_named_with_the_nearest_known_flag() {
        let message = |arguments: &[&str]| normal(arguments).unwrap_err().to_string();
        assert_eq!(
            message(&["-knd", "a"]),
            "flag provided but not defined: -knd (did you mean -kind?)"
        );
        assert_eq!(
            message(&["-bogus"]),
            "flag provided but not defined: -bogus"
        );
        assert_eq!(message(&["-kind"]), "flag needs an argument: -kind");
        assert_eq!(message(&["---kind"]), "bad flag syntax: ---kind");
        assert_eq!(message(&["-=x"]), "bad flag syntax: -=x");
    }
}
