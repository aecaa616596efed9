//! `debug`.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::{ArgMatches, Command};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tribune_client::{Error, QueryOptions};
use tribune_types::GoDuration;

use crate::Context;
use crate::context::Session;
use crate::failure::Failure;
use crate::flags;
use crate::tree::Leaf;

pub(super) const LEAF: Leaf = Leaf {
    name: "debug",
    about: "Collects what helps to find out what is wrong: the agent, its machine, the members, the servers, the \
            proxies, and a while of the log. Nothing secret is collected.",
    arguments: "",
    example: "debug -duration 30s -capture agent -capture logs",
    flags: declare,
    run,
};

const DURATION: &str = "5m";
const LEAST_DURATION: Duration = Duration::from_secs(10);

fn declare(command: Command) -> Command {
    flags::client(command.args([
        flags::many(
            "capture",
            "TARGET",
            "agent, host, members, servers, proxies or logs; all of them if left out",
        ),
        flags::text(
            "duration",
            "DURATION",
            "How long the log is followed; 5m if left out, at least 10s",
        ),
        flags::text(
            "interval",
            "DURATION",
            "Accepted for scripts; nothing is collected more than once",
        ),
        flags::text(
            "output",
            "NAME",
            "Folder, and name of the archive less .tar.gz; consul-debug-TIME if left out",
        ),
        flags::switch(
            "archive",
            "Whether the folder becomes an archive, as it does if this is left out",
        ),
    ]))
}

/// Something that is collected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Agent,
    Host,
    Members,
    Servers,
    Proxies,
    Logs,
}

const TARGETS: [Target; 6] = [
    Target::Agent,
    Target::Host,
    Target::Members,
    Target::Servers,
    Target::Proxies,
    Target::Logs,
];

// === impl Target ===

impl Target {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Host => "host",
            Self::Members => "members",
            Self::Servers => "servers",
            Self::Proxies => "proxies",
            Self::Logs => "logs",
        }
    }
}

fn run(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let given = flags::positional(matches).len();
    if given > 0 {
        return Err(Failure::new(format!(
            "debug: Too many arguments provided, expected 0, got {given}"
        )));
    }
    let targets = targets(context, &flags::all_of(matches, "capture"))?;
    let duration = duration(matches)?;
    let output = flags::text_of(matches, "output").unwrap_or_else(made_up);
    let folder = PathBuf::from(&output);
    let session = context.session(matches)?;
    if folder.exists() {
        return Err(Failure::new(format!(
            "output folder {output} exists already"
        )));
    }
    fs::create_dir(&folder)?;
    writeln!(
        context.out,
        "Starting debugger and capturing static information..."
    )?;
    for target in targets {
        if let Err(failure) = capture(&session, target, &folder, duration) {
            writeln!(
                context.err,
                "Cannot capture {}: {}",
                target.as_str(),
                failure.message
            )?;
        }
    }
    // left out, it is on
    if matches.get_one::<bool>("archive").copied() == Some(false) {
        writeln!(context.out, "Saved debug directory: {output}")?;
        return Ok(0);
    }
    let archive = format!("{output}.tar.gz");
    pack(&folder, &archive)?;
    writeln!(context.out, "Saved debug archive: {archive}")?;
    Ok(0)
}

fn targets(context: &mut Context<'_>, names: &[String]) -> Result<Vec<Target>, Failure> {
    let mut targets = Vec::new();
    for name in names {
        match name.as_str() {
            "cluster" => targets.push(Target::Members),
            "metrics" | "pprof" => {
                writeln!(context.err, "There is nothing to capture for {name}.")?;
            }
            _ => targets.push(
                *TARGETS
                    .iter()
                    .find(|target| target.as_str() == name)
                    .ok_or_else(|| Failure::new(format!("unknown capture target: {name:?}")))?,
            ),
        }
    }
    Ok(if names.is_empty() {
        TARGETS.to_vec()
    } else {
        targets
    })
}

fn duration(matches: &ArgMatches) -> Result<Duration, Failure> {
    let parse = |name: &str, text: &str| {
        text.parse::<GoDuration>()
            .map(GoDuration::to_std)
            .map_err(|error| Failure::new(format!("Invalid value for flag -{name}: {error}")))
    };
    if let Some(interval) = flags::text_of(matches, "interval") {
        parse("interval", &interval)?;
    }
    let text = flags::text_of(matches, "duration").unwrap_or_else(|| DURATION.to_owned());
    let duration = parse("duration", &text)?;
    if duration < LEAST_DURATION {
        return Err(Failure::new(format!(
            "duration must be longer than {}s",
            LEAST_DURATION.as_secs()
        )));
    }
    Ok(duration)
}

fn made_up() -> String {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    format!("consul-debug-{}", since.as_secs())
}

/// Collects one thing into a file of its own.
fn capture(
    session: &Session,
    target: Target,
    folder: &Path,
    duration: Duration,
) -> Result<(), Failure> {
    let client = &session.client;
    let options = QueryOptions::default();
    let value: Value = match target {
        Target::Agent => session.wait(client.agent().myself())?,
        Target::Host => session.wait(client.agent().host())?,
        Target::Members => {
            let members = session.wait(client.agent().members(false, &options))?;
            members.iter().map(json_of).collect()
        }
        Target::Servers => json_of(&session.wait(client.operator().raft_configuration(&options))?),
        Target::Proxies => json_of(&session.wait(client.mesh().proxies(true))?),
        Target::Logs => return logs(session, &folder.join("consul.log"), duration),
    };
    let mut file = File::create(folder.join(format!("{}.json", target.as_str())))?;
    serde_json::to_writer_pretty(&mut file, &value).map_err(Failure::new)?;
    Ok(())
}

fn json_of(value: &impl serde::Serialize) -> Value {
    // what came as JSON has a JSON form
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// Follows the log for a while.
fn logs(session: &Session, file: &Path, duration: Duration) -> Result<(), Failure> {
    let mut file = File::create(file)?;
    session.wait(async {
        let mut log = session.client.agent().monitor("DEBUG", false).await?;
        let end = Instant::now() + duration;
        while let Ok(piece) = timeout_at(end, log.chunk()).await {
            let Some(piece) = piece? else { break };
            if file.write_all(&piece).is_err() {
                break;
            }
        }
        Ok::<(), Error>(())
    })?;
    file.sync_all()?;
    Ok(())
}

/// Makes an archive of the folder, and removes the folder.
fn pack(folder: &Path, archive: &str) -> Result<(), Failure> {
    let file = File::create_new(archive)
        .map_err(|error| Failure::new(format!("Failed to write {archive}: {error}")))?;
    let mut builder = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    builder.append_dir_all(name, folder)?;
    builder.into_inner()?.finish()?.sync_all()?;
    fs::remove_dir_all(folder)?;
    Ok(())
}
