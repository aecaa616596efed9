//! The rules of a resolver.

use super::super::checks;
use super::super::invalid::{Invalid, Problems, Reason};
use super::{Failover, FailoverTarget, RawServiceResolver, Redirect};
use crate::names::WILDCARD;

/// Longest name of a subset, which is a label of a DNS name.
const LONGEST_SUBSET: usize = 63;

pub(super) fn check(raw: &RawServiceResolver) -> Result<(), Invalid> {
    let mut problems = Problems::default();
    checks::name(&mut problems, "Name", &raw.name);
    checks::meta(&mut problems, "Meta", &raw.meta);
    for name in raw.subsets.keys() {
        subset_name(&mut problems, name);
    }
    raw.has_subset(&mut problems, "DefaultSubset", &raw.default_subset);
    let by_locality = raw
        .prioritize_by_locality
        .as_ref()
        .is_some_and(|prioritize| !prioritize.mode.is_empty());
    problems.add_if(by_locality, "PrioritizeByLocality.Mode", Reason::Enterprise);
    if let Some(redirect) = &raw.redirect {
        problems.add_if(
            !raw.failover.is_empty(),
            "Redirect",
            Reason::Excludes("Failover"),
        );
        redirect.check(&mut problems, raw);
    }
    for (subset, failover) in &raw.failover {
        let at = format!("Failover[{subset:?}]");
        if subset != WILDCARD && !raw.subsets.contains_key(subset) {
            problems.add(&at, raw.unknown_subset(subset));
        }
        failover.check(&mut problems, &at, raw);
    }
    for (field, timeout) in [
        ("ConnectTimeout", raw.connect_timeout),
        ("RequestTimeout", raw.request_timeout),
    ] {
        problems.range(field, timeout.as_nanos(), 0, i64::MAX);
    }
    if let Some(balancer) = &raw.load_balancer {
        balancer.check(&mut problems, "LoadBalancer");
    }
    problems.finish()
}

/// A subset's name is a label of a DNS name.
fn subset_name(problems: &mut Problems, name: &str) {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let fits = bytes.len() <= LONGEST_SUBSET
        && bytes.first().is_some_and(|first| letter(*first))
        && bytes.last().is_some_and(|last| letter(*last))
        && bytes.iter().all(|byte| letter(*byte) || *byte == b'-');
    if !fits {
        let reason = Reason::Malformed {
            value: name.to_owned(),
            expected: "a name of 1 to 63 lower-case letters, digits and \"-\", with no \"-\" at an end",
        };
        problems.add("Subsets", reason);
    }
}

// === impl RawServiceResolver ===

impl RawServiceResolver {
    fn is_own(&self, service: &str) -> bool {
        service.is_empty() || service == self.name
    }

    fn unknown_subset(&self, subset: &str) -> Reason {
        Reason::UnknownSubset {
            subset: subset.to_owned(),
            service: self.name.clone(),
        }
    }

    /// Adds a problem where a subset is named that this resolver does not have.
    fn has_subset(&self, problems: &mut Problems, field: &str, subset: &str) {
        if !subset.is_empty() && !self.subsets.contains_key(subset) {
            problems.add(field, self.unknown_subset(subset));
        }
    }
}

// === impl Redirect ===

impl Redirect {
    fn check(&self, problems: &mut Problems, raw: &RawServiceResolver) {
        if *self == Self::default() {
            problems.add("Redirect", Reason::Required);
        }
        for (field, text) in [
            ("Namespace", &self.namespace),
            ("Partition", &self.partition),
            ("SamenessGroup", &self.sameness_group),
        ] {
            problems.add_if(
                !text.is_empty(),
                &format!("Redirect.{field}"),
                Reason::Enterprise,
            );
        }
        let peer = !self.peer.is_empty();
        for (field, text) in [
            ("ServiceSubset", &self.service_subset),
            ("Datacenter", &self.datacenter),
        ] {
            problems.add_if(
                peer && !text.is_empty(),
                &format!("Redirect.{field}"),
                Reason::Excludes("Redirect.Peer"),
            );
        }
        for (field, text) in [
            ("ServiceSubset", &self.service_subset),
            ("Peer", &self.peer),
        ] {
            problems.add_if(
                self.service.is_empty() && !text.is_empty(),
                &format!("Redirect.{field}"),
                Reason::Forbidden("unless there is a Redirect.Service"),
            );
        }
        if self.service == raw.name {
            raw.has_subset(problems, "Redirect.ServiceSubset", &self.service_subset);
        }
    }
}

// === impl Failover ===

impl Failover {
    fn check(&self, problems: &mut Problems, at: &str, raw: &RawServiceResolver) {
        let field = |field: &str| format!("{at}.{field}");
        let nothing = Self {
            policy: self.policy.clone(),
            ..Self::default()
        };
        problems.add_if(
            *self == nothing,
            at,
            Reason::AtLeastOne("Service, ServiceSubset, Targets and Datacenters"),
        );
        for (name, text) in [
            ("Namespace", &self.namespace),
            ("SamenessGroup", &self.sameness_group),
        ] {
            problems.add_if(!text.is_empty(), &field(name), Reason::Enterprise);
        }
        let policy = self
            .policy
            .as_ref()
            .is_some_and(|policy| !policy.mode.is_empty());
        problems.add_if(policy, &field("Policy.Mode"), Reason::Enterprise);
        if raw.is_own(&self.service) {
            raw.has_subset(problems, &field("ServiceSubset"), &self.service_subset);
        }
        for (name, there) in [
            ("Datacenters", !self.datacenters.is_empty()),
            ("ServiceSubset", !self.service_subset.is_empty()),
            ("Service", !self.service.is_empty()),
        ] {
            problems.add_if(
                there && !self.targets.is_empty(),
                &field(name),
                Reason::Excludes("Targets"),
            );
        }
        for (i, datacenter) in self.datacenters.iter().enumerate() {
            problems.add_if(
                datacenter.is_empty(),
                &format!("{at}.Datacenters[{i}]"),
                Reason::Required,
            );
        }
        for (i, target) in self.targets.iter().enumerate() {
            target.check(problems, &format!("{at}.Targets[{i}]"), raw);
        }
    }
}

// === impl FailoverTarget ===

impl FailoverTarget {
    fn check(&self, problems: &mut Problems, at: &str, raw: &RawServiceResolver) {
        for (field, text) in [
            ("Namespace", &self.namespace),
            ("Partition", &self.partition),
        ] {
            problems.add_if(
                !text.is_empty(),
                &format!("{at}.{field}"),
                Reason::Enterprise,
            );
        }
        for (field, text) in [
            ("ServiceSubset", &self.service_subset),
            ("Datacenter", &self.datacenter),
        ] {
            problems.add_if(
                !self.peer.is_empty() && !text.is_empty(),
                &format!("{at}.{field}"),
                Reason::Excludes("Peer"),
            );
        }
        if self.peer.is_empty() && raw.is_own(&self.service) {
            raw.has_subset(
                problems,
                &format!("{at}.ServiceSubset"),
                &self.service_subset,
            );
        }
    }
}
