//! Settings of the certificate authority.

use std::time::Duration;

use serde_json::{Value, json};
use tribune_types::{GoDuration, Opaque};

use crate::error::Problem;
use crate::{Connect, raw};

/// Shortest and longest validity of leaf certificates that Consul accepts.
const LEAF_MIN: Duration = Duration::from_secs(3_600);
const LEAF_MAX: Duration = Duration::from_secs(8_760 * 3_600);
/// Shortest in development mode, so that a renewal can be watched.
const LEAF_MIN_DEV: Duration = Duration::from_secs(10);

/// Spellings of files and those of the API, for which they stand. Other keys stay as they are written.
const SPELLINGS: [(&str, &str); 9] = [
    ("csr_max_concurrent", "CSRMaxConcurrent"),
    ("csr_max_per_second", "CSRMaxPerSecond"),
    ("intermediate_cert_ttl", "IntermediateCertTTL"),
    ("leaf_cert_ttl", "LeafCertTTL"),
    ("private_key", "PrivateKey"),
    ("private_key_bits", "PrivateKeyBits"),
    ("private_key_type", "PrivateKeyType"),
    ("root_cert", "RootCert"),
    ("root_cert_ttl", "RootCertTTL"),
];

/// Checks the `connect` section.
pub(crate) fn connect(raw: raw::Connect, dev: bool, problems: &mut Vec<Problem>) -> Connect {
    let ca_provider = raw
        .ca_provider
        .unwrap_or_else(|| "consul".to_owned())
        .to_lowercase();
    match ca_provider.as_str() {
        "consul" => {}
        "vault" | "aws-pca" => {
            let reason = format!("the provider {ca_provider:?} is not supported yet; `consul` is");
            problems.push(Problem::rule("connect.ca_provider", reason));
        }
        _ => {
            let reason = format!("{ca_provider:?} is not a provider of certificates; `consul` is");
            problems.push(Problem::rule("connect.ca_provider", reason));
        }
    }
    let ca_config = with_defaults(raw.ca_config);
    let min_leaf_cert_ttl = if dev { LEAF_MIN_DEV } else { LEAF_MIN };
    check_ttls(&ca_config, min_leaf_cert_ttl, problems);
    let cluster_id = cluster_id(&ca_config, problems);
    Connect {
        enabled: raw.enabled.unwrap_or(true),
        ca_provider,
        ca_config,
        cluster_id,
        min_leaf_cert_ttl,
    }
}

/// One source's settings in the spelling of the API, which counts where both are given.
pub(crate) fn respelled(mut settings: Opaque) -> Opaque {
    for (file, api) in SPELLINGS {
        if let Some(value) = settings.remove(file) {
            settings.entry(api).or_insert(value);
        }
    }
    settings
}

/// The defaults with the given settings over them.
fn with_defaults(given: Opaque) -> Opaque {
    let mut settings: Opaque = [
        ("LeafCertTTL", "72h"),
        ("IntermediateCertTTL", "8760h"),
        ("RootCertTTL", "87600h"),
    ]
    .map(|(key, ttl)| (key.to_owned(), json!(ttl)))
    .into_iter()
    .collect();
    settings.extend(given);
    settings
}

fn check_ttls(settings: &Opaque, leaf_min: Duration, problems: &mut Vec<Problem>) {
    let mut ttl = |key: &str| {
        let value = settings.get(key)?;
        let ttl = serde_json::from_value::<GoDuration>(value.clone());
        ttl.map(GoDuration::to_std)
            .map_err(|error| {
                problems.push(Problem::rule(format!("connect.ca_config.{key}"), error))
            })
            .ok()
    };
    let (leaf, intermediate, root) = (
        ttl("LeafCertTTL"),
        ttl("IntermediateCertTTL"),
        ttl("RootCertTTL"),
    );
    let mut refuse = |key: &str, reason: String| {
        problems.push(Problem::rule(format!("connect.ca_config.{key}"), reason));
    };
    if let Some(leaf) = leaf
        && !(leaf_min..LEAF_MAX).contains(&leaf)
    {
        let (least, most) = (GoDuration::from(leaf_min), GoDuration::from(LEAF_MAX));
        refuse(
            "LeafCertTTL",
            format!("it must be at least {least} and less than {most}"),
        );
    }
    if let (Some(root), Some(intermediate)) = (root, intermediate)
        && root < intermediate
    {
        refuse(
            "RootCertTTL",
            "it must not be shorter than IntermediateCertTTL".to_owned(),
        );
    }
    if let (Some(intermediate), Some(leaf)) = (intermediate, leaf)
        && intermediate < leaf.saturating_mul(3)
    {
        refuse(
            "IntermediateCertTTL",
            "it must be at least three times LeafCertTTL".to_owned(),
        );
    }
}

fn cluster_id(settings: &Opaque, problems: &mut Vec<Problem>) -> Option<String> {
    let id = settings.get("cluster_id")?;
    match id {
        Value::String(id) if is_uuid(id) => Some(id.clone()),
        _ => {
            problems.push(Problem::rule(
                "connect.ca_config.cluster_id",
                format!("{id} is not a UUID"),
            ));
            None
        }
    }
}

/// Whether a text is a UUID in the usual form.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
