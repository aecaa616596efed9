//! `cargo xtask conformance`: recorded cases of the reference, played against the release build.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use tribune_e2e::workspace;

use crate::shared;

/// The groups that `--update` plays: what is served so far.
const GROUPS: [&str; 8] = [
    "smoke",
    "sidecar",
    "intentions",
    "chain",
    "http",
    "cli",
    "config",
    "ca",
];

const HEADER: &str = "\
# Cases of the reference that pass, GROUP/NAME a line. It only grows:
# `cargo xtask conformance --update` adds what passes, and CI fails when one of these differs.
";

/// What to play.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    /// What `conformance.txt` names.
    Listed,
    /// Cases whose path has this text.
    Only(String),
    /// All cases.
    All,
}

#[derive(Debug)]
struct Options {
    jobs: String,
    choice: Choice,
    update: bool,
}

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let options = parse(arguments)?;
    let player = Player {
        driver: shared::build("conformance", "conform")?,
        program: shared::program()?,
        cases: shared::folder("conformance")?.join("cases"),
        jobs: options.jobs,
    };
    let list = workspace::root().join("conformance.txt");
    if options.update {
        return update(&player, &options.choice, &list);
    }
    let verdicts = match &options.choice {
        Choice::Listed => player.play(&[
            "--list".as_ref(),
            list.as_os_str(),
            player.cases.as_os_str(),
        ])?,
        choice => player.play_choice(choice)?,
    };
    ensure!(
        verdicts.failed.is_empty(),
        "{} cases differ",
        verdicts.failed.len()
    );
    Ok(())
}

fn parse(arguments: &[&str]) -> Result<Options> {
    let mut options = Options {
        jobs: "4".into(),
        choice: Choice::Listed,
        update: false,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--jobs" => options.jobs = (*rest.next().context("--jobs needs a number")?).to_owned(),
            "--only" => {
                options.choice =
                    Choice::Only((*rest.next().context("--only needs a text")?).to_owned())
            }
            "--all" => options.choice = Choice::All,
            "--update" => options.update = true,
            other => bail!("conformance knows no {other}"),
        }
    }
    Ok(options)
}

/// Adds what passes. What was listed and fails twice stays listed, and is an error.
fn update(player: &Player, choice: &Choice, list: &Path) -> Result<()> {
    let played = player.play_choice(choice)?;
    let listed = read_list(list)?;
    let doubtful: Vec<&String> = played.failed.intersection(&listed).collect();
    let mut lost = BTreeSet::new();
    if !doubtful.is_empty() {
        println!(
            "{} cases that passed before failed; once more:",
            doubtful.len()
        );
        let mut again = tempfile::NamedTempFile::new()?;
        for name in &doubtful {
            writeln!(again, "{name}")?;
        }
        lost = player
            .play(&[
                "--list".as_ref(),
                again.path().as_os_str(),
                player.cases.as_os_str(),
            ])?
            .failed;
    }
    let union: BTreeSet<&String> = listed.union(&played.passed).collect();
    let lines: String = union.iter().map(|name| format!("{name}\n")).collect();
    fs::write(list, format!("{HEADER}{lines}"))?;
    println!(
        "conformance.txt: {} cases, {} of them new",
        union.len(),
        union.len() - listed.len()
    );
    ensure!(
        lost.is_empty(),
        "these passed before, and stay listed: {}",
        Vec::from_iter(lost).join(", ")
    );
    Ok(())
}

fn read_list(list: &Path) -> Result<BTreeSet<String>> {
    if !list.exists() {
        return Ok(BTreeSet::new());
    }
    let text = fs::read_to_string(list).with_context(|| list.display().to_string())?;
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// How cases ended, by `GROUP/NAME`.
#[derive(Debug, Default)]
struct Verdicts {
    passed: BTreeSet<String>,
    failed: BTreeSet<String>,
}

// === impl Verdicts ===

impl Verdicts {
    /// Takes one line of the driver's output: `ok   PATH` or `FAIL PATH: …`.
    fn note(&mut self, line: &str) {
        let (set, path) = match (line.strip_prefix("ok   "), line.strip_prefix("FAIL ")) {
            (Some(path), _) => (&mut self.passed, path),
            (_, Some(path)) => (&mut self.failed, path),
            _ => return,
        };
        let Some((stem, _)) = path.split_once(".case.json") else {
            return;
        };
        let mut parts = stem.rsplit('/');
        if let (Some(name), Some(group)) = (parts.next(), parts.next()) {
            set.insert(format!("{group}/{name}"));
        }
    }
}

struct Player {
    driver: std::path::PathBuf,
    program: std::path::PathBuf,
    cases: std::path::PathBuf,
    jobs: String,
}

// === impl Player ===

impl Player {
    fn play_choice(&self, choice: &Choice) -> Result<Verdicts> {
        match choice {
            Choice::Listed => {
                let folders = GROUPS.map(|group| self.cases.join(group));
                self.play(&folders.each_ref().map(|folder| folder.as_os_str()))
            }
            Choice::Only(text) => {
                self.play(&["--only".as_ref(), text.as_ref(), self.cases.as_os_str()])
            }
            Choice::All => self.play(&[self.cases.as_os_str()]),
        }
    }

    /// Runs the driver, shows what it says and collects the verdicts.
    fn play(&self, which: &[&std::ffi::OsStr]) -> Result<Verdicts> {
        let mut driver = Command::new(&self.driver);
        driver.arg("check").arg("--bin").arg(&self.program).args([
            "--quiet-ms",
            "300",
            "--jobs",
            &self.jobs,
        ]);
        driver
            .arg("--got")
            .arg(workspace::target().join("conformance-got"))
            .args(which)
            .stdout(Stdio::piped());
        let mut driver = driver.spawn().context("starting the driver")?;
        let mut verdicts = Verdicts::default();
        for line in BufReader::new(driver.stdout.take().context("its output is piped")?).lines() {
            let line = line?;
            println!("{line}");
            verdicts.note(&line);
        }
        let status = driver.wait()?;
        let consistent = status.success() == verdicts.failed.is_empty();
        ensure!(consistent, "the driver ended with {status}");
        Ok(verdicts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_read_from_the_drivers_lines() {
        let mut verdicts = Verdicts::default();
        verdicts.note("ok   ../shared/conformance/cases/smoke/one.case.json");
        verdicts.note("FAIL ../cases/chain/two.case.json: what it is about");
        verdicts.note("     - ok   something.case.json");
        verdicts.note("1 passed, 1 failed");
        assert_eq!(Vec::from_iter(verdicts.passed), ["smoke/one"]);
        assert_eq!(Vec::from_iter(verdicts.failed), ["chain/two"]);
    }

    #[test]
    fn options_are_read() {
        let options = parse(&["--jobs", "2", "--only", "chain/"]).unwrap();
        assert_eq!(
            (options.jobs.as_str(), options.choice, options.update),
            ("2", Choice::Only("chain/".into()), false)
        );
        assert!(parse(&["--nonsense"]).is_err());
    }
}
