//! Who is trusted: intentions, certificates and the settings of the mesh.

use std::sync::Arc;

use tribune_derived::{Intentions, Mesh, Roots};
use tribune_types::ServiceName;
use tribune_types::config_entry::{Entry, Key};
use tribune_types::intention::{self, Intention};

use super::Computation;

impl Computation<'_> {
    /// The intentions about a destination, by precedence.
    pub(super) fn intentions(&mut self, destination: &ServiceName) -> Intentions {
        let stored = self.snapshot.intentions_for(destination, self.watch).value;
        let mut intentions: Vec<Intention> = Vec::new();
        for stored in &stored {
            if let Entry::ServiceIntentions(entry) = &*stored.entry {
                intentions.extend(intention::of_entry(entry));
            }
        }
        intentions.sort_by(Intention::order);
        Intentions {
            intentions: intentions.into_iter().map(Arc::new).collect(),
            default_allow: self.settings.default_allow,
        }
    }

    /// The certificates that the mesh trusts, in the order in which they are stored.
    pub(super) fn roots(&mut self) -> Option<Roots> {
        let roots = self.snapshot.ca_roots(self.watch).value;
        let configuration = self.snapshot.ca_configuration(self.watch).value?;
        let active = roots.iter().find(|root| root.active)?;
        let mut bundle = String::new();
        for root in roots.iter() {
            bundle.push_str(root.root_cert.trim_end());
            bundle.push('\n');
        }
        Some(Roots {
            trust_domain: configuration.trust_domain(),
            active_root_id: active.id.clone(),
            bundle: bundle.into(),
        })
    }

    /// The settings of the mesh.
    pub(super) fn mesh(&mut self) -> Mesh {
        let stored = self.snapshot.config_entry(&Key::mesh(), self.watch).value;
        Mesh {
            entry: stored.map(|stored| stored.entry),
        }
    }
}
