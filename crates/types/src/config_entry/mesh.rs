//! `mesh`: settings of the whole mesh.

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, Problems};
use super::tls::Parameters;
use super::{Ignored, checks};
use crate::{Meta, is_default};

const ESCAPED_SLASHES: &[&str] = &[
    "",
    "IMPLEMENTATION_SPECIFIC_DEFAULT",
    "KEEP_UNCHANGED",
    "REJECT_REQUEST",
    "UNESCAPE_AND_REDIRECT",
    "UNESCAPE_AND_FORWARD",
];

const UNDERSCORES: &[&str] = &["", "ALLOW", "REJECT_REQUEST", "DROP_HEADER"];

/// A `mesh` entry as a client wrote it. It has no name: there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RawMesh {
    /// Ignored: the kind is known before the fields are read.
    #[serde(skip_serializing)]
    pub kind: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub create_index: Ignored,
    /// Ignored: writes assign it.
    #[serde(skip_serializing)]
    pub modify_index: Ignored,
    /// Ignored: computed from the rest.
    #[serde(skip_serializing)]
    pub hash: Ignored,
    /// Settings of the transparent mode.
    pub transparent_proxy: MeshTransparentProxy,
    /// Whether other entries may newly allow plain text beside mutual TLS.
    #[serde(
        rename = "AllowEnablingPermissiveMutualTLS",
        skip_serializing_if = "is_default"
    )]
    pub allow_enabling_permissive_mutual_tls: bool,
    /// Whether Envoy checks that routed clusters exist.
    #[serde(skip_serializing_if = "is_default")]
    pub validate_clusters: bool,
    /// TLS parameters.
    #[serde(rename = "TLS", skip_serializing_if = "Option::is_none")]
    pub tls: Option<MeshTls>,
    /// HTTP settings.
    #[serde(rename = "HTTP", skip_serializing_if = "Option::is_none")]
    pub http: Option<MeshHttp>,
    /// How peers are reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peering: Option<MeshPeering>,
    /// Free-form pairs.
    #[serde(skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// Settings of the transparent mode for the whole mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct MeshTransparentProxy {
    /// Whether traffic to what is not in the mesh is blocked.
    pub mesh_destinations_only: bool,
}

/// TLS parameters by direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct MeshTls {
    /// Towards services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incoming: Option<DirectionalTls>,
    /// From services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outgoing: Option<DirectionalTls>,
}

/// TLS parameters of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DirectionalTls {
    /// `""`, `TLS_AUTO`, or `TLSv1_0` to `TLSv1_3`.
    #[serde(rename = "TLSMinVersion", skip_serializing_if = "String::is_empty")]
    pub tls_min_version: String,
    /// `""`, `TLS_AUTO`, or `TLSv1_0` to `TLSv1_3`.
    #[serde(rename = "TLSMaxVersion", skip_serializing_if = "String::is_empty")]
    pub tls_max_version: String,
    /// Cipher suites up to TLS 1.2, by their IANA names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<String>,
}

/// HTTP settings of the whole mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct MeshHttp {
    /// Whether `x-forwarded-client-cert` from outside is dropped.
    pub sanitize_x_forwarded_client_cert: bool,
    /// Towards services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incoming: Option<DirectionalHttp>,
}

/// HTTP settings of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DirectionalHttp {
    /// How requests are normalised before intentions are matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_normalization: Option<RequestNormalization>,
}

/// How requests are normalised before intentions are matched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RequestNormalization {
    /// Whether paths are left as they are.
    pub insecure_disable_path_normalization: bool,
    /// Whether adjacent slashes are merged.
    pub merge_slashes: bool,
    /// What happens to paths with escaped slashes.
    pub path_with_escaped_slashes_action: String,
    /// What happens to headers with underscores in their names.
    pub headers_with_underscores_action: String,
}

/// How peers are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct MeshPeering {
    /// Whether the control plane's own traffic goes through mesh gateways.
    pub peer_through_mesh_gateways: bool,
}

/// A checked `mesh` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mesh(RawMesh);

impl Mesh {
    /// Its fields.
    #[must_use]
    pub const fn raw(&self) -> &RawMesh {
        &self.0
    }
}

impl TryFrom<RawMesh> for Mesh {
    type Error = Invalid;

    fn try_from(raw: RawMesh) -> Result<Self, Invalid> {
        let mut problems = Problems::default();
        checks::meta(&mut problems, "Meta", &raw.meta);
        if let Some(tls) = &raw.tls {
            for (at, direction) in [
                ("TLS.Incoming", &tls.incoming),
                ("TLS.Outgoing", &tls.outgoing),
            ] {
                if let Some(direction) = direction {
                    direction.check(&mut problems, at);
                }
            }
        }
        let incoming = raw.http.as_ref().and_then(|http| http.incoming.as_ref());
        if let Some(normalization) =
            incoming.and_then(|incoming| incoming.request_normalization.as_ref())
        {
            let at = |field: &str| format!("HTTP.Incoming.RequestNormalization.{field}");
            let slashes = &normalization.path_with_escaped_slashes_action;
            problems.one_of(
                &at("PathWithEscapedSlashesAction"),
                slashes,
                ESCAPED_SLASHES,
            );
            let underscores = &normalization.headers_with_underscores_action;
            problems.one_of(
                &at("HeadersWithUnderscoresAction"),
                underscores,
                UNDERSCORES,
            );
        }
        problems.finish()?;
        Ok(Self(raw))
    }
}

impl DirectionalTls {
    fn check(&self, problems: &mut Problems, at: &str) {
        let parameters = Parameters {
            at,
            least: ("TLSMinVersion", &self.tls_min_version),
            most: ("TLSMaxVersion", &self.tls_max_version),
            suites: &self.cipher_suites,
        };
        parameters.check(problems);
    }
}
