//! Rows of the certificate authority.

use std::sync::Arc;

use tribune_types::Index;
use tribune_types::connect::{CaConfiguration, CaRoot};

use super::{Writer, cas_holds};
use crate::command::{ApplyError, Outcome};
use crate::watch::Key;

impl Writer<'_> {
    pub(super) fn set_ca_configuration(
        &mut self,
        mut configuration: CaConfiguration,
        cas: Option<Index>,
    ) -> Outcome {
        let stored = self.tables.ca.configuration.as_deref();
        if !cas_holds(cas, stored.map(|stored| stored.modify_index)) {
            return Outcome::Cas(false);
        }
        configuration.create_index = stored.map_or(self.index, |stored| stored.create_index);
        configuration.modify_index = self.index;
        if let Some(stored) = stored.filter(|stored| !stored.cluster_id.is_empty()) {
            configuration.cluster_id.clone_from(&stored.cluster_id);
        }
        self.tables.ca.configuration = Some(Arc::new(configuration));
        self.touch(Key::CaConfiguration);
        cas.map_or(Outcome::Done, |_| Outcome::Cas(true))
    }

    pub(super) fn set_ca_roots(
        &mut self,
        mut roots: Vec<CaRoot>,
        configuration: Option<Box<CaConfiguration>>,
        cas: Option<Index>,
    ) -> Result<Outcome, ApplyError> {
        if roots.iter().any(|root| root.id.is_empty()) {
            return Err(ApplyError::RootWithoutId);
        }
        let active = roots.iter().filter(|root| root.active).count();
        if active != 1 {
            return Err(ApplyError::ActiveRoots { active });
        }
        if cas.is_some_and(|cas| cas != self.tables.ca.roots_index) {
            return Ok(Outcome::Cas(false));
        }
        for root in &mut roots {
            let stored = self
                .tables
                .ca
                .roots
                .iter()
                .find(|stored| stored.id == root.id);
            root.create_index = stored.map_or(self.index, |stored| stored.create_index);
            root.modify_index = self.index;
        }
        self.tables.ca.roots = roots.into_iter().map(Arc::new).collect();
        self.tables.ca.roots_index = self.index;
        self.touch(Key::CaRoots);
        let Some(configuration) = configuration else {
            return Ok(cas.map_or(Outcome::Done, |_| Outcome::Cas(true)));
        };
        let configuration_cas = cas.map(|_| configuration.modify_index);
        Ok(self.set_ca_configuration(*configuration, configuration_cas))
    }
}
