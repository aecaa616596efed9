//! The agent's own services and checks at its start: those of its configuration files, then those of before.

use std::time::{Instant, SystemTime};

use anyhow::{Context as _, Result};
use tribune_config::Config;
use tribune_local::{Local, SidecarPorts};
use tribune_types::NodeName;

use crate::process::DataDir;
use crate::saved::Saved;

/// The agent's own services and checks, those of its configuration files among them.
pub(crate) fn local(config: &Config) -> Result<Local> {
    let (min, max) = config.ports.sidecar.unwrap_or((0, 0));
    let mut local = Local::new(tribune_local::Settings {
        sidecar_ports: SidecarPorts { min, max },
        enable_script_checks: config.script_checks,
        check_update_interval: config.check_update_interval,
        discard_check_output: config.discard_check_output,
        ..tribune_local::Settings::new(NodeName::new(config.node_name.as_str()))
    });
    register(&mut local, config, Instant::now())?;
    Ok(local)
}

/// Registers what configuration files define.
///
/// # Errors
/// Where something that they define cannot be registered.
pub(crate) fn register(local: &mut Local, config: &Config, now: Instant) -> Result<()> {
    let token = &config.tokens.config_file_service_registration;
    for definition in config.services.clone() {
        let name = definition.name.clone();
        let token = if definition.token.is_empty() {
            token.clone()
        } else {
            definition.token.as_str().into()
        };
        local
            .register_service(definition, token, true, now)
            .with_context(|| format!("Failed to register service {:?}", name.as_str()))?;
    }
    for check in config.checks.clone() {
        let name = check.name.clone();
        local
            .register_check(check, token.clone(), now)
            .with_context(|| format!("Failed to register check {name:?}"))?;
    }
    Ok(())
}

/// Puts back what was registered before, where there is a folder for it.
///
/// # Errors
/// Where the folder cannot be used.
pub(crate) fn restore(folder: Option<&DataDir>, local: &mut Local) -> Result<Option<Saved>> {
    let Some(folder) = folder.map(DataDir::path) else {
        return Ok(None);
    };
    let restored = Saved::open(folder).and_then(|mut saved| {
        saved.configured(local);
        saved.restore(local, Instant::now(), SystemTime::now())?;
        Ok(saved)
    });
    let saved = restored.with_context(|| format!("data_dir {folder:?} cannot be used"))?;
    Ok(Some(saved))
}
