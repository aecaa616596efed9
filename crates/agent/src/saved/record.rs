//! What a file says, in the reference's layout.

use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tribune_local::CheckState;
use tribune_types::definition::CheckType;
use tribune_types::request::{CatalogCheck, CatalogService};
use tribune_types::{HealthCheck, Name, NodeService, Token};

use crate::servers;

/// Where a registration came from, as the reference calls the API.
const SOURCE: &str = "remote";

/// The content of one file.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// The ID that it is about.
    fn id(&self) -> &Name;

    /// As text.
    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record's keys are strings")
    }
}

/// A service. It has its token, which `Debug` would print.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ServiceRecord {
    #[serde(default)]
    token: String,
    service: CatalogService,
    #[serde(default)]
    source: String,
    #[serde(default)]
    locally_registered_as_sidecar: bool,
}

/// A check.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CheckRecord {
    check: CatalogCheck,
    /// How it was registered; none for what takes something out of service.
    chk_type: Option<CheckType>,
    #[serde(default)]
    token: String,
    #[serde(default)]
    source: String,
}

/// What a check said.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResultRecord {
    #[serde(rename = "CheckID")]
    pub(super) check_id: Name,
    pub(super) output: String,
    pub(super) status: String,
    /// Until when it holds, in seconds since 1970; 0 where it holds until the next one.
    expires: u64,
}

// === impl ServiceRecord ===

impl ServiceRecord {
    pub(super) fn new(row: &NodeService, token: &Token, managed: bool) -> Self {
        Self {
            token: token.secret().to_owned(),
            service: servers::service_request(row),
            source: SOURCE.to_owned(),
            locally_registered_as_sidecar: managed,
        }
    }

    pub(super) fn into_parts(self) -> (NodeService, Token, bool) {
        let token = Token::from(self.token.as_str());
        let row = servers::service_row(self.service);
        (row, token, self.locally_registered_as_sidecar)
    }
}

impl Record for ServiceRecord {
    fn id(&self) -> &Name {
        &self.service.id
    }
}

// === impl CheckRecord ===

impl CheckRecord {
    pub(super) fn new(state: &CheckState) -> Self {
        Self {
            check: servers::check_request(&state.check),
            chk_type: state
                .definition()
                .map(|definition| CheckType::clone(definition)),
            token: state.token.secret().to_owned(),
            source: SOURCE.to_owned(),
        }
    }

    pub(super) fn into_parts(self) -> (HealthCheck, Option<CheckType>, Token) {
        let token = Token::from(self.token.as_str());
        (servers::check_row(self.check), self.chk_type, token)
    }
}

impl Record for CheckRecord {
    fn id(&self) -> &Name {
        &self.check.check_id
    }
}

// === impl ResultRecord ===

impl ResultRecord {
    pub(super) fn new(check: &HealthCheck, left: Option<Duration>, time: SystemTime) -> Self {
        let expires = left.and_then(|left| time.checked_add(left));
        let since = expires.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        Self {
            check_id: check.check_id.clone(),
            output: check.output.clone(),
            status: check.status.as_str().to_owned(),
            expires: since.map_or(0, |since| since.as_secs()),
        }
    }

    /// How long it still holds.
    pub(super) fn left(&self, time: SystemTime) -> Duration {
        let expires = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.expires));
        let left = expires.and_then(|expires| expires.duration_since(time).ok());
        left.unwrap_or_default()
    }
}

impl Record for ResultRecord {
    fn id(&self) -> &Name {
        &self.check_id
    }
}
