//! Where log lines go: standard output, as text or as JSON.

use tribune_config::Config;

/// Sets logging up for the process. A second call changes nothing.
pub(crate) fn init(config: &Config) {
    // transports log every frame at debug, which nobody who debugs a mesh wants to see
    let filter = format!(
        "{},h2=warn,hyper=warn,tonic=warn,tower=warn",
        config.log_level.as_str()
    );
    let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(filter);
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
