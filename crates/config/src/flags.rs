//! Flags of `agent` that stand for keys. (`-dev`, `-config-file`, `-config-dir`, `-config-format` and `-hcl`
//! say where the configuration comes from, and are the command line's.)

/// A flag and the key that it sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// Its name, without the dash.
    pub name: &'static str,
    /// The key, sections separated by dots.
    pub key: &'static str,
    /// What it takes.
    pub takes: Takes,
}

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing, or `=true` or `=false`.
    Bool,
    /// One value.
    Text,
    /// One value of a list, each time that it is given.
    List,
    /// `KEY:VALUE`, each time that it is given.
    Pair,
}

const fn flag(name: &'static str, key: &'static str, takes: Takes) -> Flag {
    Flag { name, key, takes }
}

/// All flags that stand for keys, also for those that are not supported: [`load`](crate::load) says so by name.
pub const FLAGS: [Flag; 59] = [
    flag("advertise", "advertise_addr", Takes::Text),
    flag("advertise-wan", "advertise_addr_wan", Takes::Text),
    flag(
        "allow-write-http-from",
        "http_config.allow_write_http_from",
        Takes::List,
    ),
    flag("alt-domain", "alt_domain", Takes::Text),
    flag("auto-reload-config", "auto_reload_config", Takes::Bool),
    flag("bind", "bind_addr", Takes::Text),
    flag("bootstrap", "bootstrap", Takes::Bool),
    flag("bootstrap-expect", "bootstrap_expect", Takes::Text),
    flag(
        "check_output_max_size",
        "check_output_max_size",
        Takes::Text,
    ),
    flag("client", "client_addr", Takes::Text),
    flag("data-dir", "data_dir", Takes::Text),
    flag("datacenter", "datacenter", Takes::Text),
    flag("default-query-time", "default_query_time", Takes::Text),
    flag("disable-host-node-id", "disable_host_node_id", Takes::Bool),
    flag("disable-keyring-file", "disable_keyring_file", Takes::Bool),
    flag("dns-port", "ports.dns", Takes::Text),
    flag("domain", "domain", Takes::Text),
    flag(
        "enable-local-script-checks",
        "enable_local_script_checks",
        Takes::Bool,
    ),
    flag("enable-script-checks", "enable_script_checks", Takes::Bool),
    flag("encrypt", "encrypt", Takes::Text),
    flag("grpc-port", "ports.grpc", Takes::Text),
    flag("grpc-tls-port", "ports.grpc_tls", Takes::Text),
    flag("http-port", "ports.http", Takes::Text),
    flag("https-port", "ports.https", Takes::Text),
    flag("join", "start_join", Takes::List),
    flag("log-file", "log_file", Takes::Text),
    flag("log-json", "log_json", Takes::Bool),
    flag("log-level", "log_level", Takes::Text),
    flag("log-rotate-bytes", "log_rotate_bytes", Takes::Text),
    flag("log-rotate-duration", "log_rotate_duration", Takes::Text),
    flag("log-rotate-max-files", "log_rotate_max_files", Takes::Text),
    flag("max-query-time", "max_query_time", Takes::Text),
    flag("node", "node_name", Takes::Text),
    flag("node-id", "node_id", Takes::Text),
    flag("node-meta", "node_meta", Takes::Pair),
    flag("pid-file", "pid_file", Takes::Text),
    flag("primary-gateway", "primary_gateways", Takes::List),
    flag("protocol", "protocol", Takes::Text),
    flag("raft-protocol", "raft_protocol", Takes::Text),
    flag("recursor", "recursors", Takes::List),
    flag("rejoin", "rejoin_after_leave", Takes::Bool),
    flag("retry-interval", "retry_interval", Takes::Text),
    flag("retry-interval-wan", "retry_interval_wan", Takes::Text),
    flag("retry-join", "retry_join", Takes::List),
    flag("retry-join-wan", "retry_join_wan", Takes::List),
    flag("retry-max", "retry_max", Takes::Text),
    flag("retry-max-wan", "retry_max_wan", Takes::Text),
    flag(
        "serf-lan-allowed-cidrs",
        "serf_lan_allowed_cidrs",
        Takes::List,
    ),
    flag("serf-lan-bind", "serf_lan", Takes::Text),
    flag("serf-lan-port", "ports.serf_lan", Takes::Text),
    flag(
        "serf-wan-allowed-cidrs",
        "serf_wan_allowed_cidrs",
        Takes::List,
    ),
    flag("serf-wan-bind", "serf_wan", Takes::Text),
    flag("serf-wan-port", "ports.serf_wan", Takes::Text),
    flag("server", "server", Takes::Bool),
    flag("server-port", "ports.server", Takes::Text),
    flag("syslog", "enable_syslog", Takes::Bool),
    flag("ui", "ui_config.enabled", Takes::Bool),
    flag("ui-content-path", "ui_config.content_path", Takes::Text),
    flag("ui-dir", "ui_config.dir", Takes::Text),
];

#[cfg(test)]
mod tests {
    use super::{FLAGS, Takes};
    use crate::keys::{Standing, standing};

    #[test]
    fn every_flag_stands_for_a_known_key() {
        for flag in FLAGS {
            let (section, name) = flag.key.rsplit_once('.').unwrap_or(("", flag.key));
            assert!(standing(section, name).is_some(), "{}", flag.key);
        }
    }

    #[test]
    fn flags_are_sorted_and_named_once() {
        assert!(FLAGS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn flags_that_take_pairs_set_open_keys() {
        for flag in FLAGS.iter().filter(|flag| flag.takes == Takes::Pair) {
            assert_eq!(standing("", flag.key), Some(Standing::Open));
        }
    }
}
