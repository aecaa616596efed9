//! Every key that an agent's configuration may have, and what becomes of it.

mod table;

use tribune_hcl::{Entry, Kind, Span, Value, nearest};

use crate::Source;
use crate::error::{Problem, Wrong};

use Standing::{Enterprise, Moot, NoEffect, Open, Section, Unsupported, Used};
use table::{DEPRECATED, IMPLIED, KEYS, REASONS};

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is used.
    Used,
    /// It is used, and what is in it has keys of its own kind.
    Open,
    /// Keys of its own are in it.
    Section,
    /// It asks for what is the case anyway, or what nothing here would do.
    Moot,
    /// It tunes what is not there yet or works differently. The user is told.
    NoEffect,
    /// It belongs to Consul Enterprise. The user is told.
    Enterprise,
    /// Running without what it asks for would mislead the user or be unsafe.
    Unsupported,
    /// Consul has another key for it now; none where empty.
    Deprecated(&'static str),
}

/// What becomes of a key of a section, its case and underscores aside.
#[cfg(test)]
pub(crate) fn standing(section: &str, key: &str) -> Option<Standing> {
    canonical(section, key).map(|(_, standing)| standing)
}

fn canonical(section: &str, key: &str) -> Option<(&'static str, Standing)> {
    let of_section = KEYS.iter().filter(|(name, _, _)| *name == section);
    let known = of_section
        .flat_map(|(_, standing, keys)| keys.split_whitespace().map(|key| (key, *standing)));
    let deprecated = DEPRECATED.iter().filter(|(name, _, _)| *name == section);
    known
        .chain(deprecated.map(|(_, key, new)| (*key, Standing::Deprecated(new))))
        .find(|(known, _)| same(known, key))
}

fn same(known: &str, key: &str) -> bool {
    let plain = |text: &'_ str| {
        text.bytes()
            .filter(|byte| *byte != b'_')
            .map(|byte| byte.to_ascii_lowercase())
            .collect::<Vec<u8>>()
    };
    known == key || plain(known) == plain(key)
}

/// What looking through the keys of a source found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Problem>,
    /// Sentences for the user about keys that do nothing.
    pub(crate) notices: Vec<String>,
    /// What keys of former versions say, in the words of now.
    moved: Vec<Value>,
}

impl Findings {
    /// Goes through a source's value, and leaves in it only the keys that are used. What keys of former
    /// versions said comes out as values of their own, which go before the source's.
    pub(crate) fn sift(&mut self, source: &Source, value: &mut Value) -> Vec<Value> {
        self.sift_section(source, "", value);
        let mut moved = std::mem::take(&mut self.moved);
        for value in &mut moved {
            self.sift_section(source, "", value);
        }
        moved
    }

    fn sift_section(&mut self, source: &Source, section: &str, value: &mut Value) {
        match &mut value.kind {
            Kind::Object(entries) => entries.retain_mut(|entry| self.keep(source, section, entry)),
            // Blocks of HCL, of which the types below take one.
            Kind::List(blocks) => blocks
                .iter_mut()
                .for_each(|block| self.sift_section(source, section, block)),
            _ => {}
        }
    }

    fn keep(&mut self, source: &Source, section: &str, entry: &mut Entry) -> bool {
        let path = |key: &str| {
            if section.is_empty() {
                key.to_owned()
            } else {
                format!("{section}.{key}")
            }
        };
        let (span, key) = (entry.key_span, path(&entry.key));
        let Some((name, standing)) = canonical(section, &entry.key) else {
            let known = KEYS
                .iter()
                .filter(|(name, _, _)| *name == section)
                .flat_map(|(_, _, keys)| keys.split_whitespace());
            let nearest = nearest(&entry.key, known).map(path);
            self.problems
                .push(source.problem(Wrong::UnknownKey { key, span, nearest }));
            return false;
        };
        let key = path(name);
        match standing {
            Used | Open => {
                entry.key = name.to_owned();
                return true;
            }
            Section => {
                entry.key = name.to_owned();
                if !matches!(
                    entry.value.kind,
                    Kind::Object(_) | Kind::List(_) | Kind::Null
                ) {
                    let reason = format!(
                        "expected a section with keys, found {}",
                        entry.value.describe()
                    );
                    self.problems
                        .push(source.problem(Wrong::At { key, span, reason }));
                    return false;
                }
                self.sift_section(source, &key, &mut entry.value);
                return true;
            }
            Moot => {}
            NoEffect | Enterprise | Unsupported if is_off(&entry.value) => {}
            NoEffect => self
                .notices
                .push(format!("{}: {key} has no effect yet", source.name())),
            Enterprise => {
                let notice = format!(
                    "{}: {key} belongs to Consul Enterprise and has no effect",
                    source.name()
                );
                self.notices.push(notice);
            }
            Unsupported => {
                let reason = REASONS
                    .iter()
                    .find(|(named, _)| key == *named || section == *named)
                    .map(|(_, reason)| *reason);
                let wrong = Wrong::UnsupportedKey { key, span, reason };
                self.problems.push(source.problem(wrong));
            }
            Standing::Deprecated(new) => self.rename(source, &key, new, entry),
        }
        false
    }

    /// Keeps what a key of former versions says under the name that it has now.
    fn rename(&mut self, source: &Source, key: &str, new: &str, entry: &Entry) {
        let name = source.name();
        if new.is_empty() {
            let notice = format!("{name}: {key} is deprecated and does nothing; remove it");
            self.notices.push(notice);
            return;
        }
        let notice = format!("{name}: {key} is deprecated; write `{new}`");
        self.notices.push(notice);
        self.moved
            .push(at(new, entry.value.clone(), entry.key_span));
        for (_, implied) in IMPLIED.iter().filter(|(old, _)| *old == key) {
            let on = Value {
                kind: Kind::Bool(true),
                span: entry.value.span,
            };
            self.moved.push(at(implied, on, entry.key_span));
        }
    }
}

/// A tree with one value at a path of keys.
fn at(path: &str, value: Value, key_span: Span) -> Value {
    path.rsplit('.').fold(value, |inner, key| Value {
        span: inner.span,
        kind: Kind::Object(vec![Entry {
            key: key.to_owned(),
            key_span,
            value: inner,
        }]),
    })
}

/// Whether a value switches off what its key is about, which is then no request for anything.
fn is_off(value: &Value) -> bool {
    match &value.kind {
        Kind::Null | Kind::Bool(false) | Kind::Integer(0 | -1) => true,
        Kind::Bool(true) | Kind::Integer(_) | Kind::Float(_) => false,
        Kind::String(text) => matches!(text.as_str(), "" | "false" | "0" | "-1"),
        Kind::List(items) => items.iter().all(is_off),
        Kind::Object(entries) => entries.iter().all(|entry| is_off(&entry.value)),
    }
}
