//! The settings of autopilot.

use std::sync::Arc;

use tribune_types::Index;
use tribune_types::autopilot::Configuration;

use super::{Writer, cas_holds};
use crate::command::Outcome;
use crate::watch::Key;

impl Writer<'_> {
    pub(super) fn set_autopilot_configuration(
        &mut self,
        mut configuration: Configuration,
        cas: Option<Index>,
    ) -> Outcome {
        let stored = self.tables.autopilot.as_deref();
        if !cas_holds(cas, stored.map(|stored| stored.modify_index)) {
            return Outcome::Cas(false);
        }
        configuration.create_index = stored.map_or(self.index, |stored| stored.create_index);
        configuration.modify_index = self.index;
        self.tables.autopilot = Some(Arc::new(configuration));
        self.touch(Key::AutopilotConfiguration);
        cas.map_or(Outcome::Done, |_| Outcome::Cas(true))
    }
}
