//! A leaf certificate with its key, and what may be wrong with getting one.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use tribune_ca::Certificate;

use crate::IssueError;

/// A certificate with its private key. Its `Debug` form leaves the key out.
pub struct Leaf {
    pub(crate) certificate: Certificate,
    pub(crate) key_pem: String,
    pub(crate) index: u64,
    pub(crate) renew_at: SystemTime,
}

/// Why there is no newer leaf yet.
#[derive(Debug)]
pub struct Problem {
    /// What the last attempt ended with.
    pub error: IssueError,
    /// How many attempts failed in a row.
    pub failures: u32,
    /// When the next attempt is due, unless a root becomes active before.
    pub retry_at: SystemTime,
    /// The root that was active at that time.
    pub(crate) active_key_id: Option<Arc<str>>,
}

impl Leaf {
    /// The certificate with its chain.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The private key, PEM. Only for whoever the certificate stands for.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// Grows with every leaf that this process gets: the index for blocking queries.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// When it is due for renewal.
    pub fn renew_at(&self) -> SystemTime {
        self.renew_at
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf")
            .field("id", &self.certificate.id)
            .field("serial_number", &self.certificate.serial_number)
            .field("not_after", &self.certificate.valid_before())
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
