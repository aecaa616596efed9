//! Members for tests.

use std::net::SocketAddr;

use tribune_membership::{Member, Status, Versions};

pub(super) fn id(number: u8) -> String {
    uuid::Uuid::from_bytes([number; 16]).to_string()
}

/// A client with that number.
pub(super) fn client(number: u8) -> Member {
    let tags = [("role", "node"), ("dc", "dc1"), ("build", "1.21.0")];
    Member {
        name: format!("node-{number}"),
        id: uuid::Uuid::from_bytes([number; 16]),
        address: SocketAddr::new([10, 0, 0, number].into(), 8301),
        tags: tags
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        status: Status::Alive,
        versions: Versions::default(),
    }
}

/// A server with that number.
pub(super) fn server(number: u8) -> Member {
    server_tagged(number, &[])
}

pub(super) fn server_tagged(number: u8, tags: &[(&str, &str)]) -> Member {
    let mut member = client(number);
    let own = [
        ("role", "consul"),
        ("port", "8300"),
        ("raft_vsn", "3"),
        ("grpc_tls_port", "8503"),
    ];
    for (name, value) in own.iter().chain(tags) {
        member.tags.insert((*name).to_owned(), (*value).to_owned());
    }
    member
}

pub(super) fn with(mut member: Member, status: Status) -> Member {
    member.status = status;
    member
}
