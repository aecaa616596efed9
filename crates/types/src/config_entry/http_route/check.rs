//! The rules of an `http-route` entry.

use super::{HttpMatch, HttpRoute, RawHttpRoute};
use crate::config_entry::invalid::{Invalid, Problems, Reason};
use crate::config_entry::permission::METHODS;
use crate::config_entry::reference::{ResourceReference, Status};
use crate::config_entry::{Kind, checks, host};

const HEADER: &[&str] = &["exact", "prefix", "present", "regex", "suffix"];
const PATH: &[&str] = &["exact", "prefix", "regex"];
const PARENTS: &[&str] = &["api-gateway"];
const QUERY: &[&str] = &["exact", "present", "regex"];

impl TryFrom<RawHttpRoute> for HttpRoute {
    type Error = Invalid;

    fn try_from(mut raw: RawHttpRoute) -> Result<Self, Invalid> {
        raw.normalize();
        let mut problems = Problems::default();
        checks::name(&mut problems, "Name", &raw.name);
        for (i, hostname) in raw.hostnames.iter().flatten().enumerate() {
            host::check_plain(&mut problems, &format!("Hostnames[{i}]"), hostname);
        }
        parents(&mut problems, raw.parents.as_deref().unwrap_or_default());
        checks::meta(&mut problems, "Meta", &raw.meta);
        for (i, rule) in raw.rules.iter().flatten().enumerate() {
            for (j, matched) in rule.matches.iter().flatten().enumerate() {
                matched.check(&mut problems, &format!("Rules[{i}].Matches[{j}]"));
            }
        }
        problems.finish()?;
        Ok(Self(raw))
    }
}

/// Checks the parents of a route: API gateways, each named once.
pub(in crate::config_entry) fn parents(problems: &mut Problems, parents: &[ResourceReference]) {
    for (i, parent) in parents.iter().enumerate() {
        let at = format!("Parents[{i}]");
        problems.one_of(&format!("{at}.Kind"), &parent.kind, PARENTS);
        if parents[..i].contains(parent) {
            problems.add(at, Reason::Duplicate(parent.name.clone()));
        }
    }
}

impl RawHttpRoute {
    fn normalize(&mut self) {
        self.status = Status::default();
        for parent in self.parents.iter_mut().flatten() {
            parent.default_kind(Kind::ApiGateway);
        }
        for rule in self.rules.iter_mut().flatten() {
            for matched in rule.matches.iter_mut().flatten() {
                matched.normalize();
            }
            for service in rule.services.iter_mut().flatten() {
                service.weight = if service.weight <= 0 {
                    1
                } else {
                    service.weight
                };
            }
        }
    }
}

impl HttpMatch {
    fn normalize(&mut self) {
        self.method.make_ascii_uppercase();
        if self.path.r#match.is_empty() {
            "prefix".clone_into(&mut self.path.r#match);
            "/".clone_into(&mut self.path.value);
        }
    }

    fn check(&self, problems: &mut Problems, at: &str) {
        if !self.method.is_empty() {
            problems.one_of(&format!("{at}.Method"), &self.method, METHODS);
        }
        for (i, query) in self.query.iter().flatten().enumerate() {
            let at = format!("{at}.Query[{i}]");
            problems.one_of(&format!("{at}.Match"), &query.r#match, QUERY);
            problems.add_if(
                query.name.is_empty(),
                &format!("{at}.Name"),
                Reason::Required,
            );
        }
        for (i, header) in self.headers.iter().flatten().enumerate() {
            let at = format!("{at}.Headers[{i}]");
            problems.one_of(&format!("{at}.Match"), &header.r#match, HEADER);
            problems.add_if(
                header.name.is_empty(),
                &format!("{at}.Name"),
                Reason::Required,
            );
        }
        problems.one_of(&format!("{at}.Path.Match"), &self.path.r#match, PATH);
        let literal = matches!(self.path.r#match.as_str(), "exact" | "prefix");
        if literal && !self.path.value.starts_with('/') {
            problems.add(
                format!("{at}.Path.Value"),
                Reason::Malformed {
                    value: self.path.value.clone(),
                    expected: "a path that starts with '/'",
                },
            );
        }
    }
}
