//! What of a configuration only counts at the start.

use crate::Config;

macro_rules! differing {
    ($old:ident, $new:ident: $($key:literal => $($field:ident).+,)*) => {
        [$(($key, $old.$($field).+ != $new.$($field).+)),*]
    };
}

impl Config {
    /// The keys (or their sections) by which `new` differs in what an agent does not change while it runs.
    #[must_use]
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let old = self;
        differing!(old, new:
            "server" => server,
            "bootstrap" => bootstrap,
            "datacenter" => datacenter,
            "node_name" => node_name,
            "node_id" => node_id,
            "node_meta" => node_meta,
            "tagged_addresses" => tagged_addresses,
            "data_dir" => data_dir,
            "bind_addr" => bind,
            "advertise_addr" => advertise,
            "advertise_addr_wan" => advertise_wan,
            "ports" => ports,
            "addresses.http" => http_listeners,
            "addresses.grpc" => grpc_listeners,
            "retry_join" => join,
            "gossip_lan" => gossip,
            "raft_snapshot_interval" => raft,
            "autopilot" => autopilot,
            "performance" => patience,
            "tls" => tls,
            "connect.enabled" => connect.enabled,
            "connect.ca_provider" => connect.ca_provider,
            "connect.ca_config" => connect.ca_config,
            "default_intention_policy" => default_intention_policy,
            "acl.enable_token_persistence" => token_persistence,
            "peering.enabled" => peering_enabled,
            "http_config" => http,
            "limits" => limits,
            "max_query_time" => queries,
            "enable_script_checks" => script_checks,
            "enable_local_script_checks" => local_script_checks,
            "check_output_max_size" => check_output_max_size,
            "check_update_interval" => check_update_interval,
            "log_json" => log_json,
            "log_file" => log_file,
            "pid_file" => pid_file,
        )
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, Machine, Source, load};

    fn config(text: &str) -> Config {
        let machine = Machine {
            dev: true,
            host_name: "box".to_owned(),
            private_address: None,
        };
        let source = Source::file("a.hcl", text, None);
        load(&[source], &machine).unwrap().config
    }

    #[test]
    fn what_differs_is_named_by_its_key() {
        let old = config("");
        for (text, expected) in [
            ("", &[][..]),
            ("log_level = \"warn\" service { name = \"web\" }", &[]),
            (
                "acl { tokens { agent = \"x\" } } discard_check_output = true",
                &[],
            ),
            ("datacenter = \"dc2\"", &["datacenter"]),
            ("node_meta { a = \"b\" }", &["node_meta"]),
            ("ports { dns = 1 }", &["ports"]),
            ("retry_interval = \"1s\"", &["retry_join"]),
            ("log_file = \"x\"", &["log_file"]),
        ] {
            assert_eq!(old.needs_restart(&config(text)), expected, "{text}");
        }
    }
}
