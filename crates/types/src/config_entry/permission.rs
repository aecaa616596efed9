//! What of a request an intention decides on: path, headers, method, and claims of a JWT.

use serde::{Deserialize, Serialize};

use super::invalid::{Problems, Reason};
use crate::is_default;

/// Methods of HTTP that something can be said about.
pub(super) const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE",
];

/// What an intention does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Lets it through.
    Allow,
    /// Refuses it.
    Deny,
}

impl Action {
    /// Consul's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }

    /// The action that `text` names to the letter; a problem at `field` where it names none.
    pub(super) fn parse(problems: &mut Problems, field: &str, text: &str) -> Self {
        problems.one_of(field, text, &["allow", "deny"]);
        if text == "allow" {
            Self::Allow
        } else {
            Self::Deny
        }
    }
}

/// A permission as a client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawPermission {
    /// `allow` or `deny`.
    pub action: String,
    /// The requests that it is about.
    #[serde(rename = "HTTP", skip_serializing_if = "Option::is_none")]
    pub http: Option<RawHttpPermission>,
    /// What the request's JWT must say besides.
    #[serde(rename = "JWT", skip_serializing_if = "Option::is_none")]
    pub jwt: Option<JwtRequirement>,
}

/// Requests as a client described them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawHttpPermission {
    /// The whole path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_exact: String,
    /// What the path starts with.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_prefix: String,
    /// A regular expression that the whole path matches.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_regex: String,
    /// Headers, all of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<RawHeaderMatch>,
    /// Methods, one of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
}

/// A header as a client described it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are the variants of `HeaderValue`, documented there"
)]
pub struct RawHeaderMatch {
    pub name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub present: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exact: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub suffix: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub contains: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub regex: String,
    #[serde(skip_serializing_if = "is_default")]
    pub invert: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_case: bool,
}

/// What a request's JWT must say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwtRequirement {
    /// Providers, one of which must have issued it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<JwtProvider>,
}

/// A provider of JWTs, and what its tokens must say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwtProvider {
    /// Name of its `jwt-provider` entry.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Claims, all of which must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verify_claims: Vec<JwtClaim>,
}

/// A claim of a JWT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct JwtClaim {
    /// Keys from the root of the payload.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// The string that is there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// What an intention does with some requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// What it does.
    pub action: Action,
    /// The requests.
    pub http: HttpPermission,
    /// What their JWT must say besides.
    pub jwt: Option<JwtRequirement>,
}

/// Requests by path, headers and method, all of which must match. At least one of them is restricted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpPermission {
    /// The path, without its query.
    pub path: PathMatch,
    /// Headers, all of which must match.
    pub headers: Vec<HeaderMatch>,
    /// Methods in upper case, one of which must match; any where empty.
    pub methods: Vec<String>,
}

/// Which paths match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// Every path.
    Any,
    /// This one; it starts with a slash.
    Exact(String),
    /// Those that start with this; it starts with a slash.
    Prefix(String),
    /// Those that match this expression as a whole. It is not known to be one.
    Regex(String),
}

/// Which requests match by a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderMatch {
    /// Name of the header.
    pub name: String,
    /// What its value must be.
    pub value: HeaderValue,
    /// Whether the requests are meant that don't match.
    pub invert: bool,
    /// Whether case doesn't count; never for `Present` and `Regex`.
    pub ignore_case: bool,
}

/// Which values of a header match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// Any, if there is one.
    Present,
    /// This one.
    Exact(String),
    /// Those that start with this.
    Prefix(String),
    /// Those that end with this.
    Suffix(String),
    /// Those with this inside.
    Contains(String),
    /// Those that match this expression as a whole. It is not known to be one.
    Regex(String),
}

impl JwtRequirement {
    pub(super) fn check(&self, problems: &mut Problems, at: &str) {
        for (i, provider) in self.providers.iter().enumerate() {
            problems.add_if(
                provider.name.is_empty(),
                &format!("{at}.Providers[{i}].Name"),
                Reason::Required,
            );
        }
    }
}

impl Permission {
    /// Checks a raw permission; `None` where a problem leaves nothing of it.
    pub(super) fn check(problems: &mut Problems, at: &str, raw: RawPermission) -> Option<Self> {
        let action = Action::parse(problems, &format!("{at}.Action"), &raw.action);
        if let Some(jwt) = &raw.jwt {
            jwt.check(problems, &format!("{at}.JWT"));
        }
        let Some(http) = raw.http else {
            problems.add(format!("{at}.HTTP"), Reason::Required);
            return None;
        };
        let at = format!("{at}.HTTP");
        let path = path(problems, &at, &http);
        let headers = http.header.into_iter().enumerate();
        let headers: Vec<_> = headers
            .filter_map(|(i, header)| {
                HeaderMatch::check(problems, &format!("{at}.Header[{i}]"), header)
            })
            .collect();
        let methods: Vec<String> = http
            .methods
            .iter()
            .map(|method| method.to_ascii_uppercase())
            .collect();
        for (i, method) in methods.iter().enumerate() {
            problems.one_of(&format!("{at}.Methods[{i}]"), method, METHODS);
            if methods[..i].contains(method) {
                problems.add(
                    format!("{at}.Methods[{i}]"),
                    Reason::Duplicate(method.clone()),
                );
            }
        }
        if path == PathMatch::Any && headers.is_empty() && methods.is_empty() {
            problems.add(at, Reason::Required);
        }
        Some(Self {
            action,
            http: HttpPermission {
                path,
                headers,
                methods,
            },
            jwt: raw.jwt,
        })
    }
}

fn path(problems: &mut Problems, at: &str, http: &RawHttpPermission) -> PathMatch {
    for (field, path) in [
        ("PathExact", &http.path_exact),
        ("PathPrefix", &http.path_prefix),
    ] {
        if !path.is_empty() && !path.starts_with('/') {
            let value = path.clone();
            problems.add(
                format!("{at}.{field}"),
                Reason::Malformed {
                    value,
                    expected: "a path that starts with '/'",
                },
            );
        }
    }
    match (
        http.path_exact.as_str(),
        http.path_prefix.as_str(),
        http.path_regex.as_str(),
    ) {
        ("", "", "") => PathMatch::Any,
        (exact, "", "") => PathMatch::Exact(exact.to_owned()),
        ("", prefix, "") => PathMatch::Prefix(prefix.to_owned()),
        ("", "", regex) => PathMatch::Regex(regex.to_owned()),
        _ => {
            problems.add(
                at,
                Reason::Excludes("another of PathExact, PathPrefix and PathRegex"),
            );
            PathMatch::Any
        }
    }
}

impl HeaderMatch {
    fn check(problems: &mut Problems, at: &str, raw: RawHeaderMatch) -> Option<Self> {
        problems.add_if(raw.name.is_empty(), &format!("{at}.Name"), Reason::Required);
        let present = raw.present.then_some(HeaderValue::Present);
        let some = |text: String, value: fn(String) -> HeaderValue| {
            (!text.is_empty()).then(|| value(text))
        };
        let values = [
            present,
            some(raw.exact, HeaderValue::Exact),
            some(raw.prefix, HeaderValue::Prefix),
            some(raw.suffix, HeaderValue::Suffix),
            some(raw.contains, HeaderValue::Contains),
            some(raw.regex, HeaderValue::Regex),
        ];
        let mut values = values.into_iter().flatten();
        let (Some(value), None) = (values.next(), values.next()) else {
            let expected = "exactly one of Present, Exact, Prefix, Suffix, Contains and Regex";
            problems.add(
                at,
                Reason::Malformed {
                    value: raw.name,
                    expected,
                },
            );
            return None;
        };
        let cased = matches!(value, HeaderValue::Present | HeaderValue::Regex(_));
        let field = format!("{at}.IgnoreCase");
        problems.add_if(
            raw.ignore_case && cased,
            &field,
            Reason::Excludes("Present or Regex"),
        );
        Some(Self {
            name: raw.name,
            value,
            invert: raw.invert,
            ignore_case: raw.ignore_case,
        })
    }
}

impl From<&Permission> for RawPermission {
    fn from(permission: &Permission) -> Self {
        let mut http = RawHttpPermission {
            header: permission
                .http
                .headers
                .iter()
                .map(RawHeaderMatch::from)
                .collect(),
            methods: permission.http.methods.clone(),
            ..RawHttpPermission::default()
        };
        match &permission.http.path {
            PathMatch::Any => {}
            PathMatch::Exact(path) => http.path_exact.clone_from(path),
            PathMatch::Prefix(path) => http.path_prefix.clone_from(path),
            PathMatch::Regex(path) => http.path_regex.clone_from(path),
        }
        Self {
            action: permission.action.as_str().to_owned(),
            http: Some(http),
            jwt: permission.jwt.clone(),
        }
    }
}

impl From<&HeaderMatch> for RawHeaderMatch {
    fn from(header: &HeaderMatch) -> Self {
        let (name, invert, ignore_case) = (header.name.clone(), header.invert, header.ignore_case);
        let mut raw = Self {
            name,
            invert,
            ignore_case,
            ..Self::default()
        };
        match &header.value {
            HeaderValue::Present => raw.present = true,
            HeaderValue::Exact(value) => raw.exact.clone_from(value),
            HeaderValue::Prefix(value) => raw.prefix.clone_from(value),
            HeaderValue::Suffix(value) => raw.suffix.clone_from(value),
            HeaderValue::Contains(value) => raw.contains.clone_from(value),
            HeaderValue::Regex(value) => raw.regex.clone_from(value),
        }
        raw
    }
}
