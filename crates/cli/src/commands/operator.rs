//! `operator`.

mod autopilot;
mod raft;

use crate::tree::{Group, Node};

pub(super) const GROUP: Group = Group {
    name: "operator",
    about: "Looks at and changes how the servers work together.",
    children: &[Node::Group(autopilot::GROUP), Node::Group(raft::GROUP)],
};
