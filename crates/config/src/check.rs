//! Fills in defaults and checks what the sources say together.

mod network;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tribune_types::GoDuration;

use crate::definitions::Definitions;
use crate::error::Problem;
use crate::load::Machine;
use crate::{AclTokens, Config, DefaultPolicy, Http, Limits, LogLevel, Queries, ca, raw};

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
    let server = raw.server.unwrap_or(false);
    let bootstrap = checks.bootstrap(&raw, server, machine.dev);
    let addresses = checks.addresses(&raw, machine);
    let ports = checks.ports(&raw.ports);
    let client = checks.client(raw.client_addr.as_deref());
    let datacenter = checks.datacenter(&raw);
    let http_listeners = checks.listeners(
        "addresses.http",
        raw.addresses.http.as_deref(),
        &client,
        ports.http,
    );
    let grpc_listeners = checks.listeners(
        "addresses.grpc",
        raw.addresses.grpc.as_deref(),
        &client,
        ports.grpc,
    );
    checks.acl(&raw.acl);
    if raw.enable_central_service_config == Some(false) {
        let reason = "proxies always take their central configuration; it can't be switched off";
        checks.refuse("enable_central_service_config", reason);
    }
    let config = Config {
        dev: machine.dev,
        server,
        bootstrap,
        datacenter,
        node_name: checks.node_name(raw.node_name.as_deref().unwrap_or(&machine.host_name)),
        node_id: checks.node_id(raw.node_id),
        node_meta: raw.node_meta,
        tagged_addresses: raw.tagged_addresses,
        data_dir: checks.data_dir(raw.data_dir, machine.dev),
        bind: addresses.bind,
        advertise: addresses.advertise,
        advertise_wan: addresses.advertise_wan,
        http_listeners,
        grpc_listeners,
        ports,
        connect: ca::connect(raw.connect, machine.dev, &mut checks.problems),
        default_intention_policy: checks.policy(raw.default_intention_policy.as_deref()),
        tokens: tokens(raw.acl.tokens),
        peering_enabled: raw.peering.enabled.unwrap_or(true),
        http: checks.http(raw.http_config),
        limits: Limits {
            http_max_conns_per_client: checks.size(
                "limits.http_max_conns_per_client",
                raw.limits.http_max_conns_per_client.unwrap_or(200),
            ),
        },
        queries: Queries {
            default_wait: checks.wait("default_query_time", raw.default_query_time, 300),
            max_wait: checks.wait("max_query_time", raw.max_query_time, 600),
        },
        script_checks: raw.enable_script_checks.unwrap_or(false),
        local_script_checks: raw.enable_local_script_checks.unwrap_or(false),
        check_output_max_size: checks.output_size(raw.check_output_max_size),
        check_update_interval: checks.wait("check_update_interval", raw.check_update_interval, 300),
        discard_check_output: raw.discard_check_output.unwrap_or(false),
        log_level: checks.log_level(raw.log_level.as_deref()),
        log_json: raw.log_json.unwrap_or(false),
        services: definitions.services,
        checks: definitions.checks,
        config_entries: definitions.config_entries,
    };
    checks.domain(raw.domain.as_deref());
    checks.shared_listeners(&config.ports);
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
    fn refuse(&mut self, key: &str, reason: impl std::fmt::Display) {
        self.problems.push(Problem::rule(key, reason));
    }

    fn note<T>(&mut self, checked: Result<T, Problem>) -> Option<T> {
        checked.map_err(|problem| self.problems.push(problem)).ok()
    }

    fn bootstrap(&mut self, raw: &raw::Raw, server: bool, dev: bool) -> bool {
        let bootstrap = raw.bootstrap.unwrap_or(false);
        let expect = raw.bootstrap_expect.unwrap_or(0);
        if bootstrap && !server {
            self.refuse(
                "bootstrap",
                "only a server can bootstrap; set `server = true`",
            );
        }
        match expect {
            ..0 => self.refuse(
                "bootstrap_expect",
                format!("{expect} is no number of servers"),
            ),
            0 => {}
            _ if dev => self.refuse("bootstrap_expect", "development mode is a single server"),
            _ if !server => self.refuse(
                "bootstrap_expect",
                "only servers bootstrap; set `server = true`",
            ),
            _ if bootstrap => self.refuse(
                "bootstrap_expect",
                "it excludes `bootstrap`; set one of them",
            ),
            1 => {}
            _ => self.refuse(
                "bootstrap_expect",
                "clusters of several servers are not supported yet",
            ),
        }
        dev || bootstrap || expect == 1
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
            let (address, bits) = network.split_once('/').unwrap_or((network, ""));
            let most = address
                .parse::<IpAddr>()
                .map(|ip| if ip.is_ipv4() { 32 } else { 128 });
            let sound = matches!((most, bits.parse::<u8>()), (Ok(most), Ok(bits)) if bits <= most);
            if !sound {
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

    fn log_level(&mut self, text: Option<&str>) -> LogLevel {
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
