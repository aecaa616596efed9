//! Every subcommand.

mod agent;
mod ca;
mod catalog;
mod config;
mod envoy;
mod intention;
mod members;
mod proxy;
mod services;
mod version;

use crate::tree::{Group, Node};

/// The subcommands, as `tribune` offers them.
pub(crate) static ROOT: Group = Group {
    name: "tribune",
    about: "A service mesh control plane that takes Consul's place.",
    children: &[
        Node::Program {
            name: "agent",
            about: "Runs an agent, which is a server too in -dev mode or with -server.",
            run: agent::run,
        },
        Node::Group(catalog::GROUP),
        Node::Group(config::GROUP),
        Node::Group(CONNECT),
        Node::Group(intention::GROUP),
        Node::Leaf(members::LEAF),
        Node::Group(proxy::GROUP),
        Node::Group(services::GROUP),
        Node::Leaf(version::LEAF),
    ],
};

const CONNECT: Group = Group {
    name: "connect",
    about: "Proxies and the certificate authority of the mesh.",
    children: &[Node::Group(ca::GROUP), Node::Leaf(envoy::LEAF)],
};
