//! `validate`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};
use tribune_config::{Machine, Source};
use tribune_hcl::Format;

use crate::Context;
use crate::failure::Failure;
use crate::flags;
use crate::tree::Leaf;

pub(super) const LEAF: Leaf = Leaf {
    name: "validate",
    about: "Reads an agent's configuration as the agent would, and says what is wrong with it.",
    arguments: "FILE_OR_FOLDER...",
    example: "validate /etc/tribune",
    flags: |command: Command| {
        command.args([
            flags::text(
                "config-format",
                "FORMAT",
                "hcl or json; told from a file's ending if left out",
            ),
            flags::switch("quiet", "Whether nothing is said where all is well"),
        ])
    },
    run,
};

fn run(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let paths = flags::positional(matches);
    if paths.is_empty() {
        return Err(Failure::new(
            "Must specify at least one config file or directory",
        ));
    }
    let format = match flags::text_of(matches, "config-format").as_deref() {
        None => None,
        Some("hcl") => Some(Format::Hcl),
        Some("json") => Some(Format::Json),
        Some(other) => {
            return Err(Failure::new(format!(
                "-config-format must be either 'hcl' or 'json', not {other:?}"
            )));
        }
    };
    let failed = |failure: Failure| failure.while_doing("Config validation failed");
    let mut sources = Vec::new();
    for path in &paths {
        sources.extend(read(Path::new(path), format).map_err(failed)?);
    }
    let machine = Machine {
        dev: false,
        host_name: "localhost".to_owned(),
        private_address: Some(std::net::Ipv4Addr::LOCALHOST.into()),
    };
    let loaded = tribune_config::load(&sources, &machine).map_err(Failure::new);
    let loaded = loaded.map_err(failed)?;
    if flags::is_on(matches, "quiet") {
        return Ok(0);
    }
    for notice in loaded.notices {
        writeln!(context.err, "{notice}")?;
    }
    writeln!(context.out, "Configuration is valid!")?;
    Ok(0)
}

/// A file, or those files of a folder whose endings say what they are, in the order of their names.
fn read(path: &Path, format: Option<Format>) -> Result<Vec<Source>, Failure> {
    let failed =
        |error: std::io::Error| Failure::new(format!("Failed to read {}: {error}", path.display()));
    if !path.is_dir() {
        let Some(format) = format.or_else(|| format_of(path)) else {
            return Err(Failure::new(format!(
                "{}: the name ends neither in .hcl nor in .json; say -config-format",
                path.display()
            )));
        };
        let text = fs::read_to_string(path).map_err(failed)?;
        return Ok(vec![Source::file(
            path.display().to_string(),
            text,
            Some(format),
        )]);
    }
    let mut files: Vec<PathBuf> = fs::read_dir(path)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    files.retain(|file| file.is_file() && (format.is_some() || format_of(file).is_some()));
    files.sort();
    let read = files.iter().map(|file| read(file, format));
    Ok(read.collect::<Result<Vec<_>, _>>()?.concat())
}

fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "hcl" => Some(Format::Hcl),
        "json" => Some(Format::Json),
        _ => None,
    }
}
