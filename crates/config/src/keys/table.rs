//! The table of keys.

use super::Standing::{self, Enterprise, Moot, NoEffect, Open, Section, Unsupported, Used};

/// Per section and standing, the keys; the first section is the top.
pub(super) const KEYS: &[(&str, Standing, &str)] = &[
    (
        "",
        Used,
        "advertise_addr advertise_addr_wan bind_addr bootstrap bootstrap_expect \
         check_output_max_size check_update_interval client_addr data_dir datacenter \
         default_intention_policy default_query_time disable_keyring_file discard_check_output \
         domain enable_central_service_config enable_local_script_checks enable_script_checks \
         encrypt encrypt_verify_incoming encrypt_verify_outgoing leave_on_terminate log_file \
         log_json log_level log_rotate_bytes log_rotate_duration log_rotate_max_files \
         max_query_time node_id node_name pid_file primary_datacenter protocol \
         raft_prevote_disabled raft_protocol raft_snapshot_interval raft_snapshot_threshold \
         raft_trailing_logs reconnect_timeout rejoin_after_leave retry_interval retry_join \
         retry_max serf_lan serf_lan_allowed_cidrs server server_name server_rejoin_age_max \
         skip_leave_on_interrupt",
    ),
    (
        "",
        Open,
        "check checks node_meta service services tagged_addresses",
    ),
    (
        "",
        Section,
        "acl addresses auto_config auto_encrypt autopilot cache config_entries connect dns_config \
         gossip_lan gossip_wan http_config limits peering performance ports raft_logstore rpc \
         telemetry tls ui_config unix_sockets xds",
    ),
    // There is no vendor to ask for updates, no remote execution, and no RTT estimate to switch off. Changes
    // stream to agents in any case.
    (
        "",
        Moot,
        "disable_anonymous_signature disable_coordinates disable_host_node_id \
         disable_remote_exec disable_update_check experiments \
         snapshot_agent use_streaming_backend",
    ),
    (
        "",
        NoEffect,
        "advertise_reconnect_timeout ae_interval alt_domain auto_reload_config \
         check_deregister_interval_min check_reap_interval consul discovery_max_stale \
         enable_debug locality primary_gateways_interval reconnect_timeout_wan \
         retry_interval_wan retry_max_wan serf_wan session_ttl_min \
         sync_coordinate_interval_min sync_coordinate_rate_target tls_prefer_server_cipher_suites",
    ),
    (
        "",
        Unsupported,
        "advertise_addr_ipv4 advertise_addr_ipv6 advertise_addr_wan_ipv4 \
         advertise_addr_wan_ipv6 cloud disable_http_unprintable_char_filter \
         enable_agent_tls_for_checks enable_syslog primary_gateways recursors retry_join_wan \
         serf_wan_allowed_cidrs syslog_facility translate_wan_addrs watches",
    ),
    (
        "",
        Enterprise,
        "audit license_path license_poll_base_time license_poll_max_time \
         license_update_base_time license_update_max_time non_voting_server partition \
         read_replica reporting segment segment_limit segment_name_limit segments",
    ),
    (
        "acl",
        Used,
        "default_policy enable_token_persistence enabled",
    ),
    ("acl", Section, "tokens"),
    (
        "acl",
        NoEffect,
        "down_policy enable_key_list_policy enable_token_replication \
         policy_ttl role_ttl token_ttl",
    ),
    ("acl", Enterprise, "msp_disable_bootstrap"),
    (
        "acl.tokens",
        Used,
        "agent agent_recovery config_file_service_registration default dns initial_management \
         replication",
    ),
    ("acl.tokens", Enterprise, "managed_service_provider"),
    ("addresses", Used, "grpc http"),
    ("addresses", NoEffect, "dns grpc_tls https"),
    (
        "auto_config",
        Unsupported,
        "authorization dns_sans enabled intro_token intro_token_file ip_sans server_addresses",
    ),
    ("auto_encrypt", Unsupported, "allow_tls dns_san ip_san tls"),
    (
        "autopilot",
        Used,
        "cleanup_dead_servers last_contact_threshold max_trailing_logs min_quorum \
         server_stabilization_time",
    ),
    (
        "autopilot",
        Enterprise,
        "disable_upgrade_migration redundancy_zone_tag upgrade_version_tag",
    ),
    ("cache", NoEffect, "entry_fetch_max_burst entry_fetch_rate"),
    ("config_entries", Open, "bootstrap"),
    ("connect", Used, "ca_provider enabled"),
    ("connect", Open, "ca_config"),
    ("connect", Unsupported, "enable_mesh_gateway_wan_federation"),
    (
        "dns_config",
        NoEffect,
        "a_record_limit allow_stale cache_max_age disable_compression \
         enable_additional_node_meta_txt enable_truncate max_stale node_ttl only_passing \
         recursor_strategy recursor_timeout service_ttl soa udp_answer_limit use_cache",
    ),
    ("dns_config", Enterprise, "prefer_namespace"),
    ("gossip_lan", Used, GOSSIP),
    ("gossip_wan", NoEffect, GOSSIP),
    (
        "http_config",
        Used,
        "allow_write_http_from block_endpoints max_header_bytes",
    ),
    ("http_config", Open, "response_headers"),
    ("http_config", NoEffect, "use_cache"),
    (
        "limits",
        Used,
        "http_max_conns_per_client rpc_client_timeout rpc_handshake_timeout rpc_max_burst \
         rpc_max_conns_per_client rpc_rate",
    ),
    ("limits", Section, "request_limits"),
    (
        "limits",
        NoEffect,
        "https_handshake_timeout kv_max_value_size txn_max_req_len",
    ),
    ("limits.request_limits", Used, "mode"),
    ("limits.request_limits", NoEffect, "read_rate write_rate"),
    ("peering", Used, "enabled"),
    (
        "performance",
        Used,
        "grpc_keepalive_interval grpc_keepalive_timeout leave_drain_time raft_multiplier \
         rpc_hold_timeout",
    ),
    (
        "ports",
        Used,
        "dns expose_max_port expose_min_port grpc grpc_tls http https serf_lan serf_wan \
         server sidecar_max_port sidecar_min_port",
    ),
    ("ports", Moot, "proxy_max_port proxy_min_port"),
    (
        "raft_logstore",
        NoEffect,
        "backend boltdb disable_log_cache verification wal",
    ),
    ("rpc", NoEffect, "enable_streaming"),
    (
        "telemetry",
        NoEffect,
        "circonus_api_app circonus_api_token circonus_api_url circonus_broker_id \
         circonus_broker_select_tag circonus_check_display_name \
         circonus_check_force_metric_activation circonus_check_id circonus_check_instance_id \
         circonus_check_search_tag circonus_check_tags circonus_submission_interval \
         circonus_submission_url disable_hostname disable_per_tenancy_usage_metrics \
         dogstatsd_addr dogstatsd_tags enable_host_metrics filter_default metrics_prefix \
         prefix_filter prometheus_retention_time retry_failed_connection statsd_address \
         statsite_address",
    ),
    ("tls", Section, "defaults grpc https internal_rpc"),
    ("tls.defaults", Used, TLS),
    ("tls.grpc", Used, TLS),
    ("tls.https", Used, TLS),
    ("tls.internal_rpc", Used, TLS),
    (
        "ui_config",
        NoEffect,
        "content_path dashboard_url_templates dir enabled metrics_provider \
         metrics_provider_files metrics_provider_options_json metrics_proxy",
    ),
    ("unix_sockets", Unsupported, "group mode user"),
    // There is no rate cap: a proxy's stream coalesces while its previous push is unacknowledged.
    ("xds", Moot, "update_max_per_second"),
];

const GOSSIP: &str =
    "gossip_interval gossip_nodes probe_interval probe_timeout retransmit_mult suspicion_mult";

const TLS: &str = "ca_file ca_path cert_file key_file tls_cipher_suites tls_min_version use_auto_cert \
     verify_incoming verify_outgoing verify_server_hostname";

/// Why keys that are refused are refused, where there is more to say than that they are not supported yet.
pub(super) const REASONS: &[(&str, &str)] = &[
    (
        "auto_config",
        "agents are not configured by servers yet; write what it would say into this file",
    ),
    (
        "auto_encrypt",
        "servers do not sign agents' certificates yet; name files in `tls.internal_rpc`",
    ),
    (
        "enable_syslog",
        "nothing is written to syslog; write to standard output or to `log_file`",
    ),
    (
        "syslog_facility",
        "nothing is written to syslog; write to standard output or to `log_file`",
    ),
    (
        "retry_join_wan",
        "datacenters are not joined to each other yet",
    ),
    (
        "primary_gateways",
        "datacenters are not joined to each other yet",
    ),
];

/// Keys of former versions, and what to write now.
pub(super) const DEPRECATED: &[(&str, &str, &str)] = &[
    ("", "acl_agent_master_token", "acl.tokens.agent_recovery"),
    ("", "acl_agent_token", "acl.tokens.agent"),
    ("", "acl_datacenter", "primary_datacenter"),
    ("", "acl_enforce_version_8", ""),
    ("", "acl_default_policy", "acl.default_policy"),
    ("", "acl_down_policy", "acl.down_policy"),
    (
        "",
        "acl_enable_key_list_policy",
        "acl.enable_key_list_policy",
    ),
    ("", "acl_master_token", "acl.tokens.initial_management"),
    ("", "acl_replication_token", "acl.tokens.replication"),
    ("", "acl_token", "acl.tokens.default"),
    ("", "acl_ttl", "acl.token_ttl"),
    ("", "ca_file", "tls.defaults.ca_file"),
    ("", "ca_path", "tls.defaults.ca_path"),
    ("", "cert_file", "tls.defaults.cert_file"),
    ("", "enable_acl_replication", "acl.enable_token_replication"),
    ("", "key_file", "tls.defaults.key_file"),
    ("", "raft_boltdb", "raft_logstore.boltdb"),
    ("", "start_join", "retry_join"),
    ("", "start_join_wan", "retry_join_wan"),
    ("", "tls_cipher_suites", "tls.defaults.tls_cipher_suites"),
    ("", "tls_min_version", "tls.defaults.tls_min_version"),
    ("", "ui", "ui_config.enabled"),
    ("", "ui_content_path", "ui_config.content_path"),
    ("", "ui_dir", "ui_config.dir"),
    ("", "verify_incoming", "tls.defaults.verify_incoming"),
    ("", "verify_incoming_https", "tls.https.verify_incoming"),
    (
        "",
        "verify_incoming_rpc",
        "tls.internal_rpc.verify_incoming",
    ),
    ("", "verify_outgoing", "tls.defaults.verify_outgoing"),
    (
        "",
        "verify_server_hostname",
        "tls.internal_rpc.verify_server_hostname",
    ),
    ("acl.tokens", "agent_master", "acl.tokens.agent_recovery"),
    ("acl.tokens", "master", "acl.tokens.initial_management"),
];

/// Keys of former versions that switch something on beside what they say.
pub(super) const IMPLIED: &[(&str, &str)] = &[
    ("acl_datacenter", "acl.enabled"),
    ("acl_replication_token", "acl.enable_token_replication"),
];
