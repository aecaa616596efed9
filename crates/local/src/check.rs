//! One registered check: what it says, and what a result makes of that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tribune_types::definition::CheckType;
use tribune_types::{GoDuration, HealthCheck, Status, Token};

use crate::error::RegisterError;
use crate::kind::{CheckKind, OUTPUT, output_limit};

/// Shortest time that a check may be critical before its service is removed.
const SHORTEST_REMOVAL: Duration = Duration::from_secs(60);

/// A registered check.
#[derive(Clone, Debug)]
pub struct CheckState {
    /// The row as the catalog gets it.
    pub check: Arc<HealthCheck>,
    /// Where its results come from.
    pub kind: CheckKind,
    /// The token that the catalog is told of it with.
    pub token: Token,
    /// How it was registered; `None` for one that takes something out of service.
    definition: Option<Arc<CheckType>>,
    pub(crate) expires: Option<Instant>,
    /// When the catalog is to be told of an output that came without a new status.
    pub(crate) deferred: Option<Instant>,
    /// The deadline under which it is in the agent's index of deadlines.
    pub(crate) indexed: Option<Instant>,
    critical_since: Option<Instant>,
    remove_after: Option<Duration>,
    thresholds: Thresholds,
    output_limit: usize,
}

/// How many results in a row it takes, and how many there were.
#[derive(Clone, Copy, Debug, Default)]
struct Thresholds {
    passing: u32,
    warning: u32,
    critical: u32,
    successes: u32,
    failures: u32,
}

/// What a result changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    Output,
    Status,
}

// === impl CheckState ===

impl CheckState {
    /// A check as it is defined, with its row given.
    pub(crate) fn new(
        definition: &CheckType,
        row: HealthCheck,
        token: Token,
        scripts: bool,
        now: Instant,
    ) -> Result<Self, RegisterError> {
        let kind = CheckKind::of(definition, scripts)?;
        let after = definition.deregister_critical_service_after;
        let count = |number: i32| u32::try_from(number).unwrap_or(0);
        let critical = count(definition.failures_before_critical);
        let warning = count(definition.failures_before_warning);
        let mut state = Self::maintenance(row, token, now);
        if let CheckKind::Ttl(ttl) = kind {
            state.expires = now.checked_add(ttl);
        }
        state.kind = kind;
        state.definition = Some(Arc::new(definition.clone()));
        state.remove_after =
            (after > GoDuration::ZERO).then(|| after.to_std().max(SHORTEST_REMOVAL));
        state.thresholds = Thresholds {
            passing: count(definition.success_before_passing),
            warning: if warning == 0 { critical } else { warning },
            critical,
            ..Thresholds::default()
        };
        state.output_limit = output_limit(definition);
        Ok(state)
    }

    /// A check that takes something out of service.
    pub(crate) fn maintenance(row: HealthCheck, token: Token, now: Instant) -> Self {
        Self {
            critical_since: (row.status == Status::Critical).then_some(now),
            check: Arc::new(row),
            kind: CheckKind::Maintenance,
            token,
            definition: None,
            expires: None,
            deferred: None,
            indexed: None,
            remove_after: None,
            thresholds: Thresholds::default(),
            output_limit: OUTPUT,
        }
    }

    /// Takes over what an earlier registration of the same check had found, so that registering again
    /// does not take an instance out of service. Whether the row is another one now.
    pub(crate) fn succeed(&mut self, earlier: &Self) -> bool {
        let mut row = HealthCheck::clone(&self.check);
        row.status = earlier.check.status.clone();
        row.output.clone_from(&earlier.check.output);
        if self.definition == earlier.definition {
            self.definition.clone_from(&earlier.definition);
        }
        self.critical_since = earlier.critical_since;
        self.deferred = earlier.deferred;
        if matches!(earlier.kind, CheckKind::Ttl(_)) && earlier.expires.is_none() {
            // It has expired: only a report changes that, and it need not expire again.
            self.expires = None;
        }
        let changed = row != *earlier.check;
        self.check = if changed {
            Arc::new(row)
        } else {
            Arc::clone(&earlier.check)
        };
        changed
    }

    /// How it was registered, by a pointer that stays the same until it is registered in another way. `None`
    /// for a check that takes something out of service.
    #[must_use]
    pub const fn definition(&self) -> Option<&Arc<CheckType>> {
        self.definition.as_ref()
    }

    /// How long what the application reported still holds, where it does.
    #[must_use]
    pub fn holds_for(&self, now: Instant) -> Option<Duration> {
        Some(self.expires?.saturating_duration_since(now))
    }

    /// Takes back what it said before the agent started, and for how long that still holds.
    pub(crate) fn restore(&mut self, status: Status, output: &str, left: Duration, now: Instant) {
        if let CheckKind::Ttl(ttl) = self.kind {
            self.expires = now.checked_add(left.min(ttl));
        }
        self.set(status, output, now);
    }

    /// Takes a result from the application.
    pub(crate) fn report(&mut self, status: Status, output: &str, now: Instant) -> Change {
        if let CheckKind::Ttl(ttl) = self.kind {
            self.expires = now.checked_add(ttl);
        }
        self.set(status, output, now)
    }

    /// The application did not report in time.
    pub(crate) fn expire(&mut self, now: Instant) -> Change {
        self.expires = None;
        let last = &self.check.output;
        let output = if last.is_empty() {
            "TTL expired".to_owned()
        } else {
            format!("TTL expired (last output before timeout follows): {last}")
        };
        self.set(Status::Critical, &output, now)
    }

    /// Takes a result of a probe: it takes as many in a row as the definition asks for.
    pub(crate) fn probed(&mut self, found: &Status, output: &str, now: Instant) -> Change {
        let thresholds = &mut self.thresholds;
        let status = if matches!(found, Status::Passing | Status::Warning) {
            thresholds.failures = 0;
            thresholds.successes = thresholds.successes.saturating_add(1);
            if thresholds.successes < thresholds.passing {
                return Change::Nothing;
            }
            found.clone()
        } else {
            thresholds.successes = 0;
            thresholds.failures = thresholds.failures.saturating_add(1);
            if thresholds.failures >= thresholds.critical {
                Status::Critical
            } else if thresholds.failures >= thresholds.warning {
                Status::Warning
            } else {
                return Change::Nothing;
            }
        };
        self.set(status, output, now)
    }

    /// Says something.
    pub(crate) fn set(&mut self, status: Status, output: &str, now: Instant) -> Change {
        let output = cut(output, self.output_limit);
        let change = if self.check.status != status {
            Change::Status
        } else if self.check.output != output {
            Change::Output
        } else {
            return Change::Nothing;
        };
        if status == Status::Critical {
            self.critical_since.get_or_insert(now);
        } else {
            self.critical_since = None;
        }
        let row = Arc::make_mut(&mut self.check);
        row.status = status;
        output.clone_into(&mut row.output);
        change
    }

    /// When it will have been critical for so long that its service is to be removed.
    pub(crate) fn removal(&self) -> Option<Instant> {
        if self.check.service_id.is_empty() {
            return None;
        }
        self.critical_since?.checked_add(self.remove_after?)
    }

    /// When time alone changes something next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.expires, self.deferred, self.removal()]
            .into_iter()
            .flatten()
            .min()
    }
}

/// The first `limit` bytes of a text, or a few less where that would cut a character.
fn cut(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
