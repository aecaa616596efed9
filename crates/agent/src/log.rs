//! Where log lines go: standard output, as text or as JSON, a file that is closed from time to time, and
//! whoever follows them.

mod file;
mod tap;

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, Result};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};
use tribune_config::{Config, LogLevel};

use file::RotatingFile;
pub(crate) use tap::Tap;

/// A process has one log, whoever writes to it.
static TAP: OnceLock<Tap> = OnceLock::new();

/// The log of the process, for those who follow it.
pub(crate) fn tap() -> &'static Tap {
    TAP.get_or_init(Tap::new)
}

/// The process's log.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl Log {
    /// Sets logging up for the process. Where that was done before, the log of then goes on.
    ///
    /// # Errors
    /// Where the log's file cannot be written.
    pub(crate) fn init(config: &Config) -> Result<Self> {
        let file = config.log_file.as_ref().map(|file| {
            RotatingFile::open(file, SystemTime::now())
                .with_context(|| format!("log_file {:?} cannot be written", file.path))
        });
        let writer = Writer {
            file: file.transpose()?.map(|file| Arc::new(Mutex::new(file))),
        };
        let (layer, filter) = reload::Layer::new(filter(config.log_level));
        let lines = tracing_subscriber::fmt::layer()
            .with_target(true)
            .with_ansi(false)
            .with_writer(writer);
        let lines = if config.log_json {
            lines.json().boxed()
        } else {
            lines.boxed()
        };
        // each has a filter of its own: who follows the log may want more of it than the operator has kept
        let set = tracing_subscriber::registry()
            .with(lines.with_filter(layer))
            .with(Layer::with_filter(tap().clone(), tap().clone()))
            .try_init();
        // an embedder or a test may have set up a log of its own, which is then the one
        drop(set);
        Ok(Self { filter })
    }

    /// A log that goes nowhere.
    #[cfg(test)]
    pub(crate) fn nowhere() -> Self {
        let (_, filter) = reload::Layer::new(filter(LogLevel::Error));
        Self { filter }
    }

    /// Logs messages of this level and more severe ones from now on.
    pub(crate) fn set_level(&self, level: LogLevel) {
        if self.filter.reload(filter(level)).is_err() {
            tracing::warn!("the log's level cannot be changed: another log is set up");
        }
    }
}

/// What is logged. Transports log every frame at debug, which nobody who debugs a mesh wants to see.
fn filter(level: LogLevel) -> EnvFilter {
    let quiet = tap::NOISY.map(|name| format!("{name}=warn")).join(",");
    let text = format!("{},{quiet}", level.as_str());
    EnvFilter::builder().parse_lossy(text)
}

/// Writes lines to standard output and to the file, if there is one.
#[derive(Clone, Debug)]
struct Writer {
    file: Option<Arc<Mutex<RotatingFile>>>,
}

impl io::Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(file) = &self.file {
            // a line that was cut by a panic is all that a poisoned lock can hide
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write(line, SystemTime::now())?;
        }
        io::stdout().write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
