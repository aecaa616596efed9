//! Where log lines go.

use std::time::Duration;

use tribune_types::GoDuration;

use super::{Checks, shown};
use crate::raw;
use crate::{LogFile, LogLevel};

/// A day, after which a log file is closed where nothing is said.
const DAY: Duration = Duration::from_secs(24 * 3600);

// === impl Checks ===

impl Checks<'_> {
    pub(super) fn log_level(&mut self, text: Option<&str>) -> LogLevel {
        match text.unwrap_or("info").to_lowercase().as_str() {
            "trace" => LogLevel::Trace,
            "debug" => LogLevel::Debug,
            "info" => LogLevel::Info,
            "warn" => LogLevel::Warn,
            "err" | "error" => LogLevel::Error,
            other => {
                let reason = format!(
                    "{} is none of trace, debug, info, warn and error",
                    shown(other)
                );
                self.refuse("log_level", reason);
                LogLevel::Info
            }
        }
    }

    pub(super) fn log_file(&mut self, raw: &raw::Raw) -> Option<LogFile> {
        let every = self.wait("log_rotate_duration", raw.log_rotate_duration, 0);
        let bytes = raw.log_rotate_bytes.unwrap_or(0);
        let bytes = u64::try_from(bytes).unwrap_or_else(|_| {
            self.refuse("log_rotate_bytes", format!("{bytes} must not be negative"));
            0
        });
        let max_files = raw.log_rotate_max_files.unwrap_or(0);
        let keep = match max_files {
            -1 => Some(0),
            0 => None,
            files => usize::try_from(files).ok().or_else(|| {
                let reason = format!("{files} is neither -1, 0 nor a number of files");
                self.refuse("log_rotate_max_files", reason);
                None
            }),
        };
        let path = raw.log_file.clone().filter(|path| !path.is_empty());
        let Some(path) = path else {
            for (key, given) in [
                (
                    "log_rotate_duration",
                    raw.log_rotate_duration
                        .is_some_and(|time| time != GoDuration::ZERO),
                ),
                ("log_rotate_bytes", bytes > 0),
                ("log_rotate_max_files", max_files != 0),
            ] {
                if given {
                    self.notices
                        .push(format!("{key} does nothing without `log_file`"));
                }
            }
            return None;
        };
        Some(LogFile {
            path,
            rotate_every: if every.is_zero() { DAY } else { every },
            rotate_bytes: (bytes > 0).then_some(bytes),
            keep,
        })
    }
}
