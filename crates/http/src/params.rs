//! The parameters after the `?` of a URL.

use std::borrow::Cow;

use crate::error::Error;

/// Parameters in the order they were written. The first of a name counts, as in the reference.
#[derive(Debug, Default)]
pub(crate) struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Params<'a> {
    pub(crate) fn parse(query: &'a str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).collect())
    }

    /// The value of a parameter, `None` where it is not there at all.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The value of a parameter, empty where it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.value(name).unwrap_or_default()
    }

    /// Every value of a parameter that may be repeated.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_ref())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Whether a switch is on: bare, or with a value that says so.
    pub(crate) fn switch(&self, name: &str) -> Result<bool, Error> {
        match self.value(name) {
            None => Ok(false),
            Some("") => Ok(true),
            Some(value) => parse_bool(value).ok_or_else(|| {
                Error::bad_request(format!(
                    "Invalid value for ?{name}: {value:?} is neither true nor false"
                ))
            }),
        }
    }

    /// A check-and-set index; none where it is empty, as in the reference.
    pub(crate) fn cas(&self) -> Result<Option<u64>, Error> {
        let parse = |text: &str| {
            text.parse().map_err(|_| {
                let text = format!("Invalid value for ?cas: {text:?} is no index; use the entry's ModifyIndex, or 0");
                Error::Call(tribune_types::call::CallError::Refused(text))
            })
        };
        let given = self.value("cas").filter(|text| !text.is_empty());
        given.map(parse).transpose()
    }
}

/// The words that Go reads as a bool.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_and_set_index_is_a_number_or_nothing() {
        assert_eq!(Params::parse("cas=7").cas(), Ok(Some(7)));
        assert_eq!(Params::parse("cas=").cas(), Ok(None));
        assert!(Params::parse("cas=-1").cas().is_err());
    }

    #[test]
    fn a_switch_is_on_where_it_is_bare_or_true() {
        let params = Params::parse("passing&stale=false&pretty=1&tag=a%20b&tag=c&bad=maybe");
        assert_eq!(params.switch("passing"), Ok(true));
        assert_eq!(params.switch("stale"), Ok(false));
        assert_eq!(params.switch("pretty"), Ok(true));
        assert_eq!(params.switch("absent"), Ok(false));
        assert!(params.switch("bad").is_err());
        assert_eq!(params.all("tag").collect::<Vec<_>>(), ["a b", "c"]);
    }
}
