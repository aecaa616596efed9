//! `snapshot`.

mod inspect;
mod restore;
mod save;

use crate::tree::{Group, Node};

pub(super) const GROUP: Group = Group {
    name: "snapshot",
    about: "Saves, restores and inspects everything that the servers keep.",
    children: &[
        Node::Leaf(inspect::LEAF),
        Node::Leaf(restore::LEAF),
        Node::Leaf(save::LEAF),
    ],
};
