//! Which scalars stand for which under weak typing: the rules of Consul's decoder, but no value that would
//! have to be rounded.

use crate::value::whole;
use crate::{Kind, Value};

/// A bool counts as 0 or 1, an empty string as 0; strings may be hexadecimal.
pub(super) fn integer(value: &Value) -> Option<i128> {
    match &value.kind {
        Kind::Bool(value) => Some(i128::from(*value)),
        Kind::Float(number) => whole(*number).map(i128::from),
        Kind::String(text) if text.is_empty() => Some(0),
        Kind::String(text) => match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => u64::from_str_radix(digits, 16).ok().map(i128::from),
            None => text.parse().ok(),
        },
        _ => None,
    }
}

/// As [`integer`], with fractions.
pub(super) fn float(value: &Value) -> Option<f64> {
    match &value.kind {
        Kind::Bool(value) => Some(f64::from(u8::from(*value))),
        Kind::String(text) if text.is_empty() => Some(0.0),
        Kind::String(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// Any number but 0 is true, an empty string is false.
pub(super) fn boolean(value: &Value) -> Option<bool> {
    match &value.kind {
        Kind::Integer(number) => Some(*number != 0),
        Kind::Float(number) => Some(*number != 0.0),
        Kind::String(text) => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
            "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Numbers in decimal without exponent; bools as `1` and `0`.
pub(super) fn text(value: &Value) -> Option<String> {
    match &value.kind {
        Kind::Bool(value) => Some(u8::from(*value).to_string()),
        Kind::Integer(number) => Some(number.to_string()),
        Kind::Float(number) => Some(number.to_string()),
        _ => None,
    }
}
