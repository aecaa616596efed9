//! Fills in defaults and checks what the sources say together.

mod cluster;
mod log;
mod network;
mod tls;

use std::collections::BTreeMap;
use std::time::Duration;

use tribune_types::GoDuration;

use crate::definitions::Definitions;
use crate::error::Problem;
use crate::load::Machine;
use crate::{AclTokens, Config, DefaultPolicy, Http, Limits, Queries, ca, raw};

/// Longest name that is taken; no name of Consul's is used where longer ones fit.
const LONGEST_NAME: usize = 255;

/// Collects problems while values are read; what is wrong is replaced by anything, since it is never used.
struct Checks<'a> {
    problems: Vec<Problem>,
    notices: &'a mut Vec<String>,
}

/// The merged keys as a configuration, or all rules that they break.
pub(crate) fn check(
    raw: raw::Raw,
    definitions: Definitions,
    machine: &Machine,
    notices: &mut Vec<String>,
) -> Result<Config, Vec<Problem>> {
    let mut checks = Checks {
        problems: Vec::new(),
        notices,
    };
    let config = checks.config(raw, definitions, machine);
    if checks.problems.is_empty() {
        Ok(config)
    } else {
        Err(checks.problems)
    }
}

fn tokens(raw: raw::Tokens) -> AclTokens {
    let token = |secret: Option<raw::Secret>| secret.map(Into::into).unwrap_or_default();
    AclTokens {
        agent: token(raw.agent),
        agent_recovery: token(raw.agent_recovery),
        config_file_service_registration: token(raw.config_file_service_registration),
        default: token(raw.default),
        dns: token(raw.dns),
        initial_management: token(raw.initial_management),
        replication: token(raw.replication),
    }
}

// === impl Checks ===

impl Checks<'_> {
    /// Reads what is only looked at first, then takes the keys apart.
    fn config(&mut self, raw: raw::Raw, definitions: Definitions, machine: &Machine) -> Config {
        let (dev, server) = (machine.dev, raw.server.unwrap_or(false));
        let bootstrap = self.bootstrap(&raw, server, dev);
        let addresses = self.addresses(&raw, machine);
        let ports = self.ports(&raw.ports);
        self.shared_listeners(&ports);
        let client = self.client(raw.client_addr.as_deref());
        let listeners = &raw.addresses;
        let http_listeners = self.listeners(
            "addresses.http",
            listeners.http.as_deref(),
            &client,
            ports.http,
        );
        let grpc_listeners = self.listeners(
            "addresses.grpc",
            listeners.grpc.as_deref(),
            &client,
            ports.grpc,
        );
        self.without_effect(&raw);
        Config {
            dev,
            server,
            bootstrap,
            join: self.join(&raw, server),
            gossip: self.gossip(&raw, &addresses, &ports, dev),
            raft: self.raft(&raw, dev),
            autopilot: self.autopilot(&raw.autopilot),
            patience: self.patience(&raw.performance),
            log_level: self.log_level(raw.log_level.as_deref()),
            log_json: raw.log_json.unwrap_or(false),
            log_file: self.log_file(&raw),
            pid_file: raw.pid_file.clone().filter(|path| !path.is_empty()),
            datacenter: self.datacenter(&raw),
            node_name: self.node_name(raw.node_name.as_deref().unwrap_or(&machine.host_name)),
            node_id: self.node_id(raw.node_id),
            node_meta: raw.node_meta,
            tagged_addresses: raw.tagged_addresses,
            data_dir: self.data_dir(raw.data_dir, dev),
            bind: addresses.bind,
            advertise: addresses.advertise,
            advertise_wan: addresses.advertise_wan,
            http_listeners,
            grpc_listeners,
            ports,
            tls: self.tls(raw.tls, raw.server_name),
            connect: ca::connect(raw.connect, dev, &mut self.problems),
            default_intention_policy: self.policy(raw.default_intention_policy.as_deref()),
            token_persistence: raw.acl.enable_token_persistence.unwrap_or(false),
            tokens: tokens(raw.acl.tokens),
            peering_enabled: raw.peering.enabled.unwrap_or(true),
            http: self.http(raw.http_config),
            limits: self.limits(&raw.limits),
            queries: Queries {
                default_wait: self.wait("default_query_time", raw.default_query_time, 300),
                max_wait: self.wait("max_query_time", raw.max_query_time, 600),
            },
            script_checks: raw.enable_script_checks.unwrap_or(false),
            local_script_checks: raw.enable_local_script_checks.unwrap_or(false),
            check_output_max_size: self.output_size(raw.check_output_max_size),
            check_update_interval: self.wait(
                "check_update_interval",
                raw.check_update_interval,
                300,
            ),
            discard_check_output: raw.discard_check_output.unwrap_or(false),
            services: definitions.services,
            checks: definitions.checks,
            config_entries: definitions.config_entries,
        }
    }

    /// Keys that can only be set to what is the case.
    fn without_effect(&mut self, raw: &raw::Raw) {
        self.acl(&raw.acl);
        self.domain(raw.domain.as_deref());
        if raw.enable_central_service_config == Some(false) {
            let reason =
                "proxies always take their central configuration; it can't be switched off";
            self.refuse("enable_central_service_config", reason);
        }
    }

    fn refuse(&mut self, key: &str, reason: impl std::fmt::Display) {
        self.problems.push(Problem::rule(key, reason));
    }

    fn note<T>(&mut self, checked: Result<T, Problem>) -> Option<T> {
        checked.map_err(|problem| self.problems.push(problem)).ok()
    }

    fn datacenter(&mut self, raw: &raw::Raw) -> String {
        let name = raw.datacenter.as_deref().unwrap_or("dc1").to_lowercase();
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(allowed) {
            self.refuse(
                "datacenter",
                format!(
                    "{} is not made of lower-case letters, digits, - and _",
                    shown(&name)
                ),
            );
        }
        if raw
            .primary_datacenter
            .as_ref()
            .is_some_and(|primary| primary.to_lowercase() != name)
        {
            self.refuse(
                "primary_datacenter",
                "several datacenters are not supported yet",
            );
        }
        name
    }

    fn node_name(&mut self, name: &str) -> String {
        let name = name.trim();
        if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
            self.refuse(
                "node_name",
                format!("{} is no name for a node", shown(name)),
            );
        } else if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            self.notices.push(format!(
                "node_name {name:?} is no DNS label: the node can't be found through DNS"
            ));
        }
        name.to_owned()
    }

    fn node_id(&mut self, id: Option<String>) -> Option<String> {
        let id = id.filter(|id| !id.is_empty())?.to_lowercase();
        if !ca::is_uuid(&id) {
            self.refuse("node_id", format!("{} is not a UUID", shown(&id)));
        }
        Some(id)
    }

    fn data_dir(&mut self, folder: Option<String>, dev: bool) -> Option<String> {
        let folder = folder.filter(|folder| !folder.is_empty());
        if folder.is_none() && !dev {
            self.refuse("data_dir", "it must be set, except with -dev");
        }
        folder
    }

    fn acl(&mut self, acl: &raw::Acl) {
        if acl.enabled == Some(true) {
            self.refuse("acl.enabled", "access control is not supported yet");
        }
        if !matches!(
            acl.default_policy.as_deref(),
            None | Some("" | "allow" | "deny")
        ) {
            self.refuse("acl.default_policy", "it is `allow` or `deny`");
        }
    }

    fn policy(&mut self, text: Option<&str>) -> Option<DefaultPolicy> {
        match text {
            None | Some("") => None,
            Some("allow") => Some(DefaultPolicy::Allow),
            Some("deny") => Some(DefaultPolicy::Deny),
            Some(other) => {
                self.refuse(
                    "default_intention_policy",
                    format!("{} is neither `allow` nor `deny`", shown(other)),
                );
                None
            }
        }
    }

    fn http(&mut self, raw: raw::Http) -> Http {
        for network in &raw.allow_write_http_from {
            if cluster::network(network).is_none() {
                let reason = format!("{} is not a network like 10.0.0.0/8", shown(network));
                self.refuse("http_config.allow_write_http_from", reason);
            }
        }
        let max_header_bytes = self.size(
            "http_config.max_header_bytes",
            raw.max_header_bytes.unwrap_or(0),
        );
        let response_headers: BTreeMap<String, String> = raw.response_headers;
        Http {
            block_endpoints: raw.block_endpoints,
            allow_write_from: raw.allow_write_http_from,
            response_headers,
            max_header_bytes: (max_header_bytes > 0).then_some(max_header_bytes),
        }
    }

    fn limits(&mut self, raw: &raw::Limits) -> Limits {
        match raw.request_limits.mode.as_deref() {
            None | Some("" | "disabled") => {}
            Some(mode @ ("permissive" | "enforcing")) => {
                let reason = format!("{mode:?} is not supported yet: requests are not counted");
                self.refuse("limits.request_limits.mode", reason);
            }
            Some(other) => {
                let reason = format!(
                    "{} is none of disabled, permissive and enforcing",
                    shown(other)
                );
                self.refuse("limits.request_limits.mode", reason);
            }
        }
        let rate = raw.rpc_rate.unwrap_or(-1.0);
        Limits {
            http_max_conns_per_client: self.size(
                "limits.http_max_conns_per_client",
                raw.http_max_conns_per_client.unwrap_or(200),
            ),
            rpc_max_conns_per_client: self.size(
                "limits.rpc_max_conns_per_client",
                raw.rpc_max_conns_per_client.unwrap_or(100),
            ),
            rpc_client_timeout: self.positive(
                "limits.rpc_client_timeout",
                raw.rpc_client_timeout,
                60_000,
            ),
            rpc_handshake_timeout: self.positive(
                "limits.rpc_handshake_timeout",
                raw.rpc_handshake_timeout,
                5_000,
            ),
            rpc_rate: (rate >= 0.0).then_some(rate),
            rpc_max_burst: self.count("limits.rpc_max_burst", raw.rpc_max_burst, 1000, 0),
        }
    }

    fn size(&mut self, key: &str, number: i64) -> usize {
        usize::try_from(number).unwrap_or_else(|_| {
            self.refuse(key, format!("{number} must not be negative"));
            0
        })
    }

    fn output_size(&mut self, given: Option<i64>) -> usize {
        let size = self.size("check_output_max_size", given.unwrap_or(4096));
        if size == 0 && given == Some(0) {
            self.refuse(
                "check_output_max_size",
                "to drop all output, set `discard_check_output`",
            );
        }
        size
    }

    fn wait(&mut self, key: &str, given: Option<GoDuration>, default_secs: i64) -> Duration {
        let given = given.unwrap_or_else(|| GoDuration::from_secs(default_secs));
        if given < GoDuration::ZERO {
            self.refuse(key, format!("{given} must not be negative"));
        }
        given.to_std()
    }

    fn domain(&mut self, domain: Option<&str>) {
        let domain = domain
            .unwrap_or("consul")
            .trim_end_matches('.')
            .to_lowercase();
        if !matches!(domain.as_str(), "" | "consul") {
            self.refuse(
                "domain",
                "another domain than `consul` is not supported yet",
            );
        }
    }
}

/// A text for a message, cut and its control characters escaped.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(60).collect();
    if cut.len() < text.len() {
        format!("{cut:?}…")
    } else {
        format!("{cut:?}")
    }
}

#[cfg(test)]
mod tests;
