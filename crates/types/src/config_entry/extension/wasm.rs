//! `builtin/wasm`.

use super::otel::{RetryBackOff, RetryPolicy};
use super::reader::Reader;
use super::{Direction, PROXY_TYPES};
use crate::config_entry::invalid::Reason;
use crate::{GoDuration, Opaque};

/// A module that runs on every request or connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Wasm {
    /// Whether it is about requests, not connections.
    pub http: bool,
    /// On which side.
    pub listener: Direction,
    /// The plugin.
    pub plugin: WasmPlugin,
}

/// A plugin and the machine that runs it.
#[derive(Clone, Debug, PartialEq)]
pub struct WasmPlugin {
    /// Its name.
    pub name: String,
    /// Which of the module's contexts.
    pub root_id: String,
    /// The machine.
    pub vm: WasmVm,
    /// What the plugin is told.
    pub configuration: String,
    /// What it may do, everything where none is named.
    pub allowed_capabilities: Vec<String>,
}

/// A machine that runs modules.
#[derive(Clone, Debug, PartialEq)]
pub struct WasmVm {
    /// Plugins with the same ID share one.
    pub id: String,
    /// Which runtime.
    pub runtime: String,
    /// The module.
    pub code: WasmCode,
    /// What the machine is told.
    pub configuration: String,
    /// Variables of Envoy's environment that it sees.
    pub host_env_keys: Vec<String>,
    /// Other variables that it sees.
    pub key_values: Opaque,
}

/// Where a module is.
#[derive(Clone, Debug, PartialEq)]
pub enum WasmCode {
    /// A file of the proxy's.
    Local(String),
    /// A server.
    Remote {
        /// An upstream of the proxy, by the name of its service.
        service: String,
        /// Where the module is there.
        uri: String,
        /// How long a request may take.
        timeout: Option<GoDuration>,
        /// Checksum of the module.
        sha256: String,
        /// When the server is asked again.
        retry_policy: Option<RetryPolicy>,
    },
}

impl Wasm {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let protocol = reader.text("Protocol");
        reader.one_of("Protocol", &protocol, &["tcp", "http"]);
        let proxy_type = reader.text("ProxyType");
        reader.one_of("ProxyType", &proxy_type, PROXY_TYPES);
        Self {
            http: protocol == "http",
            listener: Direction::read(reader, "ListenerType", None),
            plugin: reader.within("PluginConfig", |plugin| WasmPlugin {
                name: plugin.text("Name"),
                root_id: plugin.text("RootID"),
                vm: plugin.within("VmConfig", WasmVm::read),
                configuration: plugin.text("Configuration"),
                allowed_capabilities: plugin.within(
                    "CapabilityRestrictionConfiguration",
                    |restricted| {
                        let allowed = restricted.map("AllowedCapabilities");
                        allowed.into_iter().map(|(name, _)| name).collect()
                    },
                ),
            }),
        }
    }
}

impl WasmVm {
    fn read(reader: &mut Reader<'_, '_>) -> Self {
        let runtime = reader.text("Runtime");
        let runtimes = &["", "v8", "wamr", "wasmtime", "wavm"];
        reader.one_of("Runtime", &runtime, runtimes);
        let (host_env_keys, key_values) = reader.within("EnvironmentVariables", |variables| {
            (variables.texts("HostEnvKeys"), variables.map("KeyValues"))
        });
        Self {
            id: reader.text("VmID"),
            runtime: if runtime.is_empty() {
                "v8".to_owned()
            } else {
                runtime
            },
            code: reader.within("Code", WasmCode::read),
            configuration: reader.text("Configuration"),
            host_env_keys,
            key_values,
        }
    }
}

impl WasmCode {
    fn read(reader: &mut Reader<'_, '_>) -> Self {
        let local = reader.object("Local", |local| local.text("Filename"));
        let remote = reader.object("Remote", Self::remote);
        let exactly = Reason::ExactlyOne("Local and Remote");
        reader.add_if(local.is_some() == remote.is_some(), "", exactly);
        remote.unwrap_or_else(|| Self::Local(local.unwrap_or_default()))
    }

    fn remote(reader: &mut Reader<'_, '_>) -> Self {
        let (service, uri, timeout) = reader.within("HttpURI", |http| {
            let service = http.within("Service", |service| service.text("Name"));
            let uri = http.text("URI");
            for (field, text) in [("Service.Name", &service), ("URI", &uri)] {
                http.add_if(text.is_empty(), field, Reason::Required);
            }
            (service, uri, http.duration("Timeout"))
        });
        let sha256 = reader.text("SHA256");
        reader.add_if(sha256.is_empty(), "SHA256", Reason::Required);
        Self::Remote {
            service,
            uri,
            timeout,
            sha256,
            retry_policy: reader.object("RetryPolicy", retry_policy),
        }
    }
}

fn retry_policy(reader: &mut Reader<'_, '_>) -> RetryPolicy {
    let retries = reader.integer("NumRetries").unwrap_or_default();
    let num_retries = u32::try_from(retries);
    if num_retries.is_err() {
        let value = retries.to_string();
        let expected = "a number of retries, 0 or more";
        reader.add("NumRetries", Reason::Malformed { value, expected });
    }
    let back_off = reader.object("RetryBackOff", |back_off| {
        let base = back_off.duration("BaseInterval");
        let most = back_off.duration("MaxInterval");
        let zero = base.is_some_and(|base| base <= GoDuration::ZERO);
        let above = base.zip(most).is_some_and(|(base, most)| base > most);
        if let Some(base) = base.filter(|_| zero || above) {
            let value = base.to_string();
            let expected = "above zero and at most the MaxInterval";
            back_off.add("BaseInterval", Reason::Malformed { value, expected });
        }
        RetryBackOff {
            base_interval: base.unwrap_or(GoDuration::from_secs(1)),
            max_interval: most.unwrap_or(GoDuration::from_secs(10)),
        }
    });
    RetryPolicy {
        num_retries: num_retries.unwrap_or_default(),
        back_off,
    }
}
