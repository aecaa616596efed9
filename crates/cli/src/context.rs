//! What a subcommand works with.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{Read, Write};
use std::path::PathBuf;

use clap::ArgMatches;
use tokio::runtime::{Builder, Runtime};
use tribune_client::{Address, Client, Config, Error};

use crate::failure::Failure;
use crate::flags;

/// The surroundings of one run of the command line.
pub struct Context<'a> {
    /// Takes results.
    pub out: &'a mut dyn Write,
    /// Takes errors, warnings and notes.
    pub err: &'a mut dyn Write,
    /// What `-` instead of a file name stands for.
    pub input: &'a mut dyn Read,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
}

/// A client and what its requests run on.
pub(crate) struct Session {
    pub(crate) client: Client,
    runtime: Runtime,
}

// === impl Context ===

impl Context<'_> {
    /// The value of an environment variable, unless it is empty.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.environment
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    /// The settings of the client: those of the environment, overridden by flags.
    pub(crate) fn client_config(&self, matches: &ArgMatches) -> Result<Config, Failure> {
        let flag = |name| flags::text_of(matches, name);
        // A token on the command line makes a token file in the environment moot, readable or not.
        let overridden = flag("token").is_some() || flag("token-file").is_some();
        let mut config = Config::from_vars(|name| {
            if overridden && name == "CONSUL_HTTP_TOKEN_FILE" {
                None
            } else {
                self.variable(name)
            }
        })?;
        if let Some(address) = flag("http-addr") {
            let ssl = matches!(config.address, Address::Tcp { tls: true, .. })
                && !address.contains("://");
            config.address = Address::parse(&address, ssl)?;
        }
        match (flag("token"), flag("token-file")) {
            (Some(token), _) => config.token = token.as_str().into(),
            (None, Some(file)) => config.token = Config::token_from_file(file.into())?,
            (None, None) => {}
        }
        let replace = |setting: &mut Option<PathBuf>, name| {
            if let Some(path) = flag(name) {
                *setting = Some(path.into());
            }
        };
        replace(&mut config.tls.ca_file, "ca-file");
        replace(&mut config.tls.ca_path, "ca-path");
        replace(&mut config.tls.client_cert, "client-cert");
        replace(&mut config.tls.client_key, "client-key");
        config.tls.server_name = flag("tls-server-name").or(config.tls.server_name);
        if let Some(namespace) = flag("namespace") {
            config.namespace = namespace;
        }
        if let Some(partition) = flag("partition") {
            config.partition = partition;
        }
        Ok(config)
    }

    /// A client according to the flags.
    pub(crate) fn session(&self, matches: &ArgMatches) -> Result<Session, Failure> {
        let client = Client::new(self.client_config(matches)?)?;
        Ok(Session {
            client,
            runtime: Builder::new_current_thread().enable_all().build()?,
        })
    }
}

// === impl Session ===

impl Session {
    /// Carries out requests.
    pub(crate) fn wait<T>(
        &self,
        requests: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        Ok(self.runtime.block_on(requests)?)
    }
}
