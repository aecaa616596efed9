//! What of a caller's overrides took effect, and the hash that tells such chains apart.
//!
//! The hash is part of cluster names on the wire, so it must be Consul's to the bit: a structural hash of
//! the record `{OverrideMeshGateway {Mode}, OverrideProtocol, OverrideConnectTimeout}`, in which overrides
//! without effect are zero. Each field's hash is that of the hashes of its name and of its value; a record's
//! is the exclusive or of those and of its type's name. Everything is hashed with FNV-1 of 64 bits, numbers
//! as little-endian bytes.

use crate::Overrides;

/// The overrides that took effect: a copy of the caller's with the others left out.
#[derive(Debug, Default)]
pub(crate) struct Customization(pub(crate) Overrides);

impl Customization {
    /// The first eight hexadecimal digits of the hash; empty where nothing took effect.
    pub(crate) fn hash(&self) -> String {
        if self.0 == Overrides::default() {
            return String::new();
        }
        let mesh_gateway = record(
            "MeshGatewayConfig",
            [("Mode", fnv1(self.0.mesh_gateway.mode.as_bytes()))],
        );
        let hash = record(
            "",
            [
                ("OverrideMeshGateway", mesh_gateway),
                ("OverrideProtocol", fnv1(self.0.protocol.as_bytes())),
                (
                    "OverrideConnectTimeout",
                    fnv1(&self.0.connect_timeout.as_nanos().to_le_bytes()),
                ),
            ],
        );
        // leading zeros are not printed, so the digits are those of the number and not of its upper half
        let mut digits = format!("{hash:x}");
        digits.truncate(8);
        digits
    }
}

fn record<const N: usize>(type_name: &str, fields: [(&str, u64); N]) -> u64 {
    fields
        .into_iter()
        .fold(fnv1(type_name.as_bytes()), |hash, (name, value)| {
            let pair = [fnv1(name.as_bytes()).to_le_bytes(), value.to_le_bytes()];
            hash ^ fnv1(pair.as_flattened())
        })
}

fn fnv1(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(*byte);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
