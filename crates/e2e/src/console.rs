//! Runs the commands that documentation shows, so that what it says stays true.
//!
//! In a block fenced as `console`, a line that opens with `$ ` is a command (a `\` at its end continues
//! it) and what follows, up to the next, is what it prints: each line must appear, in this order,
//! where `…` stands for any text. Commands must succeed, or end with the code that a comment at their
//! end names (`# exit code 1`). `cargo` commands are not run here: the checks of the project run them.
//!
//! A block fenced as `hcl` or `json` whose first line is a comment with a file name (`# api.hcl`) is
//! written to that file. Commands run in a folder that holds the HCL files of `examples/`, in order,
//! against one agent per document: `tribune agent -dev` starts it, or the first command that needs it.
//! Ports that the examples show are replaced by free ones, everywhere. `tribune connect envoy` without
//! `-bootstrap` starts an Envoy that runs to the end of the document.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::examples::Ports;
use crate::process::Process;
use crate::{Agent, Service, envoy, http, ports, wait};

/// One thing that a document shows to do.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Write a file.
    File { name: String, text: String },
    /// Run a command, in line `line` of the document.
    Command {
        line: usize,
        command: String,
        output: Vec<String>,
        exit: i32,
    },
}

/// Runs every command of the Markdown file `document` with `binary` as `tribune`; how many there were.
///
/// # Errors
/// At the first one that does otherwise than shown, with its line and what it printed.
pub fn run(document: &Path, binary: &Path, folder: &Path) -> Result<usize> {
    let steps = parse(&fs::read_to_string(document)?)?;
    let name = document.file_name().unwrap_or_default().to_string_lossy();
    let mut session = Session::new(binary, folder)?;
    let mut commands = 0;
    for step in steps {
        match step {
            Step::File { name, text } => {
                fs::write(session.folder.join(&name), session.ports.apply(&text))?
            }
            Step::Command {
                line,
                command,
                output,
                exit,
            } => {
                commands += 1;
                session
                    .run(&command, &output, exit)
                    .with_context(|| format!("{name}:{line}: $ {command}"))?;
            }
        }
    }
    Ok(commands)
}

fn parse(text: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let block: VecDeque<(usize, &str)> = lines
            .by_ref()
            .take_while(|(_, line)| line.trim() != "```")
            .collect();
        match info.split_whitespace().next() {
            Some("console") => parse_console(block, &mut steps)?,
            Some("hcl" | "json") => steps.extend(parse_file(&block)),
            _ => {}
        }
    }
    Ok(steps)
}

fn parse_console(mut block: VecDeque<(usize, &str)>, steps: &mut Vec<Step>) -> Result<()> {
    while let Some((at, line)) = block.pop_front() {
        let Some(first) = line.trim_start().strip_prefix("$ ") else {
            bail!(
                "line {}: a console block opens with a command: {line}",
                at + 1
            );
        };
        let mut command = first.to_owned();
        while let Some(open) = command.strip_suffix('\\') {
            let more = block
                .pop_front()
                .context("a command goes on after the end of its block")?
                .1;
            command = format!("{}{}", open, more.trim_start());
        }
        let exit = match command.split_once("# exit code ") {
            Some((_, code)) => code.trim().parse().context("an exit code is a number")?,
            None => 0,
        };
        let mut output = Vec::new();
        while block
            .front()
            .is_some_and(|(_, line)| !line.trim_start().starts_with("$ "))
        {
            output.extend(block.pop_front().map(|(_, line)| line.to_owned()));
        }
        steps.push(Step::Command {
            line: at + 1,
            command,
            output,
            exit,
        });
    }
    Ok(())
}

fn parse_file(block: &VecDeque<(usize, &str)>) -> Option<Step> {
    let name = block.front()?.1.strip_prefix("# ")?.trim();
    let plain = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    (plain && name.contains('.')).then(|| Step::File {
        name: name.to_owned(),
        text: block.iter().map(|(_, line)| format!("{line}\n")).collect(),
    })
}

/// What a document's commands have started so far. Fields end in this order.
struct Session {
    envoys: Vec<Process>,
    services: Vec<Service>,
    agent: Option<Agent>,
    ports: Ports,
    binary: PathBuf,
    folder: PathBuf,
}

impl Session {
    fn new(binary: &Path, folder: &Path) -> Result<Self> {
        let ports = Ports::new()?;
        ports.write_examples(folder)?;
        ports.write_examples(&folder.join("examples"))?;
        let bin = folder.join("bin");
        fs::create_dir_all(&bin)?;
        symlink(binary, bin.join("tribune"))?;
        symlink(envoy::find()?, bin.join("envoy"))?;
        let folder = folder.to_owned();
        Ok(Self {
            envoys: Vec::new(),
            services: Vec::new(),
            agent: None,
            ports,
            binary: binary.to_owned(),
            folder,
        })
    }

    fn run(&mut self, command: &str, output: &[String], exit: i32) -> Result<()> {
        let program = command.split_whitespace().next().unwrap_or_default();
        match program {
            "cargo" => return Ok(()),
            "tribune" | "curl" => {}
            other => {
                bail!("documentation shows `{other}`, and nothing here knows how to verify it")
            }
        }
        self.start_agent()?;
        if command.starts_with("tribune agent") {
            ensure!(
                command == "tribune agent -dev",
                "only `tribune agent -dev` can be verified here"
            );
            return Ok(());
        }
        if command.starts_with("tribune connect envoy") && !command.contains("-bootstrap") {
            return self.start_envoy(command);
        }
        let ran = self.shell(command).output().context("starting sh")?;
        let said = String::from_utf8_lossy(&ran.stdout).into_owned()
            + &String::from_utf8_lossy(&ran.stderr);
        ensure!(
            ran.status.code() == Some(exit),
            "{} instead of {exit}: {said}",
            ran.status
        );
        if let Some(line) = missing(output, &said) {
            bail!("`{line}` is not printed, or not there. What is printed:\n{said}");
        }
        Ok(())
    }

    /// The command, in the session's folder, for the agent on its free ports.
    fn shell(&self, command: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(self.ports.apply(command))
            .current_dir(&self.folder);
        shell.env(
            "PATH",
            format!("{}:{path}", self.folder.join("bin").display()),
        );
        shell.env(
            "CONSUL_HTTP_ADDR",
            format!("127.0.0.1:{}", self.ports.of(8500)),
        );
        shell
    }

    /// Starts the agent and the services that the examples describe, if they do not run yet.
    fn start_agent(&mut self) -> Result<()> {
        if self.agent.is_some() {
            return Ok(());
        }
        self.agent = Some(Agent::start(
            &self.binary,
            &self.folder,
            &self.ports,
            &json!({}),
        )?);
        let upstream = ([127, 0, 0, 1], self.ports.of(9101)).into();
        self.services = vec![
            Service::start_in_front_of(upstream, "web", self.ports.of(8080))?,
            Service::start("api-1", self.ports.of(8081))?,
            Service::start("api-2", self.ports.of(8082))?,
        ];
        Ok(())
    }

    /// Starts an Envoy that stays, and waits until it is live.
    fn start_envoy(&mut self, command: &str) -> Result<()> {
        let command = command.trim_end_matches('&').trim_end();
        let admin = ports::free()?;
        let words: Vec<&str> = command.split_whitespace().collect();
        let shown = words
            .iter()
            .position(|word| word.ends_with("-admin-bind"))
            .and_then(|at| words.get(at + 1));
        let (command, admin) = match shown {
            Some(shown) => (command.to_owned(), self.ports.apply(shown).parse()?),
            None => (
                format!("{command} -admin-bind 127.0.0.1:{admin}"),
                ([127, 0, 0, 1], admin).into(),
            ),
        };
        let name = format!("envoy-{}", self.envoys.len());
        let mut process =
            Process::spawn(&name, self.shell(&format!("exec {command}")), &self.folder)?;
        wait::until("a live Envoy", || {
            Ok((http::get(admin, "/ready")?.status == 200).then_some(()))
        })
        .with_context(|| format!("its log closes with:\n{}", process.log_tail()))?;
        process.check()?;
        self.envoys.push(process);
        Ok(())
    }
}

/// Shown lines that `said` lacks, or has in another order.
fn missing<'a>(shown: &'a [String], said: &str) -> Option<&'a str> {
    let mut lines = said.lines();
    shown
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty() && *line != "…")
        .find(|pattern| !lines.any(|line| matches(pattern, line)))
}

/// Whether `line` reads as `pattern` does, spaces counted once and `…` standing for anything.
fn matches(pattern: &str, line: &str) -> bool {
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (pattern, line) = (squeeze(pattern), squeeze(line));
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut open = false;
    for part in parts {
        let part = part.trim();
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        open = part.is_empty();
    }
    open || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_steps() {
        let text = "Text.\n```hcl\n# api.hcl\nservice {}\n```\n```hcl\nno = \"file\"\n```\n```console\n$ tribune a \\\n    -b # exit code 1\nSaid …\n\nmore\n$ tribune c\n```\n";
        let command = |line, command: &str, output: &[&str], exit| Step::Command {
            line,
            command: command.to_owned(),
            output: output.iter().map(|&line| line.to_owned()).collect(),
            exit,
        };
        let steps = parse(text).unwrap();
        assert_eq!(
            steps[0],
            Step::File {
                name: "api.hcl".into(),
                text: "# api.hcl\nservice {}\n".into()
            }
        );
        assert_eq!(
            steps[1],
            command(10, "tribune a -b # exit code 1", &["Said …", "", "more"], 1)
        );
        assert_eq!(steps[2], command(15, "tribune c", &[], 0));
        assert_eq!(steps.len(), 3);
    }

    #[test]
    fn output_without_a_command_is_a_mistake_of_the_document() {
        assert!(parse("```console\nout\n```\n").is_err());
    }

    #[test]
    fn shown_lines_must_appear_in_order() {
        let shown = |lines: &[&str]| {
            lines
                .iter()
                .map(|&line| line.to_owned())
                .collect::<Vec<_>>()
        };
        let said = "Node     Address\nlaptop   127.0.0.1:8301  alive\nend\n";
        assert_eq!(
            missing(
                &shown(&["Node Address", "… 127.0.0.1:… alive", "end"]),
                said
            ),
            None
        );
        assert_eq!(
            missing(&shown(&["end", "Node Address"]), said),
            Some("Node Address")
        );
        assert_eq!(missing(&shown(&["laptop"]), said), Some("laptop"));
        assert_eq!(missing(&shown(&["laptop …"]), said), None);
    }
}
