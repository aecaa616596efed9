//! The keys that are used, as written, and how one source's are merged over another's.

use std::collections::BTreeMap;

use serde::Deserialize;
use tribune_types::{GoDuration, Opaque, Token};

/// How a later source's value goes over an earlier one's.
pub(crate) trait Merge {
    fn merge(&mut self, later: Self);
}

/// Of scalars the last one wins.
impl<T> Merge for Option<T> {
    fn merge(&mut self, later: Self) {
        if later.is_some() {
            *self = later;
        }
    }
}

/// Lists append.
impl<T> Merge for Vec<T> {
    fn merge(&mut self, later: Self) {
        self.extend(later);
    }
}

/// Maps merge key by key.
impl<K: Ord, V> Merge for BTreeMap<K, V> {
    fn merge(&mut self, later: Self) {
        self.extend(later);
    }
}

impl Merge for Opaque {
    fn merge(&mut self, later: Self) {
        self.extend(later);
    }
}

/// Declares structs of which every field is optional and merged by its type's rule.
macro_rules! merged {
    ($($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Default, Deserialize)]
        #[serde(default)]
        pub(crate) struct $name { $(pub(crate) $field: $type,)* }

        impl Merge for $name {
            fn merge(&mut self, later: Self) {
                $(Merge::merge(&mut self.$field, later.$field);)*
            }
        }
    )*};
}

merged! {
    /// The top; what keys mean is said at [`Config`](crate::Config).
    Raw {
        acl: Acl,
        addresses: Addresses,
        advertise_addr: Option<String>,
        advertise_addr_wan: Option<String>,
        autopilot: Autopilot,
        bind_addr: Option<String>,
        bootstrap: Option<bool>,
        bootstrap_expect: Option<i64>,
        check_output_max_size: Option<i64>,
        check_update_interval: Option<GoDuration>,
        client_addr: Option<String>,
        connect: Connect,
        data_dir: Option<String>,
        datacenter: Option<String>,
        default_intention_policy: Option<String>,
        default_query_time: Option<GoDuration>,
        disable_keyring_file: Option<bool>,
        discard_check_output: Option<bool>,
        domain: Option<String>,
        enable_central_service_config: Option<bool>,
        enable_local_script_checks: Option<bool>,
        enable_script_checks: Option<bool>,
        encrypt: Option<Secret>,
        encrypt_verify_incoming: Option<bool>,
        encrypt_verify_outgoing: Option<bool>,
        gossip_lan: Gossip,
        http_config: Http,
        leave_on_terminate: Option<bool>,
        limits: Limits,
        log_file: Option<String>,
        log_json: Option<bool>,
        log_level: Option<String>,
        log_rotate_bytes: Option<i64>,
        log_rotate_duration: Option<GoDuration>,
        log_rotate_max_files: Option<i64>,
        max_query_time: Option<GoDuration>,
        node_id: Option<String>,
        node_meta: BTreeMap<String, String>,
        node_name: Option<String>,
        peering: Peering,
        performance: Performance,
        pid_file: Option<String>,
        ports: Ports,
        primary_datacenter: Option<String>,
        protocol: Option<i64>,
        raft_prevote_disabled: Option<bool>,
        raft_protocol: Option<i64>,
        raft_snapshot_interval: Option<GoDuration>,
        raft_snapshot_threshold: Option<i64>,
        raft_trailing_logs: Option<i64>,
        reconnect_timeout: Option<GoDuration>,
        rejoin_after_leave: Option<bool>,
        retry_interval: Option<GoDuration>,
        retry_join: Vec<String>,
        retry_max: Option<i64>,
        serf_lan: Option<String>,
        serf_lan_allowed_cidrs: Vec<String>,
        server: Option<bool>,
        server_name: Option<String>,
        server_rejoin_age_max: Option<GoDuration>,
        skip_leave_on_interrupt: Option<bool>,
        tagged_addresses: BTreeMap<String, String>,
        tls: Tls,
    }
    Acl {
        default_policy: Option<String>,
        enable_token_persistence: Option<bool>,
        enabled: Option<bool>,
        tokens: Tokens,
    }
    Tokens {
        agent: Option<Secret>,
        agent_recovery: Option<Secret>,
        config_file_service_registration: Option<Secret>,
        default: Option<Secret>,
        dns: Option<Secret>,
        initial_management: Option<Secret>,
        replication: Option<Secret>,
    }
    Addresses { grpc: Option<String>, http: Option<String>, }
    Connect { ca_config: Opaque, ca_provider: Option<String>, enabled: Option<bool>, }
    Http {
        allow_write_http_from: Vec<String>,
        block_endpoints: Vec<String>,
        max_header_bytes: Option<i64>,
        response_headers: BTreeMap<String, String>,
    }
    Autopilot {
        cleanup_dead_servers: Option<bool>,
        last_contact_threshold: Option<GoDuration>,
        max_trailing_logs: Option<i64>,
        min_quorum: Option<i64>,
        server_stabilization_time: Option<GoDuration>,
    }
    Gossip {
        gossip_interval: Option<GoDuration>,
        gossip_nodes: Option<i64>,
        probe_interval: Option<GoDuration>,
        probe_timeout: Option<GoDuration>,
        retransmit_mult: Option<i64>,
        suspicion_mult: Option<i64>,
    }
    Limits {
        http_max_conns_per_client: Option<i64>,
        request_limits: RequestLimits,
        rpc_client_timeout: Option<GoDuration>,
        rpc_handshake_timeout: Option<GoDuration>,
        rpc_max_burst: Option<i64>,
        rpc_max_conns_per_client: Option<i64>,
        rpc_rate: Option<f64>,
    }
    RequestLimits { mode: Option<String>, }
    Performance {
        grpc_keepalive_interval: Option<GoDuration>,
        grpc_keepalive_timeout: Option<GoDuration>,
        leave_drain_time: Option<GoDuration>,
        raft_multiplier: Option<i64>,
        rpc_hold_timeout: Option<GoDuration>,
    }
    Tls { defaults: TlsSection, grpc: TlsSection, https: TlsSection, internal_rpc: TlsSection, }
    TlsSection {
        ca_file: Option<String>,
        ca_path: Option<String>,
        cert_file: Option<String>,
        key_file: Option<String>,
        tls_cipher_suites: Option<String>,
        tls_min_version: Option<String>,
        use_auto_cert: Option<bool>,
        verify_incoming: Option<bool>,
        verify_outgoing: Option<bool>,
        verify_server_hostname: Option<bool>,
    }
    Peering { enabled: Option<bool>, }
    Ports {
        dns: Option<i64>,
        expose_max_port: Option<i64>,
        expose_min_port: Option<i64>,
        grpc: Option<i64>,
        grpc_tls: Option<i64>,
        http: Option<i64>,
        https: Option<i64>,
        serf_lan: Option<i64>,
        serf_wan: Option<i64>,
        server: Option<i64>,
        sidecar_max_port: Option<i64>,
        sidecar_min_port: Option<i64>,
    }
}

/// A token on its way to [`Token`], which has no text form on purpose.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// The text itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<Secret> for Token {
    fn from(secret: Secret) -> Self {
        Self::from(secret.0.as_str())
    }
}
