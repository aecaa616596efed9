//! A log file that is closed when it is old or large, and another one begun.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tribune_config::LogFile;

/// What the file is called where only its folder is named.
const NAME: &str = "tribune.log";

/// The file that lines go to now.
#[derive(Debug)]
pub(super) struct RotatingFile {
    folder: PathBuf,
    stem: String,
    extension: String,
    rotate_every: Duration,
    rotate_bytes: Option<u64>,
    keep: Option<usize>,
    file: File,
    bytes: u64,
    opened: SystemTime,
}

impl RotatingFile {
    pub(super) fn open(settings: &LogFile, now: SystemTime) -> io::Result<Self> {
        let path = Path::new(&settings.path);
        let (folder, name) = if settings.path.ends_with('/') || path.is_dir() {
            (path, NAME)
        } else {
            let name = path.file_name().and_then(|name| name.to_str());
            let folder = path.parent().unwrap_or_else(|| Path::new(""));
            (folder, name.unwrap_or(NAME))
        };
        if !folder.as_os_str().is_empty() {
            fs::create_dir_all(folder)?;
        }
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "log"));
        let file = append(&folder.join(format!("{stem}.{extension}")))?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            folder: folder.to_owned(),
            stem: stem.to_owned(),
            extension: extension.to_owned(),
            rotate_every: settings.rotate_every,
            rotate_bytes: settings.rotate_bytes,
            keep: settings.keep,
            file,
            bytes,
            opened: now,
        })
    }

    /// Adds a line, to a new file where it is time for one.
    pub(super) fn write(&mut self, line: &[u8], now: SystemTime) -> io::Result<()> {
        let age = now.duration_since(self.opened).unwrap_or_default();
        let full = self.rotate_bytes.is_some_and(|most| self.bytes >= most);
        if self.bytes > 0 && (full || age >= self.rotate_every) {
            self.rotate(now)?;
        }
        self.file.write_all(line)?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    fn path(&self, stamp: Option<u128>) -> PathBuf {
        let (stem, extension) = (&self.stem, &self.extension);
        self.folder.join(match stamp {
            Some(stamp) => format!("{stem}-{stamp}.{extension}"),
            None => format!("{stem}.{extension}"),
        })
    }

    fn rotate(&mut self, now: SystemTime) -> io::Result<()> {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let mut stamp = since.unwrap_or_default().as_nanos();
        // two may be closed at the same time where the clock was set back
        while self.path(Some(stamp)).exists() {
            stamp += 1;
        }
        fs::rename(self.path(None), self.path(Some(stamp)))?;
        self.file = append(&self.path(None))?;
        (self.bytes, self.opened) = (0, now);
        self.prune()
    }

    /// Removes the oldest closed files beyond those that are kept.
    fn prune(&self) -> io::Result<()> {
        let Some(keep) = self.keep else { return Ok(()) };
        let mut closed = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            closed.extend(name.to_str().and_then(|name| self.stamp(name)));
        }
        closed.sort_unstable();
        let old = closed.len().saturating_sub(keep);
        closed[..old]
            .iter()
            .try_for_each(|stamp| fs::remove_file(self.path(Some(*stamp))))
    }

    /// When a file was closed, if it is one of these.
    fn stamp(&self, name: &str) -> Option<u128> {
        let stamp = name.strip_prefix(self.stem.as_str())?.strip_prefix('-')?;
        let stamp = stamp.strip_suffix(self.extension.as_str())?;
        stamp.strip_suffix('.')?.parse().ok()
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(path: &Path, keep: Option<usize>) -> LogFile {
        LogFile {
            path: path.display().to_string(),
            rotate_every: Duration::from_secs(60),
            rotate_bytes: Some(10),
            keep,
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn files(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_closed_when_it_is_large_or_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.log");
        let mut log = RotatingFile::open(&settings(&path, None), at(0)).unwrap();
        log.write(b"first line\n", at(1)).unwrap();
        log.write(b"second\n", at(2)).unwrap();
        log.write(b"x\n", at(62)).unwrap();
        let closed = ["agent-2000000000.log", "agent-62000000000.log"];
        assert_eq!(files(folder.path()), [closed[0], closed[1], "agent.log"]);
        let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(text(closed[0]), "first line\n");
        assert_eq!(text(closed[1]), "second\n");
        assert_eq!(text("agent.log"), "x\n");
    }

    #[test]
    fn the_oldest_closed_files_go_first() {
        for keep in [0, 2] {
            let folder = tempfile::tempdir().unwrap();
            let mut log = RotatingFile::open(&settings(folder.path(), Some(keep)), at(0)).unwrap();
            fs::write(folder.path().join("tribune-other.log"), "").unwrap();
            for second in 1..=5 {
                log.write(b"a line of more than ten bytes\n", at(second))
                    .unwrap();
            }
            let names = files(folder.path());
            assert_eq!(names.len(), keep + 2, "{names:?}");
            assert!(names.contains(&"tribune-other.log".to_owned()));
            assert!(keep == 0 || names.contains(&"tribune-5000000000.log".to_owned()));
        }
    }

    #[test]
    fn an_earlier_file_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/agent");
        for line in ["a\n", "b\n"] {
            let mut log = RotatingFile::open(&settings(&path, None), at(0)).unwrap();
            log.write(line.as_bytes(), at(1)).unwrap();
        }
        let text = fs::read_to_string(folder.path().join("sub/agent.log")).unwrap();
        assert_eq!(text, "a\nb\n");
    }
}
