//! Compiled chains.

use std::sync::Arc;

use tribune_chain::{CompileRequest, compile};
use tribune_derived::{ChainKey, ChainResult};
use tribune_types::PeeredServiceName;

use super::Computation;
use crate::entries::StoredEntries;

impl Computation<'_> {
    /// What a service name resolves to.
    pub(super) fn chain(&mut self, key: &ChainKey) -> ChainResult {
        let configuration = self.snapshot.ca_configuration(self.watch).value;
        let trust_domain = configuration
            .map(|row| row.trust_domain())
            .unwrap_or_default();
        let peered = PeeredServiceName::from(key.service.clone());
        let virtual_ip = self.snapshot.virtual_ip(&peered, self.watch).value;
        let auto: Vec<_> = virtual_ip
            .iter()
            .map(|row| row.address.to_string())
            .collect();
        let manual: Option<Vec<_>> =
            virtual_ip.map(|row| row.manual.iter().map(ToString::to_string).collect());
        let request = CompileRequest {
            service: &key.service,
            datacenter: if key.datacenter.is_empty() {
                &self.settings.datacenter
            } else {
                &key.datacenter
            },
            trust_domain: &trust_domain,
            overrides: &key.overrides,
            auto_virtual_ips: &auto,
            manual_virtual_ips: manual.as_deref(),
        };
        let mut entries = StoredEntries::new(self.snapshot, self.watch);
        compile(&request, &mut entries)
            .map(Arc::new)
            .map_err(Arc::new)
    }
}
