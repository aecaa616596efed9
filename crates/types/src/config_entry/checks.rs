//! Rules that several kinds share.

use super::extension::Extension;
use super::invalid::{Problems, Reason};
use crate::Meta;
use crate::proxy::{AccessLogs, EnvoyExtension};

/// Most bytes of a name, well beyond what fits the DNS name that is made of it.
const LONGEST_NAME: usize = 512;

/// The modes of mutual TLS on a public listener.
pub(super) const MUTUAL_TLS_MODES: &[&str] = &["", "strict", "permissive"];

/// How connections are spread over a proxy's threads.
pub(super) const BALANCE: &[&str] = &["", "exact_balance"];

/// A name that something is kept and looked up by: there, not endless, printable.
pub(super) fn name(problems: &mut Problems, field: &str, name: &str) {
    if name.is_empty() {
        problems.add(field, Reason::Required);
    } else if name.len() > LONGEST_NAME {
        problems.add(field, Reason::TooLong(LONGEST_NAME));
    } else if name.chars().any(char::is_control) {
        let expected = "a name: it has control characters";
        problems.add(
            field,
            Reason::Malformed {
                value: name.to_owned(),
                expected,
            },
        );
    }
}

/// A name, or `*` for every name.
pub(super) fn name_or_wildcard(problems: &mut Problems, field: &str, text: &str) {
    if text.contains('*') && text != crate::names::WILDCARD {
        problems.add(field, Reason::PartialWildcard);
    } else {
        name(problems, field, text);
    }
}

/// The limits on free-form pairs.
pub(super) fn meta(problems: &mut Problems, field: &str, meta: &Meta) {
    problems.add_if(meta.len() > 64, field, Reason::TooMany(64));
    for (key, value) in meta {
        problems.add_if(
            key.len() > 128,
            &format!("key {key:?} of {field}"),
            Reason::TooLong(128),
        );
        problems.add_if(
            value.len() > 512,
            &format!("{field}[{key:?}]"),
            Reason::TooLong(512),
        );
    }
}

/// Extensions by version and name, and what they are told.
pub(super) fn extensions(problems: &mut Problems, extensions: &[EnvoyExtension]) {
    for (i, extension) in extensions.iter().enumerate() {
        let at = |part: &str| format!("EnvoyExtensions[{i}].{part}");
        let constraint = |value: &str| Reason::Malformed {
            value: value.to_owned(),
            expected: "a version constraint such as \">= 1.30, < 2\"",
        };
        if extension.name.is_empty() {
            problems.add(at("Name"), Reason::Required);
        } else if !is_constraint(&extension.envoy_version) {
            problems.add(at("EnvoyVersion"), constraint(&extension.envoy_version));
        } else if !is_constraint(&extension.consul_version) {
            problems.add(at("ConsulVersion"), constraint(&extension.consul_version));
        } else {
            Extension::check(problems, &format!("EnvoyExtensions[{i}]"), extension);
        }
    }
}

/// Comma-separated comparisons with versions, or nothing.
fn is_constraint(text: &str) -> bool {
    text.is_empty()
        || text.split(',').all(|part| {
            let version = part
                .trim()
                .trim_start_matches(['=', '!', '>', '<', '~'])
                .trim_start();
            let (numbers, rest) =
                version.split_at(version.find(['-', '+']).unwrap_or(version.len()));
            let numbers = numbers.strip_prefix('v').unwrap_or(numbers);
            numbers
                .split('.')
                .all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
                && rest
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-+.~".contains(&b))
        })
}

/// Where access logs go and how their lines look.
pub(super) fn access_logs(problems: &mut Problems, logs: &AccessLogs) {
    problems.one_of(
        "AccessLogs.Type",
        &logs.r#type,
        &["", "file", "stderr", "stdout"],
    );
    let file = logs.r#type == "file";
    problems.add_if(
        file && logs.path.is_empty(),
        "AccessLogs.Path",
        Reason::Required,
    );
    let unused = Reason::Forbidden("unless the type is \"file\"");
    problems.add_if(!file && !logs.path.is_empty(), "AccessLogs.Path", unused);
    if logs.json_format.is_empty() {
        return;
    }
    problems.add_if(
        !logs.text_format.is_empty(),
        "AccessLogs.JSONFormat",
        Reason::Excludes("TextFormat"),
    );
    if serde_json::from_str::<serde::de::IgnoredAny>(&logs.json_format).is_err() {
        let value = logs.json_format.clone();
        problems.add(
            "AccessLogs.JSONFormat",
            Reason::Malformed {
                value,
                expected: "valid JSON",
            },
        );
    }
}
