//! Where log lines go: standard output, as text or as JSON.

use tracing_subscriber::filter::LevelFilter;
use tribune_config::{Config, LogLevel};

/// Sets logging up for the process. A second call changes nothing.
pub(crate) fn init(config: &Config) {
    let level = match config.log_level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    // transports log every frame at debug, which nobody who debugs a mesh wants to see
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(level.into())
        .parse_lossy("h2=warn,hyper=warn,tonic=warn,tower=warn");
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(true);
    let set = if config.log_json {
        lines.json().try_init()
    } else {
        lines.with_ansi(false).try_init()
    };
    drop(set);
}
