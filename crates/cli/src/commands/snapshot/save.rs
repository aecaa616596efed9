//! `snapshot save`.

use std::fs::{self, File};
use std::io::{Seek, Write, sink};
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};
use tempfile::NamedTempFile;
use tribune_client::{QueryOptions, Saved};

use crate::Context;
use crate::context::Session;
use crate::failure::Failure;
use crate::flags;
use crate::tree::Leaf;

pub(super) const LEAF: Leaf = Leaf {
    name: "save",
    about: "Saves everything that the servers keep to a file, after making sure that it is whole. \
            The file holds keys and tokens: keep it safe.",
    arguments: "FILE",
    example: "snapshot save backup.snap",
    flags: |command: Command| {
        flags::server(command.arg(flags::text(
            "append-filename",
            "PARTS",
            "What is put into the file's name, separated by commas: version, dc, node, status",
        )))
    },
    run,
};

fn run(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [file] = flags::exactly(matches, "a FILE argument")?;
    let session = context.session(matches)?;
    let parts = flags::text_of(matches, "append-filename").unwrap_or_default();
    let file = named(&session, Path::new(&file), &parts)?;
    let options = flags::query_options(matches);
    let index = save(&session, &options, &file)
        .map_err(|failure| failure.while_doing("Error saving snapshot"))?;
    writeln!(context.out, "Saved and verified snapshot to index {index}")?;
    Ok(0)
}

/// Saves beside the file, looks whether it is whole, and only then puts it in its place.
fn save(session: &Session, options: &QueryOptions, file: &Path) -> Result<u64, Failure> {
    let folder = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let at = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", file.display()));
    // its owner's alone from the first byte
    let mut beside = NamedTempFile::new_in(folder).map_err(|error| at(&error))?;
    let Saved { index, mut archive } = session.wait(session.client.snapshot().save(options))?;
    while let Some(piece) = session.wait(archive.chunk())? {
        beside.write_all(&piece).map_err(|error| at(&error))?;
    }
    let saved = beside.as_file_mut();
    saved.sync_all().map_err(|error| at(&error))?;
    saved.rewind().map_err(|error| at(&error))?;
    let meta = tribune_archive::read(&*saved, sink())
        .map_err(|error| Failure::new(format!("verification failed: {error}")))?;
    beside.persist(file).map_err(|error| at(&error.error))?;
    // the name must outlast a power failure, too
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| at(&error))?;
    Ok(if index == 0 { meta.index } else { index })
}

/// The file with what the flag says put between its name and its ending.
fn named(session: &Session, file: &Path, parts: &str) -> Result<PathBuf, Failure> {
    if parts.is_empty() {
        return Ok(file.to_owned());
    }
    let myself = session.wait(session.client.agent().myself())?;
    let config = |name: &str| {
        let value = myself.pointer(&format!("/Config/{name}"));
        value.and_then(|value| value.as_str()).unwrap_or("unknown")
    };
    let leads = myself.pointer("/Stats/consul/leader");
    let mut name = file
        .file_stem()
        .ok_or_else(|| Failure::new(format!("{} names no file", file.display())))?
        .to_os_string();
    for part in parts.split(',') {
        let text = match part.trim() {
            "version" => config("Version"),
            "dc" => config("Datacenter"),
            "node" => config("NodeName"),
            "status" if leads.is_some_and(|leads| leads == "true") => "leader",
            "status" => "follower",
            other => {
                return Err(Failure::new(format!(
                    "-append-filename: {other:?} is none of version, dc, node and status"
                )));
            }
        };
        name.push(format!("-{text}"));
    }
    if let Some(ending) = file.extension() {
        name.push(".");
        name.push(ending);
    }
    Ok(file.with_file_name(name))
}

/// Whether a file can be read as an archive, for those who use one.
pub(super) fn open(file: &str) -> Result<File, Failure> {
    let opened = File::open(file).and_then(|opened| {
        if fs::metadata(file)?.is_dir() {
            return Err(std::io::ErrorKind::IsADirectory.into());
        }
        Ok(opened)
    });
    opened.map_err(|error| Failure::new(format!("Error opening snapshot file: {file}: {error}")))
}
