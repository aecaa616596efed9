//! Virtual addresses: one for each service that the mesh can reach.

use std::net::Ipv4Addr;

use tribune_types::PeeredServiceName;

use super::Writer;
use crate::command::ApplyError;
use crate::tables::VirtualIp;
use crate::watch::Key;

/// The address before the first one that is given out.
const BASE: u32 = Ipv4Addr::new(240, 0, 0, 0).to_bits();

/// The last address that is given out.
const LAST: u32 = Ipv4Addr::new(255, 255, 255, 253).to_bits();

impl Writer<'_> {
    /// The address of a service: its own, else one that is free again, else a new one.
    pub(super) fn assign_virtual_ip(
        &mut self,
        service: &PeeredServiceName,
    ) -> Result<Ipv4Addr, ApplyError> {
        let table = &mut self.tables.virtual_ips;
        if let Some(row) = table.rows.get(service) {
            return Ok(row.address);
        }
        let freed = table.free.iter().next().map(|(address, ())| *address);
        let address = match freed {
            Some(address) => {
                table.free.remove(&address);
                address
            }
            None => {
                let next = table.last.map_or(BASE, Ipv4Addr::to_bits) + 1;
                if next > LAST {
                    return Err(ApplyError::VirtualIpsExhausted);
                }
                *table.last.insert(Ipv4Addr::from_bits(next))
            }
        };
        let row = VirtualIp {
            address,
            manual: Vec::new(),
            create_index: self.index,
            modify_index: self.index,
        };
        table.rows.insert(service.clone(), row);
        table.index = self.index;
        self.touch(Key::VirtualIps(service.clone()));
        Ok(address)
    }

    /// Frees the address of a service that has neither an instance nor a config entry left.
    pub(super) fn free_virtual_ip(&mut self, service: &PeeredServiceName) {
        let needed = self.tables.service_names.contains(service)
            || (service.peer.is_empty() && self.has_config_entry_with_address(&service.service));
        if needed {
            return;
        }
        let table = &mut self.tables.virtual_ips;
        if let Some(row) = table.rows.remove(service) {
            table.free.insert(row.address, ());
            table.index = self.index;
            self.touch(Key::VirtualIps(service.clone()));
        }
    }
}
