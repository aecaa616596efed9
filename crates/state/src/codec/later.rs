//! Rows whose indexes are of another log.

use std::sync::Arc;

use tribune_types::Index;

use super::frames::Header;
use super::restore::Lines;

impl Header {
    /// Makes all indexes above this one this one.
    pub(super) fn no_later_than(&mut self, index: Index) {
        let Self {
            index: own,
            config_index,
            ca_roots_index,
            virtual_ips_index,
            last_virtual_ip: _,
        } = self;
        clamp(
            index,
            [own, config_index, ca_roots_index, virtual_ips_index],
        );
    }
}

impl Lines {
    /// Makes all indexes above this one this one.
    pub(super) fn no_later_than(&mut self, at: Index) {
        for line in &mut self.nodes {
            let node = Arc::make_mut(&mut line.node);
            clamp(
                at,
                [
                    &mut line.index,
                    &mut node.create_index,
                    &mut node.modify_index,
                ],
            );
        }
        for line in &mut self.services {
            let service = Arc::make_mut(&mut line.service);
            clamp(at, [&mut service.create_index, &mut service.modify_index]);
        }
        for line in &mut self.checks {
            let check = Arc::make_mut(&mut line.check);
            clamp(at, [&mut check.create_index, &mut check.modify_index]);
        }
        for line in &mut self.roots {
            let root = Arc::make_mut(&mut line.root);
            clamp(at, [&mut root.create_index, &mut root.modify_index]);
        }
        for line in &mut self.configuration {
            let row = Arc::make_mut(&mut line.configuration);
            clamp(at, [&mut row.create_index, &mut row.modify_index]);
        }
        for line in &mut self.autopilot {
            let row = Arc::make_mut(&mut line.configuration);
            clamp(at, [&mut row.create_index, &mut row.modify_index]);
        }
        for line in &mut self.entries {
            clamp(at, [&mut line.create_index, &mut line.modify_index]);
        }
        for line in &mut self.virtual_ips {
            clamp(at, [&mut line.create_index, &mut line.modify_index]);
        }
        for line in &mut self.peers {
            clamp(
                at,
                [
                    &mut line.nodes,
                    &mut line.services,
                    &mut line.checks,
                    &mut line.service_extinction,
                    &mut line.node_extinction,
                ],
            );
        }
        let names = self.service_names.iter_mut().map(|line| &mut line.index);
        let connect = self.connect.iter_mut().map(|line| &mut line.index);
        let kinds = self.kinds.iter_mut().map(|line| &mut line.index);
        let of_kinds = self.kind_indexes.iter_mut().map(|line| &mut line.index);
        clamp(at, names.chain(connect).chain(kinds).chain(of_kinds));
    }
}

fn clamp<'a>(at: Index, indexes: impl IntoIterator<Item = &'a mut Index>) {
    for index in indexes {
        *index = (*index).min(at);
    }
}
