//! Every subcommand.

mod agent;
mod ca;
mod catalog;
mod config;
mod debug;
mod envoy;
mod info;
mod intention;
mod keys;
mod members;
mod membership;
mod monitor;
mod operator;
mod proxy;
mod services;
mod snapshot;
mod tls;
mod validate;
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
        Node::Leaf(debug::LEAF),
        Node::Leaf(membership::FORCE_LEAVE),
        Node::Leaf(info::LEAF),
        Node::Group(intention::GROUP),
        Node::Leaf(membership::JOIN),
        Node::Leaf(keys::KEYGEN),
        Node::Leaf(keys::KEYRING),
        Node::Leaf(membership::LEAVE),
        Node::Leaf(members::LEAF),
        Node::Leaf(monitor::LEAF),
        Node::Group(operator::GROUP),
        Node::Group(proxy::GROUP),
        Node::Leaf(membership::RELOAD),
        Node::Group(services::GROUP),
        Node::Group(snapshot::GROUP),
        Node::Group(tls::GROUP),
        Node::Leaf(validate::LEAF),
        Node::Leaf(version::LEAF),
    ],
};

const CONNECT: Group = Group {
    name: "connect",
    about: "Proxies and the certificate authority of the mesh.",
    children: &[Node::Group(ca::GROUP), Node::Leaf(envoy::LEAF)],
};
