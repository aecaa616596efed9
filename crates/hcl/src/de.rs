//! From a value to a Rust type, guided by what the type asks for.

use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, DeserializeSeed, IntoDeserializer, Visitor};

use crate::error::Problem;
use crate::nearest::{nearest, same_field};
use crate::value::whole;
use crate::{Entry, Error, Format, Kind, Value, parse};

mod access;
mod weak;

use access::{Fields, Items};

/// What happens to fields that a type does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// They are an error that names the nearest known field.
    #[default]
    Refuse,
    /// They are skipped.
    Ignore,
}

/// How exact a value must match its type. The default is the most exact.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What happens to unknown fields.
    pub unknown: Unknown,
    /// Weak typing, as Consul uses it for config entries and agent configuration: numbers, bools and strings
    /// stand for each other, a single value for a list of one, a list of one object for that object (a block
    /// of HCL), several objects for a map with the keys of all.
    pub weak: bool,
    /// Structs, by their serde name, whose unknown fields are skipped, and those of everything within them.
    pub lenient: &'static [&'static str],
}

impl Options {
    /// Exact types, unknown fields refused: bodies of most HTTP endpoints.
    pub const STRICT: Self = Self {
        unknown: Unknown::Refuse,
        weak: false,
        lenient: &[],
    };
    /// Weak typing, unknown fields refused: config entries and agent configuration.
    pub const WEAK: Self = Self {
        unknown: Unknown::Refuse,
        weak: true,
        lenient: &[],
    };
}

/// Makes a `T` of a value.
///
/// Fields of structs are found whatever their case and underscores (`UpstreamConfig`, `upstream_config`);
/// keys of maps stay as written. A field that is `null` counts as not given. So does a `null` where an
/// object, list or map is expected: it is an empty one. Fields behind `#[serde(flatten)]`, and those of enum
/// variants with fields of their own, must be spelled exactly, since serde asks for them as a map; a variant
/// around a struct has no such limit.
///
/// # Errors
/// The first thing that does not fit, with its position and path.
pub fn from_value<'de, T: Deserialize<'de>>(
    value: &'de Value,
    options: Options,
) -> Result<T, Error> {
    from_value_seed(PhantomData::<T>, value, options)
}

/// Makes of a value whatever `seed` makes of it: for types that something outside the value picks.
///
/// # Errors
/// As [`from_value`].
pub fn from_value_seed<'de, S: DeserializeSeed<'de>>(
    seed: S,
    value: &'de Value,
    options: Options,
) -> Result<S::Value, Error> {
    seed.deserialize(Deserializer { value, options })
        .map_err(|error| error.at(value.span))
}

/// Reads a text and makes a `T` of it.
///
/// # Errors
/// As [`parse`] and [`from_value`].
pub fn from_str<T: de::DeserializeOwned>(
    text: &str,
    format: Format,
    options: Options,
) -> Result<T, Error> {
    from_value(&parse(text, format)?, options)
}

#[derive(Clone, Copy)]
struct Deserializer<'de> {
    value: &'de Value,
    options: Options,
}

// === impl Deserializer ===

impl<'de> Deserializer<'de> {
    fn refuse(&self, expected: impl Into<String>) -> Error {
        let problem = Problem::Type {
            expected: expected.into(),
            found: self.value.describe(),
        };
        Error::new(problem).at(self.value.span)
    }

    /// The entries of an object whose keys belong to one of `fields`, which replaces their spelling.
    fn fields(
        self,
        fields: &'static [&'static str],
    ) -> Result<Vec<(&'static str, &'de Entry)>, Error> {
        let entries = match &self.value.kind {
            Kind::Object(entries) => entries.as_slice(),
            Kind::Null => &[],
            Kind::List(blocks) if self.options.weak && blocks.len() == 1 => {
                return Self {
                    value: &blocks[0],
                    ..self
                }
                .fields(fields);
            }
            Kind::List(blocks) if self.options.weak && blocks.len() > 1 => {
                let found = format!("{} of them", blocks.len());
                let problem = Problem::Type {
                    expected: "one object".to_owned(),
                    found,
                };
                return Err(Error::new(problem).at(blocks[1].span));
            }
            _ => return Err(self.refuse("an object")),
        };
        let mut seen: Vec<Option<&Entry>> = vec![None; fields.len()];
        let mut known = Vec::with_capacity(entries.len().min(fields.len()));
        for entry in entries {
            let Some(at) = find(fields, &entry.key) else {
                if self.options.unknown == Unknown::Refuse {
                    let nearest = nearest(&entry.key, fields.iter().copied()).map(str::to_owned);
                    let problem = Problem::UnknownField {
                        name: entry.key.clone(),
                        nearest,
                    };
                    return Err(Error::new(problem).at(entry.key_span));
                }
                continue;
            };
            if let Some(first) = seen[at].replace(entry) {
                let (spelling, first_spelling) = (entry.key.clone(), first.key.clone());
                let problem = Problem::DuplicateField {
                    spelling,
                    first_spelling,
                    first: first.key_span,
                };
                return Err(Error::new(problem).at(entry.key_span));
            }
            if !entry.value.is_null() {
                known.push((fields[at], entry));
            }
        }
        Ok(known)
    }

    /// The entries of an object, or under weak typing of several.
    fn entries(self) -> Result<Vec<(&'de str, &'de Entry)>, Error> {
        let mut all: Vec<(&'de str, &'de Entry)> = Vec::new();
        match &self.value.kind {
            Kind::Object(entries) => {
                all.extend(entries.iter().map(|entry| (entry.key.as_str(), entry)))
            }
            Kind::Null => {}
            Kind::List(blocks) if self.options.weak => {
                let mut seen = std::collections::BTreeMap::new();
                for block in blocks {
                    let Kind::Object(entries) = &block.kind else {
                        return Err(Self {
                            value: block,
                            ..self
                        }
                        .refuse("an object"));
                    };
                    for entry in entries {
                        if let Some(first) = seen.insert(entry.key.as_str(), entry.key_span) {
                            let problem = Problem::DuplicateKey {
                                key: entry.key.clone(),
                                first,
                            };
                            return Err(Error::new(problem).at(entry.key_span));
                        }
                        all.push((&entry.key, entry));
                    }
                }
            }
            _ => return Err(self.refuse("an object")),
        }
        Ok(all)
    }

    fn integer<T: TryFrom<i128> + std::fmt::Display>(&self, least: T, most: T) -> Result<T, Error> {
        let number = match &self.value.kind {
            Kind::Integer(number) => Some(i128::from(*number)),
            _ if self.options.weak => weak::integer(self.value),
            _ => None,
        };
        number
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| self.refuse(format!("a whole number from {least} to {most}")))
    }

    fn float(&self) -> Result<f64, Error> {
        let number = match &self.value.kind {
            Kind::Integer(number) => Some(*number as f64),
            Kind::Float(number) => Some(*number),
            _ if self.options.weak => weak::float(self.value),
            _ => None,
        };
        number.ok_or_else(|| self.refuse("a number"))
    }

    fn visit_text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Kind::String(text) = &self.value.kind {
            return visitor.visit_borrowed_str(text);
        }
        match self.options.weak.then(|| weak::text(self.value)).flatten() {
            Some(text) => visitor.visit_string(text),
            None => Err(self.refuse("a string")),
        }
    }

    fn visit_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut fields = Fields::new(self.entries()?, self.options);
        visitor
            .visit_map(&mut fields)
            .map_err(|error| fields.locate(error))
    }

    fn visit_list<V: Visitor<'de>>(
        self,
        visitor: V,
        items: &'de [Value],
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(Items::new(items, self.options))
    }
}

/// The field that a key means. An exact match is looked for first, since it is the usual one.
fn find(fields: &[&str], key: &str) -> Option<usize> {
    let exact = fields.iter().position(|field| *field == key);
    exact.or_else(|| fields.iter().position(|field| same_field(field, key)))
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.integer($type::MIN, $type::MAX)?)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Deserializer<'de> {
    type Error = Error;

    integers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Integer(number) => visitor.visit_i64(*number),
            Kind::Float(number) => match whole(*number) {
                Some(number) => visitor.visit_i64(number),
                None => visitor.visit_f64(*number),
            },
            Kind::String(text) => visitor.visit_borrowed_str(text),
            Kind::List(items) => self.visit_list(visitor, items),
            Kind::Object(_) => self.visit_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = match &self.value.kind {
            Kind::Bool(value) => Some(*value),
            _ if self.options.weak => weak::boolean(self.value),
            _ => None,
        };
        visitor.visit_bool(value.ok_or_else(|| self.refuse("true or false"))?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = self.float()? as f32;
        if number.is_infinite() {
            return Err(self.refuse("a number that fits 32 bits"));
        }
        visitor.visit_f32(number)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_text(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_text(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_text(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value.kind {
            Kind::String(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
            _ => self.deserialize_seq(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() {
            visitor.visit_unit()
        } else {
            Err(self.refuse("null"))
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value.kind {
            Kind::List(items) => self.visit_list(visitor, items),
            Kind::Null => self.visit_list(visitor, &[]),
            Kind::Object(entries) if self.options.weak && entries.is_empty() => {
                self.visit_list(visitor, &[])
            }
            _ if self.options.weak => self.visit_list(visitor, std::slice::from_ref(self.value)),
            _ => Err(self.refuse("a list")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error>
    where
        V: Visitor<'de>,
    {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.options.lenient.contains(&name) {
            self.options.unknown = Unknown::Ignore;
        }
        let mut fields = Fields::new(self.fields(fields)?, self.options);
        visitor
            .visit_map(&mut fields)
            .map_err(|error| fields.locate(error))
    }

    /// A word for a variant without contents, an object with one key for one that has them.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.value.kind {
            Kind::String(word) => {
                let word: StrDeserializer<'_, Error> = word.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            Kind::Object(_) => {
                let mut fields = Fields::new(self.entries()?, self.options);
                let result = visitor.visit_enum(MapAccessDeserializer::new(&mut fields));
                result.map_err(|error| fields.locate(error))
            }
            _ => Err(self.refuse("a string")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

#[cfg(test)]
mod tests;
