//! Versions of what is said between agents and servers.

use std::fmt;
use std::str::FromStr;

use http::HeaderMap;

/// Where every request says its version.
pub(crate) const HEADER: &str = "tribune-rpc-version";

/// What this version of the program speaks.
pub(crate) const OURS: Version = Version { major: 1, minor: 0 };

/// A version: another minor one is understood, a newer major one is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    major: u32,
    minor: u32,
}

/// Why a request's version is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Skew {
    /// It says none.
    #[error("the request names no version in {HEADER}; this server speaks {OURS}")]
    Missing,
    /// It is of a version that came later.
    #[error(
        "the caller speaks version {theirs} and this server {OURS}: upgrade servers before agents"
    )]
    Newer {
        /// The caller's.
        theirs: Version,
    },
}

// === impl Version ===

impl Version {
    /// Refuses requests of a version that came later.
    pub(crate) fn check(self, headers: &HeaderMap) -> Result<(), Skew> {
        let text = headers.get(HEADER).and_then(|value| value.to_str().ok());
        let theirs: Self = text
            .and_then(|text| text.parse().ok())
            .ok_or(Skew::Missing)?;
        if theirs.major > self.major {
            return Err(Skew::Newer { theirs });
        }
        Ok(())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.split_once('.').ok_or(())?;
        Ok(Self {
            major: major.parse().map_err(|_| ())?,
            minor: minor.parse().map_err(|_| ())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: Option<&str>) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        if let Some(text) = text {
            headers.insert(HEADER, text.parse().unwrap());
        }
        OURS.check(&headers).map_err(|skew| skew.to_string())
    }

    #[test]
    fn newer_minor_versions_are_understood_and_newer_major_ones_refused() {
        assert_eq!(check(Some("1.0")), Ok(()));
        assert_eq!(check(Some("1.7")), Ok(()));
        assert_eq!(check(Some("0.9")), Ok(()));
        let refused = check(Some("2.3")).unwrap_err();
        assert!(
            refused.contains("2.3") && refused.contains("1.0"),
            "{refused}"
        );
    }

    #[test]
    fn a_request_says_its_version() {
        for text in [None, Some(""), Some("1"), Some("one.two"), Some("-1.0")] {
            assert!(check(text).unwrap_err().contains("names no version"));
        }
    }
}
