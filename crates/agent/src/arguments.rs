//! Arguments of the agent, in the form that Go programs take: `-flag value`, `-flag=value`, `--flag`.

use std::path::{Path, PathBuf};

use tribune_config::{FLAGS, Source, Takes};

/// What the arguments ask for.
#[derive(Debug)]
pub enum Command {
    /// Run an agent with these sources of configuration.
    Run {
        /// Whether it runs in development mode.
        dev: bool,
        /// The sources, in the order in which they count.
        sources: Vec<Source>,
    },
    /// Say how the command is used.
    Help,
}

/// Why arguments cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// There is no such flag.
    #[error("flag provided but not defined: -{0}{1}")]
    UnknownFlag(String, String),
    /// A flag has no value.
    #[error("flag needs an argument: -{0}")]
    MissingValue(String),
    /// Something stands where only flags can.
    #[error("unexpected argument {0:?}: an agent takes flags only")]
    Unexpected(String),
    /// A file of configuration cannot be read.
    #[error("cannot read {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// Reads arguments, and the files that they name.
///
/// # Errors
/// Where an argument cannot be understood or a file cannot be read.
pub fn parse(arguments: &[String]) -> Result<Command, UsageError> {
    let mut files = Vec::new();
    let mut flags = Vec::new();
    let mut dev = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let Some(text) = argument
            .strip_prefix("--")
            .or_else(|| argument.strip_prefix('-'))
        else {
            return Err(UsageError::Unexpected(argument.clone()));
        };
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let mut value_of = || value.clone().or_else(|| rest.next().cloned());
        let mut required = || value_of().ok_or_else(|| UsageError::MissingValue(name.to_owned()));
        match name {
            "h" | "help" => return Ok(Command::Help),
            "dev" => dev = value.as_deref() != Some("false"),
            "config-file" => files.extend(read(Path::new(&required()?))?),
            "config-dir" => files.extend(read_folder(Path::new(&required()?))?),
            _ => {
                let Some(flag) = FLAGS.iter().find(|flag| flag.name == name) else {
                    return Err(unknown(name));
                };
                let value = match flag.takes {
                    Takes::Bool => value.unwrap_or_else(|| "true".to_owned()),
                    Takes::Text | Takes::List | Takes::Pair => required()?,
                };
                flags.push(Source::flag(flag, &value));
            }
        }
    }
    files.extend(flags);
    Ok(Command::Run {
        dev,
        sources: files,
    })
}

fn unknown(name: &str) -> UsageError {
    let names = FLAGS
        .iter()
        .map(|flag| flag.name)
        .chain(["dev", "config-file", "config-dir"]);
    let near = tribune_hcl::nearest(name, names).map(|near| format!("; did you mean -{near}?"));
    UsageError::UnknownFlag(name.to_owned(), near.unwrap_or_default())
}

fn read(path: &Path) -> Result<Vec<Source>, UsageError> {
    if path.is_dir() {
        return read_folder(path);
    }
    let text = std::fs::read_to_string(path).map_err(|error| UsageError::File {
        path: path.to_owned(),
        error,
    })?;
    Ok(vec![Source::file(path.display().to_string(), text, None)])
}

/// The `.hcl` and `.json` files of a folder, in the order of their names.
fn read_folder(path: &Path) -> Result<Vec<Source>, UsageError> {
    let failed = |error| UsageError::File {
        path: path.to_owned(),
        error,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let known = path
            .extension()
            .is_some_and(|extension| extension == "hcl" || extension == "json");
        if known && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    let sources = paths
        .iter()
        .map(|path| read(path))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(sources.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests;
