//! Envoy extensions that are built in, and what they are told.
//!
//! Arguments are an opaque map in their entry. Here they are read once, with every rule of their extension,
//! so that whoever builds proxies has values and not maps.

mod ext_authz;
mod lambda;
mod lua;
mod otel;
mod property_override;
mod reader;
mod target;
mod wasm;

pub use ext_authz::{
    AuthorizationRequest, AuthorizationResponse, AuthzService, BufferedBody, ExtAuthz, HeaderPair,
    InsertOptions, StringMatch, StringMatcher,
};
pub use lambda::AwsLambda;
pub use lua::Lua;
pub use otel::{OtelAccessLogging, RetryBackOff, RetryPolicy};
pub use property_override::{Patch, PatchOp, PatchResource, PropertyOverride};
pub use target::{GrpcService, Target, TargetAddress};
pub use wasm::{Wasm, WasmCode, WasmPlugin, WasmVm};

use super::invalid::{Invalid, Problems, Reason};
use crate::proxy::EnvoyExtension;
use reader::Reader;

/// Names of the extensions that are built in.
pub(super) const NAMES: [&str; 6] = [
    "builtin/aws/lambda",
    "builtin/ext-authz",
    "builtin/lua",
    "builtin/otel-access-logging",
    "builtin/property-override",
    "builtin/wasm",
];

/// An extension and what it is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Extension {
    /// `builtin/aws/lambda`: calls a function in place of a service.
    AwsLambda(AwsLambda),
    /// `builtin/ext-authz`: asks a service whether a request may pass.
    ExtAuthz(Box<ExtAuthz>),
    /// `builtin/lua`: runs a script on every request.
    Lua(Lua),
    /// `builtin/otel-access-logging`: sends access logs to a collector.
    OtelAccessLogging(Box<OtelAccessLogging>),
    /// `builtin/property-override`: changes fields of resources.
    PropertyOverride(PropertyOverride),
    /// `builtin/wasm`: runs a module on every request.
    Wasm(Box<Wasm>),
}

/// Which listeners an extension is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Those that take traffic for the service.
    Inbound,
    /// Those that take traffic for its upstreams.
    Outbound,
}

/// Words of the directions.
const DIRECTIONS: &[&str] = &["inbound", "outbound"];

/// The only kind of proxy that extensions are about; also where none is named.
const PROXY_TYPES: &[&str] = &["", "connect-proxy"];

impl Direction {
    /// Consul's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    /// The one that a word names; a problem where it names none.
    fn read(reader: &mut Reader<'_, '_>, field: &str, default: Option<Self>) -> Self {
        let word = reader.text(field);
        if let (true, Some(default)) = (word.is_empty(), default) {
            return default;
        }
        reader.one_of(field, &word, DIRECTIONS);
        if word == "outbound" {
            Self::Outbound
        } else {
            Self::Inbound
        }
    }
}

impl Extension {
    /// Reads the arguments of an extension.
    ///
    /// # Errors
    /// Where there is no such extension, or an argument breaks a rule of it.
    pub fn parse(extension: &EnvoyExtension) -> Result<Self, Invalid> {
        let mut problems = Problems::default();
        let parsed = Self::check(&mut problems, "", extension);
        problems.finish()?;
        parsed.ok_or_else(|| Invalid {
            problems: Vec::new(),
        })
    }

    /// Reads the arguments of the extension at a path; `None` where there is no such extension.
    pub(super) fn check(
        problems: &mut Problems,
        at: &str,
        extension: &EnvoyExtension,
    ) -> Option<Self> {
        let field = |name: &str| {
            if at.is_empty() {
                name.to_owned()
            } else {
                format!("{at}.{name}")
            }
        };
        if !NAMES.contains(&extension.name.as_str()) {
            problems.add(
                field("Name"),
                Reason::NotOneOf {
                    value: extension.name.clone(),
                    allowed: &NAMES,
                },
            );
            return None;
        }
        let mut reader = Reader::new(problems, field("Arguments"), &extension.arguments);
        Some(match extension.name.as_str() {
            "builtin/aws/lambda" => Self::AwsLambda(AwsLambda::read(&mut reader)),
            "builtin/ext-authz" => Self::ExtAuthz(Box::new(ExtAuthz::read(&mut reader))),
            "builtin/lua" => Self::Lua(Lua::read(&mut reader)),
            "builtin/otel-access-logging" => {
                Self::OtelAccessLogging(Box::new(OtelAccessLogging::read(&mut reader)))
            }
            "builtin/property-override" => {
                Self::PropertyOverride(PropertyOverride::read(&mut reader))
            }
            _ => Self::Wasm(Box::new(Wasm::read(&mut reader))),
        })
    }
}

#[cfg(test)]
mod tests;
