//! What could not be served as it was asked for.

use std::sync::Arc;

use tribune_chain::CompileError;
use tribune_types::config_entry::Weight;

use crate::json::JsonError;

/// A part of a proxy's configuration that is not served as it was asked for. Everything else is.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What it is about, in words: `upstream db`, `public listener`, `proxy`.
    pub resource: Arc<str>,
    /// What is wrong.
    pub reason: Reason,
}

/// Why a part of a proxy's configuration is not served as it was asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The registration asks for something that is not there.
    #[error(transparent)]
    Registration(tribune_proxycfg::Reason),
    /// An upstream has no chain.
    #[error(transparent)]
    Chain(Arc<CompileError>),
    /// An upstream resolves to a place that is not reached yet.
    #[error("targets in other datacenters and of peers are not reached yet: {0}")]
    Target(String),
    /// A replacement is for an upstream that no config entry shapes.
    #[error("{0} is passed over: config entries shape what the upstream is")]
    Shaped(&'static str),
    /// A chain routes or splits requests that nobody can tell apart.
    #[error("the upstream is treated as {0:?}, and its chain routes or splits requests")]
    NotRouted(String),
    /// A route matches by something that Envoy would refuse.
    #[error("a route is left out: {0:?} cannot be matched")]
    Route(String),
    /// A header can't be changed.
    #[error("header {0:?}, or its value, cannot be sent; it is left as it is")]
    Header(String),
    /// A share of traffic is none.
    #[error("a share of {0} % counts as 0")]
    Weight(Weight),
    /// A replacement that was given as JSON is passed over.
    #[error("{key}: {error}; what it would replace is served")]
    Json {
        /// The setting.
        key: &'static str,
        /// What is wrong with it.
        error: JsonError,
    },
    /// A port is none.
    #[error("{0} is not a port: write 1 to 65535")]
    Port(i64),
    /// An address is none.
    #[error("{0:?} is not an IP address")]
    Address(String),
    /// A duration is less than nothing and counts as nothing.
    #[error("{key}: {value} ms is less than nothing; it counts as 0")]
    Negative {
        /// The setting.
        key: &'static str,
        /// Its value in milliseconds.
        value: i64,
    },
    /// A setting has a value that is not known and is passed over.
    #[error("{key}: {value:?} is not known, it is passed over")]
    Unknown {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// Access logs that go to a file have none.
    #[error("access logs of type \"file\" need a path")]
    NoLogPath,
    /// Two upstreams make one resource, in different ways.
    #[error(
        "{0} is also made by another upstream, with other settings; the first upstream's are served"
    )]
    Conflict(String),
    /// An intention wants something of the request's JWT.
    #[error(
        "JWT requirements are not supported yet: the traffic that intention {0} asks a JWT of is denied"
    )]
    Jwt(String),
    /// An intention has an expression or a header name that Envoy would refuse.
    #[error(
        "intention {intention}: {expression:?} cannot be matched; a permission with it lets nothing through"
    )]
    Expression {
        /// The intention.
        intention: String,
        /// The expression or the name.
        expression: String,
    },
}

impl Problem {
    pub(crate) fn new(resource: impl Into<Arc<str>>, reason: Reason) -> Self {
        Self {
            resource: resource.into(),
            reason,
        }
    }
}

impl From<&tribune_proxycfg::Problem> for Problem {
    fn from(problem: &tribune_proxycfg::Problem) -> Self {
        let resource = match &problem.upstream {
            Some(upstream) => format!("upstream {upstream}"),
            None => "proxy".to_owned(),
        };
        Self::new(resource, Reason::Registration(problem.reason.clone()))
    }
}
