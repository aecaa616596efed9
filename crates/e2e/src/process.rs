//! Child processes, each the head of a process group that never outlives this process's interest.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::signal::unix::{SignalKind, signal};

use crate::runtime::runtime;

/// How long a process may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// What this process was started for is done, so an interrupt is its proper end.
static FINISHED: AtomicBool = AtomicBool::new(false);

/// The groups that are alive; shared with the signal handler.
static LIVE: Mutex<Live> = Mutex::new(Live {
    groups: BTreeSet::new(),
    stopping: false,
});

struct Live {
    groups: BTreeSet<i32>,
    /// An interrupt came: nothing new may start.
    stopping: bool,
}

fn live() -> MutexGuard<'static, Live> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running child; dropping it ends its whole group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

// === impl Process ===

impl Process {
    /// Starts `command` with nothing to read and its output going to `FOLDER/NAME.log`, after what is there.
    pub fn spawn(name: &str, mut command: Command, folder: &Path) -> Result<Self> {
        watch_signals();
        fs::create_dir_all(folder)?;
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.with_context(|| log.display().to_string())?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0);
        let mut live = live();
        if live.stopping {
            bail!("interrupted");
        }
        let child = command
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        live.groups.insert(group_of(&child));
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// An error with the end of its log when it is no longer running.
    pub fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!(
                "{} ended ({status}); its log closes with:\n{}",
                self.name,
                self.log_tail()
            );
        }
        Ok(())
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Its process ID, which is its group's too.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends its group a signal.
    pub fn signal(&self, signal: Signal) {
        signal_group(group_of(&self.child), signal);
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let (status, _) = crate::wait::until(&format!("the end of {}", self.name), || {
            Ok(self.child.try_wait()?)
        })?;
        Ok(status)
    }

    /// Asks it to end, makes it end after five seconds, and tells how it ended.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            self.forget();
            return Ok(status);
        }
        self.signal(Signal::TERM);
        let start = Instant::now();
        let mut status = None;
        while status.is_none() && start.elapsed() < GRACE {
            status = self.child.try_wait()?;
            std::thread::sleep(Duration::from_millis(2));
        }
        self.forget();
        Ok(match status {
            Some(status) => status,
            None => self.child.wait()?,
        })
    }

    /// Ends what is left of the group.
    fn forget(&self) {
        let group = group_of(&self.child);
        signal_group(group, Signal::KILL);
        live().groups.remove(&group);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

fn group_of(child: &Child) -> i32 {
    i32::try_from(child.id()).expect("process IDs fit the system's own type")
}

fn signal_group(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group) {
        // Fails when the group is gone already, which is what is wanted.
        let _ = kill_process_group(group, signal);
    }
}

/// Ends every group that this process started and lets it start no other.
pub fn stop_all() {
    let mut live = live();
    live.stopping = true;
    for group in &live.groups {
        signal_group(*group, Signal::TERM);
    }
    // Zombies keep their group in being until they are reaped, which the exit of this process sees to.
    let start = Instant::now();
    while start.elapsed() < GRACE && live.groups.iter().any(|group| is_running(*group)) {
        std::thread::sleep(Duration::from_millis(10));
    }
    for group in &live.groups {
        signal_group(*group, Signal::KILL);
    }
}

/// Whether the head of the group runs, as opposed to being gone or waiting to be reaped.
fn is_running(group: i32) -> bool {
    fs::read_to_string(format!("/proc/{group}/stat")).is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| !rest.trim_start().starts_with('Z'))
    })
}

/// Says that all there was to do is done: from now on an interrupt ends this process with exit code 0.
pub fn finished() {
    FINISHED.store(true, Ordering::Relaxed);
}

/// From its first call on, SIGINT, SIGTERM and SIGHUP end every child and then this process: with exit
/// code 130, or 0 after [`finished`].
pub fn watch_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _inside = runtime().enter();
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        for mut signals in kinds.into_iter().filter_map(|kind| signal(kind).ok()) {
            runtime().spawn(async move {
                signals.recv().await;
                stop_all();
                std::process::exit(if FINISHED.load(Ordering::Relaxed) {
                    0
                } else {
                    130
                });
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn dropping_a_process_ends_its_whole_group() {
        let folder = tempfile::tempdir().unwrap();
        let process =
            Process::spawn("tree", shell("sleep 600 & echo $!; wait"), folder.path()).unwrap();
        let (grandchild, _) = crate::wait::until("the grandchild's ID", || {
            Ok(process.log().trim().parse::<i32>().ok())
        })
        .unwrap();
        assert!(is_running(grandchild));
        drop(process);
        crate::wait::until("the grandchild's end", || {
            Ok((!is_running(grandchild)).then_some(()))
        })
        .unwrap();
    }

    #[test]
    fn a_process_that_ignores_the_request_to_end_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
        let mut process = Process::spawn("stubborn", shell(script), folder.path()).unwrap();
        crate::wait::until("its start", || {
            Ok(process.log().contains("ready").then_some(()))
        })
        .unwrap();
        assert!(!process.stop().unwrap().success());
    }

    #[test]
    fn an_end_of_its_own_is_reported_with_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut process =
            Process::spawn("short", shell("echo last words; exit 3"), folder.path()).unwrap();
        let (said, _) = crate::wait::until("its end", || {
            Ok(process.check().err().map(|error| error.to_string()))
        })
        .unwrap();
        assert!(
            said.contains("exit status: 3") && said.contains("last words"),
            "{said}"
        );
    }
}
