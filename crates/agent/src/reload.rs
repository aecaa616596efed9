//! Reading the configuration again while the agent runs.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use tribune_config::{Config, Loaded};
use tribune_local::Local;
use tribune_types::Name;
use tribune_types::call::{CallError, Options, Write};

use crate::agent::Agent;
use crate::definitions;
use crate::log::Log;

/// Reads the sources that the agent was started with, as they are now.
pub(crate) type Read = Box<dyn Fn() -> Result<Loaded> + Send + Sync>;

/// What a reload needs of the process.
pub(crate) struct Reloader {
    read: Read,
    log: Log,
    /// Services and checks that configuration files define now. Held while they are changed.
    defined: tokio::sync::Mutex<Defined>,
}

/// IDs of services and checks.
#[derive(Debug, Default)]
struct Defined {
    services: BTreeSet<Name>,
    checks: BTreeSet<Name>,
}

impl Defined {
    fn of(local: &Local) -> Self {
        Self {
            services: local.services().map(|(id, _)| id.clone()).collect(),
            checks: local.checks().map(|(id, _)| id.clone()).collect(),
        }
    }
}

impl Reloader {
    pub(crate) fn new(read: Read, log: Log) -> Self {
        Self {
            read,
            log,
            defined: tokio::sync::Mutex::default(),
        }
    }

    /// Takes note of what configuration files defined at the start.
    pub(crate) fn defined(&mut self, local: &Local) {
        *self.defined.get_mut() = Defined::of(local);
    }
}

impl Agent {
    /// Reads the configuration again and does what it says, as far as that can change while the agent runs.
    ///
    /// # Errors
    /// Where it is wrong; then nothing is changed.
    pub(crate) async fn reload(&self) -> Result<()> {
        let Loaded { config, notices } = (self.reloader.read)()?;
        // everything that may be refused is looked at before anything is changed
        let wanted = definitions::local(&config)?;
        for notice in notices {
            tracing::warn!("{notice}");
        }
        let restart = self.config.needs_restart(&config);
        if !restart.is_empty() {
            tracing::warn!(
                keys = restart.join(", "),
                "these keys have changed and count from the next start on"
            );
        }
        self.reloader.log.set_level(config.log_level);
        self.set_tokens(config.tokens.clone());
        self.redefine(&config, &wanted).await?;
        self.write_missing(&config).await;
        tracing::info!("configuration reloaded");
        Ok(())
    }

    /// Registers what files define now, and removes what they no longer do.
    async fn redefine(&self, config: &Config, wanted: &Local) -> Result<()> {
        let mut defined = self.reloader.defined.lock().await;
        let wanted = Defined::of(wanted);
        if let Some(saved) = &self.saved {
            let scratch = definitions::local(config)?;
            saved.lock().await.configured(&scratch);
        }
        self.change(|local, now| {
            local.discard_check_output(config.discard_check_output);
            for id in defined.services.difference(&wanted.services) {
                // what the API has removed in the meantime is gone already
                let _gone = local.deregister_service(id, now);
            }
            for id in defined.checks.difference(&wanted.checks) {
                let _gone = local.deregister_check(id, now);
            }
            definitions::register(local, config, now)
        })
        .context("the configuration is reloaded in part")?;
        *defined = wanted;
        drop(defined);
        self.sync_now().await?;
        Ok(())
    }

    /// Has the servers keep the config entries that they lack.
    pub(crate) async fn write_missing(&self, config: &Config) {
        let options = Options {
            token: self.own_token(),
            ..Options::default()
        };
        for entry in &config.config_entries {
            let write = Write::PutConfigEntry {
                entry: Box::new(entry.clone()),
                cas: Some(0),
            };
            let written = self.servers.write(write, &options).await;
            if let Err(error @ (CallError::Denied(_) | CallError::Refused(_))) = &written {
                tracing::warn!(%error, "a config entry of config_entries.bootstrap is not written");
            }
        }
    }
}
