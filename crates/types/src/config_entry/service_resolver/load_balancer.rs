//! How requests are spread over instances.

use serde::{Deserialize, Serialize};

use super::super::invalid::{Problems, Reason};
use super::super::upstream::nanoseconds;
use crate::{GoDuration, is_default};

const POLICIES: &[&str] = &[
    "",
    "random",
    "round_robin",
    "least_request",
    "ring_hash",
    "maglev",
];
const FIELDS: &[&str] = &["", "header", "cookie", "query_parameter"];
const COOKIE: &str = "cookie";

/// How requests are spread over instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LoadBalancer {
    /// `""`, `random`, `round_robin`, `least_request`, `ring_hash` or `maglev`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub policy: String,
    /// For `ring_hash` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_hash_config: Option<RingHash>,
    /// For `least_request` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_request_config: Option<LeastRequest>,
    /// What a request's hash is made of; for `ring_hash` and `maglev` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hash_policies: Vec<HashPolicy>,
}

/// The ring of `ring_hash`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RingHash {
    /// Least entries of the ring; as Envoy has it where zero.
    #[serde(skip_serializing_if = "is_default")]
    pub minimum_ring_size: u64,
    /// Most entries of the ring; as Envoy has it where zero.
    #[serde(skip_serializing_if = "is_default")]
    pub maximum_ring_size: u64,
}

/// The choice of `least_request`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LeastRequest {
    /// Among how many instances; as Envoy has it where zero.
    #[serde(skip_serializing_if = "is_default")]
    pub choice_count: u32,
}

/// Something that a request's hash is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HashPolicy {
    /// `""`, `header`, `cookie` or `query_parameter`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// Name of the header, cookie or parameter.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field_value: String,
    /// The cookie that is made for who sends none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie_config: Option<HashCookie>,
    /// Whether it is the caller's address, in place of a field.
    #[serde(rename = "SourceIP", skip_serializing_if = "is_default")]
    pub source_ip: bool,
    /// Whether the policies after it don't count where it has a value.
    #[serde(skip_serializing_if = "is_default")]
    pub terminal: bool,
}

/// A cookie that is made for who sends none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HashCookie {
    /// Whether it lives as long as the browser.
    #[serde(skip_serializing_if = "is_default")]
    pub session: bool,
    /// How long it lives otherwise; printed in nanoseconds.
    #[serde(
        rename = "TTL",
        skip_serializing_if = "GoDuration::is_zero",
        serialize_with = "nanoseconds"
    )]
    pub ttl: GoDuration,
    /// The path that it is sent for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
}

// === impl LoadBalancer ===

impl LoadBalancer {
    /// Whether a request's hash decides.
    #[must_use]
    pub fn is_hash_based(&self) -> bool {
        matches!(self.policy.as_str(), "ring_hash" | "maglev")
    }

    pub(super) fn check(&self, problems: &mut Problems, at: &str) {
        let field = |field: &str| format!("{at}.{field}");
        problems.one_of(&field("Policy"), &self.policy, POLICIES);
        problems.add_if(
            self.ring_hash_config.is_some() && self.policy != "ring_hash",
            &field("RingHashConfig"),
            Reason::Forbidden("unless the policy is \"ring_hash\""),
        );
        problems.add_if(
            self.least_request_config.is_some() && self.policy != "least_request",
            &field("LeastRequestConfig"),
            Reason::Forbidden("unless the policy is \"least_request\""),
        );
        problems.add_if(
            !self.hash_policies.is_empty() && !self.is_hash_based(),
            &field("HashPolicies"),
            Reason::Forbidden("unless the policy is \"ring_hash\" or \"maglev\""),
        );
        for (i, policy) in self.hash_policies.iter().enumerate() {
            policy.check(problems, &format!("{at}.HashPolicies[{i}]"));
        }
    }
}

// === impl HashPolicy ===

impl HashPolicy {
    fn check(&self, problems: &mut Problems, at: &str) {
        let (has_field, has_value) = (!self.field.is_empty(), !self.field_value.is_empty());
        problems.one_of(&format!("{at}.Field"), &self.field, FIELDS);
        let source_ip = format!("{at}.SourceIP");
        let excludes = |other| Reason::Excludes(other);
        problems.add_if(self.source_ip && has_field, &source_ip, excludes("Field"));
        problems.add_if(
            self.source_ip && has_value,
            &source_ip,
            excludes("FieldValue"),
        );
        problems.add_if(
            has_field && !has_value,
            &format!("{at}.FieldValue"),
            Reason::Required,
        );
        problems.add_if(
            has_value && !has_field && !self.source_ip,
            &format!("{at}.FieldValue"),
            Reason::Forbidden("unless there is a Field"),
        );
        let Some(cookie) = &self.cookie_config else {
            return;
        };
        problems.add_if(
            self.field != COOKIE,
            &format!("{at}.CookieConfig"),
            Reason::Forbidden("unless the field is \"cookie\""),
        );
        problems.add_if(
            cookie.session && !cookie.ttl.is_zero(),
            &format!("{at}.CookieConfig.Session"),
            Reason::Excludes("TTL"),
        );
    }
}
