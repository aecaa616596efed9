//! Tags that Envoy cuts out of the names of its metrics, and those that are the same for all of them.
//!
//! A cluster's name is an SNI of Consul: `[HASH~][SUBSET.]SERVICE.NAMESPACE.[PARTITION.]DC.TYPE.TRUSTDOMAIN.consul`.

use serde_json::{Value, json};

use crate::{Error, Parameters, settings};

/// One segment of a dotted name.
const SEGMENT: &str = "[^.]+";

/// Segments of a cluster's name: what stands around each.
const CLUSTER: [(&str, &str); 8] = [
    ("(?:", "~)?"),   // hash of the customisation
    ("(?:", r"\.)?"), // subset
    ("", r"\."),      // service
    ("", r"\."),      // namespace
    ("(?:", r"\.)?"), // partition
    ("", r"\."),      // datacenter
    ("", r"\."),      // type
    ("", r"\."),      // trust domain
];
const PARTITION: usize = 4;
const DATACENTER: usize = 5;
const TYPE: usize = 6;
const TRUST_DOMAIN: usize = 7;

/// What of a cluster's name a tag holds.
#[derive(Clone, Copy)]
enum Part {
    Segment(usize),
    /// From the beginning to this segment.
    Through(usize),
}

/// Tags of a destination, in the order in which they are given; `false` for those that have no older form.
const DESTINATION: [(&str, Part, bool); 10] = [
    ("custom_hash", Part::Segment(0), true),
    ("service_subset", Part::Segment(1), true),
    ("service", Part::Segment(2), true),
    ("namespace", Part::Segment(3), true),
    ("partition", Part::Segment(PARTITION), false),
    ("datacenter", Part::Segment(DATACENTER), true),
    ("routing_type", Part::Segment(TYPE), true),
    ("trust_domain", Part::Segment(TRUST_DOMAIN), true),
    ("target", Part::Through(DATACENTER), true),
    ("full_target", Part::Through(TRUST_DOMAIN), true),
];

/// Where the peer's tag goes among those of a destination.
const BEFORE_PEER: &str = "datacenter";

/// Tags of an upstream listener, `SEG` standing for a segment.
const UPSTREAM: [(&str, &str); 5] = [
    (
        "service",
        r"^(?:tcp|http)\.upstream(?:_peered)?\.((SEG)(?:\.SEG)?(?:\.SEG)?\.SEG\.)",
    ),
    (
        "datacenter",
        r"^(?:tcp|http)\.upstream\.(SEG(?:\.SEG)?(?:\.SEG)?\.(SEG)\.)",
    ),
    (
        "peer",
        r"^(?:tcp|http)\.upstream_peered\.(SEG(?:\.SEG)?\.(SEG)\.)",
    ),
    (
        "namespace",
        r"^(?:tcp|http)\.upstream(?:_peered)?\.(SEG(?:\.(SEG))?(?:\.SEG)?\.SEG\.)",
    ),
    (
        "partition",
        r"^(?:tcp|http)\.upstream\.(SEG(?:\.SEG)?(?:\.(SEG))?\.SEG\.)",
    ),
];

/// `stats_config`: what the settings say, or the tags that tell where a request came from and went to.
pub(crate) fn stats_config(parameters: &Parameters) -> Result<Value, Error> {
    if let Some(config) = settings::object(&parameters.config, "envoy_stats_config_json")? {
        return Ok(config);
    }
    let mut tags: Vec<(String, Value)> = Vec::new();
    for tag in settings::texts(&parameters.config, "envoy_stats_tags")? {
        let (name, value) = tag.split_once('=').unwrap_or((&tag, "1"));
        tags.push((name.to_lowercase(), json!({ "fixed_value": value })));
    }
    let own: Vec<String> = tags.iter().map(|(name, _)| name.clone()).collect();
    tags.extend(cut(parameters.omit_deprecated_tags));
    // A tag of the settings replaces only a fixed one of its name, as in Consul.
    tags.extend(fixed(parameters).filter(|(name, _)| !own.contains(name)));
    let tags: Vec<Value> = tags
        .into_iter()
        .map(|(name, mut tag)| {
            tag["tag_name"] = json!(name);
            tag
        })
        .collect();
    Ok(json!({ "stats_tags": tags, "use_all_default_tags": true }))
}

/// Tags that are cut out of names.
fn cut(omit_deprecated: bool) -> Vec<(String, Value)> {
    let mut tags = Vec::new();
    let mut add = |name: String, regex: String| tags.push((name, json!({ "regex": regex })));
    for (name, part, _) in DESTINATION {
        add(
            format!("consul.destination.{name}"),
            cluster(r"(?:passthrough~)?", part),
        );
        if name == BEFORE_PEER {
            let regex = r"^cluster\.(SEG\.(?:SEG\.)?(SEG)\.external\.SEG\.consul\.)";
            add(
                "consul.destination.peer".to_owned(),
                regex.replace("SEG", SEGMENT),
            );
        }
    }
    for (name, regex) in UPSTREAM {
        add(
            format!("consul.upstream.{name}"),
            regex.replace("SEG", SEGMENT),
        );
    }
    for (name, part, has_older) in DESTINATION {
        if has_older && !omit_deprecated {
            add(format!("consul.{name}"), cluster("", part));
        }
    }
    tags
}

/// The expression that finds a part in the name of a cluster's metric.
fn cluster(prefix: &str, part: Part) -> String {
    let mut regex = format!(r"^cluster\.{prefix}(");
    if let Part::Through(_) = part {
        regex.push('(');
    }
    for (at, (before, after)) in CLUSTER.into_iter().enumerate() {
        regex.push_str(before);
        match part {
            Part::Segment(wanted) if wanted == at => regex.push_str("([^.]+)"),
            // Only a cluster within the datacenter's mesh has these at all.
            Part::Segment(PARTITION | DATACENTER) if at == TYPE => regex.push_str("internal[^.]*"),
            _ => regex.push_str(SEGMENT),
        }
        if let Part::Through(last) = part
            && last == at
        {
            regex.push(')');
        }
        regex.push_str(after);
    }
    regex.push_str(r"consul\.)");
    regex
}

/// Tags that say which proxy a metric comes from.
fn fixed(parameters: &Parameters) -> impl Iterator<Item = (String, Value)> {
    let tags = [
        ("local_cluster", parameters.proxy_cluster.as_str()),
        ("consul.source.service", &parameters.source_service),
        ("consul.source.namespace", "default"),
        ("consul.source.partition", "default"),
        ("consul.source.datacenter", &parameters.datacenter),
    ];
    tags.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), json!({ "fixed_value": value })))
}
