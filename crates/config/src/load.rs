//! From sources to a configuration.

use std::net::IpAddr;

use tribune_hcl::{Options, Unknown, from_value};

use crate::ca;
use crate::check::check;
use crate::definitions::Definitions;
use crate::error::Wrong;
use crate::keys::Findings;
use crate::raw::{Merge, Raw};
use crate::{Config, Error, Source};

/// Unknown keys have been refused by then; what is left beside the used ones are empty sections.
const SIFTED: Options = Options {
    unknown: Unknown::Ignore,
    ..Options::WEAK
};

/// What the caller knows and files don't say.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Whether `-dev` was given.
    pub dev: bool,
    /// Name of the machine: the node's where none is configured.
    pub host_name: String,
    /// The one private address of the machine, if there is exactly one.
    pub private_address: Option<IpAddr>,
}

/// A configuration, and what the user should be told about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Sentences about keys that do nothing and names that may surprise.
    pub notices: Vec<String>,
}

/// Merges sources, later ones over earlier ones, and checks the outcome.
///
/// # Errors
/// Everything that is wrong with the texts, or else everything that is wrong with what they say together.
pub fn load(sources: &[Source], machine: &Machine) -> Result<Loaded, Error> {
    let mut findings = Findings::default();
    let mut definitions = Definitions::default();
    let mut merged = if machine.dev {
        development()
    } else {
        Raw::default()
    };
    for source in sources {
        let mut value = match source.value() {
            Ok(value) => value,
            Err(problem) => {
                findings.problems.push(problem);
                continue;
            }
        };
        let moved = findings.sift(source, &mut value);
        definitions.take(source, &mut value, &mut findings.problems);
        for value in moved.iter().chain([&value]) {
            match from_value::<Raw>(value, SIFTED) {
                Ok(mut raw) => {
                    raw.connect.ca_config = ca::respelled(raw.connect.ca_config);
                    merged.merge(raw);
                }
                Err(error) => findings.problems.push(source.problem(Wrong::Value(error))),
            }
        }
    }
    if !findings.problems.is_empty() {
        return Err(Error {
            problems: findings.problems,
        });
    }
    let mut notices = findings.notices;
    let config =
        check(merged, definitions, machine, &mut notices).map_err(|problems| Error { problems })?;
    Ok(Loaded { config, notices })
}

/// What `-dev` says before all other sources.
fn development() -> Raw {
    let mut raw = Raw {
        server: Some(true),
        ..Raw::default()
    };
    raw.bind_addr = Some("127.0.0.1".to_owned());
    raw.log_level = Some("debug".to_owned());
    raw.ports.grpc = Some(8502);
    raw
}
