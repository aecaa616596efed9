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
        discard_check_output: Option<bool>,
        domain: Option<String>,
        enable_central_service_config: Option<bool>,
        enable_local_script_checks: Option<bool>,
        enable_script_checks: Option<bool>,
        http_config: Http,
        limits: Limits,
        log_json: Option<bool>,
        log_level: Option<String>,
        max_query_time: Option<GoDuration>,
        node_id: Option<String>,
        node_meta: BTreeMap<String, String>,
        node_name: Option<String>,
        peering: Peering,
        ports: Ports,
        primary_datacenter: Option<String>,
        server: Option<bool>,
        tagged_addresses: BTreeMap<String, String>,
    }
    Acl { default_policy: Option<String>, enabled: Option<bool>, tokens: Tokens, }
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
    Limits { http_max_conns_per_client: Option<i64>, }
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

impl From<Secret> for Token {
    fn from(secret: Secret) -> Self {
        Self::from(secret.0.as_str())
    }
}
