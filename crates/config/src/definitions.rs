//! Services, checks and config entries that a source defines.

use serde::Deserializer;
use serde::de::DeserializeSeed;
use tribune_hcl::{Kind, Options, Value, from_value, from_value_seed};
use tribune_types::config_entry::{self, Entry, Raw};
use tribune_types::definition::{CheckType, ServiceDefinition};

use crate::Source;
use crate::error::{Problem, Wrong};

/// What the sources define, in their order.
#[derive(Default)]
pub(crate) struct Definitions {
    pub(crate) services: Vec<ServiceDefinition>,
    pub(crate) checks: Vec<CheckType>,
    pub(crate) config_entries: Vec<Raw>,
}

impl Definitions {
    /// Takes the definitions out of a source's sifted value.
    pub(crate) fn take(&mut self, source: &Source, value: &mut Value, problems: &mut Vec<Problem>) {
        let mut keep = Keep { source, problems };
        for item in ["service", "services"]
            .into_iter()
            .flat_map(|key| items(value, key))
        {
            keep.in_order(
                &mut self.services,
                from_value(&item, Options::WEAK).map_err(Wrong::Value),
            );
        }
        for item in ["check", "checks"]
            .into_iter()
            .flat_map(|key| items(value, key))
        {
            keep.in_order(
                &mut self.checks,
                from_value(&item, Options::WEAK).map_err(Wrong::Value),
            );
        }
        for mut section in items(value, "config_entries") {
            for item in items(&mut section, "bootstrap") {
                keep.in_order(&mut self.config_entries, config_entry(&item));
            }
        }
    }
}

/// Where things go that are read, and that can't be.
struct Keep<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

impl Keep<'_> {
    fn in_order<T>(&mut self, kept: &mut Vec<T>, read: Result<T, Wrong>) {
        match read {
            Ok(item) => kept.push(item),
            Err(wrong) => self.problems.push(self.source.problem(wrong)),
        }
    }
}

/// Takes what stands under a key of an object: the items of a list, or the one thing.
fn items(value: &mut Value, key: &str) -> Vec<Value> {
    let mut all = Vec::new();
    while let Some(entry) = value.remove(key) {
        match entry.value.kind {
            Kind::List(items) => all.extend(items),
            Kind::Null => {}
            _ => all.push(entry.value),
        }
    }
    all
}

/// A config entry as it is written, which is known to be as it must be.
fn config_entry(value: &Value) -> Result<Raw, Wrong> {
    let refuse = |reason: String| Wrong::At {
        key: "config_entries.bootstrap".to_owned(),
        span: value.span,
        reason,
    };
    let kind = value.get("Kind").or_else(|| value.get("kind"));
    let Some(kind) = kind.and_then(Value::as_str) else {
        return Err(refuse("a config entry needs a `kind`".to_owned()));
    };
    let kind = config_entry::Kind::parse(kind).map_err(|error| refuse(error.to_string()))?;
    let raw = from_value_seed(OfKind(kind), value, Options::WEAK).map_err(Wrong::Value)?;
    Entry::try_from(raw.clone()).map_err(|error| refuse(error.to_string()))?;
    Ok(raw)
}

/// Reads the fields of one kind of config entry.
struct OfKind(config_entry::Kind);

impl<'de> DeserializeSeed<'de> for OfKind {
    type Value = Raw;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(self.0, deserializer)
    }
}
