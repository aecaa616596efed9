//! Transport sockets of the mesh: mutual TLS with certificates that are secrets by name.

use envoy_types::pb::envoy::config::core::v3::{TransportSocket, transport_socket};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3 as tls;
use envoy_types::pb::envoy::r#type::matcher::v3::{StringMatcher, string_matcher};
use prost::{Message, Name};
use tls::common_tls_context::{CombinedCertificateValidationContext, ValidationContextType};
use tls::tls_parameters::TlsProtocol;
use tribune_types::config_entry::DirectionalTls;

use crate::secrets;
use crate::wire::{ads, any, bool_value};

/// What a client uses towards the instances of a service: they must be who `spiffe_id` says.
pub(crate) fn upstream(
    sni: &str,
    spiffe_id: &str,
    parameters: Option<&DirectionalTls>,
) -> TransportSocket {
    let san = tls::SubjectAltNameMatcher {
        san_type: tls::subject_alt_name_matcher::SanType::Uri.into(),
        matcher: Some(StringMatcher {
            match_pattern: Some(string_matcher::MatchPattern::Exact(spiffe_id.to_owned())),
            ..Default::default()
        }),
        ..Default::default()
    };
    let validation = CombinedCertificateValidationContext {
        default_validation_context: Some(tls::CertificateValidationContext {
            match_typed_subject_alt_names: vec![san],
            ..Default::default()
        }),
        validation_context_sds_secret_config: Some(secret(secrets::ROOTS)),
        ..Default::default()
    };
    let validation = ValidationContextType::CombinedValidationContext(validation);
    socket(&tls::UpstreamTlsContext {
        common_tls_context: Some(common(parameters, Vec::new(), validation)),
        sni: sni.to_owned(),
        ..Default::default()
    })
}

/// What the public listener uses: whoever connects must have a certificate of the mesh.
pub(crate) fn downstream(protocol: &str, parameters: Option<&DirectionalTls>) -> TransportSocket {
    let alpn: &[&str] = match protocol {
        "http2" | "grpc" => &["h2", "http/1.1"],
        "http" => &["http/1.1"],
        _ => &[],
    };
    let alpn = alpn.iter().map(|&protocol| protocol.to_owned()).collect();
    let validation =
        ValidationContextType::ValidationContextSdsSecretConfig(secret(secrets::ROOTS));
    socket(&tls::DownstreamTlsContext {
        common_tls_context: Some(common(parameters, alpn, validation)),
        require_client_certificate: bool_value(true),
        ..Default::default()
    })
}

fn socket<M: Message + Name>(context: &M) -> TransportSocket {
    TransportSocket {
        name: "tls".to_owned(),
        config_type: Some(transport_socket::ConfigType::TypedConfig(any(context))),
    }
}

fn common(
    parameters: Option<&DirectionalTls>,
    alpn_protocols: Vec<String>,
    validation: ValidationContextType,
) -> tls::CommonTlsContext {
    tls::CommonTlsContext {
        tls_params: Some(parameters.map(tls_parameters).unwrap_or_default()),
        tls_certificate_sds_secret_configs: vec![secret(secrets::LEAF)],
        validation_context_type: Some(validation),
        alpn_protocols,
        ..Default::default()
    }
}

fn secret(name: &str) -> tls::SdsSecretConfig {
    tls::SdsSecretConfig {
        name: name.to_owned(),
        sds_config: Some(ads(None)),
    }
}

fn tls_parameters(parameters: &DirectionalTls) -> tls::TlsParameters {
    let version = |version: &str| match version {
        "TLSv1_0" => TlsProtocol::TlSv10,
        "TLSv1_1" => TlsProtocol::TlSv11,
        "TLSv1_2" => TlsProtocol::TlSv12,
        "TLSv1_3" => TlsProtocol::TlSv13,
        _ => TlsProtocol::TlsAuto,
    };
    tls::TlsParameters {
        tls_minimum_protocol_version: version(&parameters.tls_min_version).into(),
        tls_maximum_protocol_version: version(&parameters.tls_max_version).into(),
        cipher_suites: parameters
            .cipher_suites
            .iter()
            .filter_map(|suite| cipher_suite(suite))
            .map(str::to_owned)
            .collect(),
        ..Default::default()
    }
}

/// Envoy knows cipher suites by OpenSSL's names, config entries by IANA's.
fn cipher_suite(iana: &str) -> Option<&'static str> {
    Some(match iana {
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" => "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" => "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" => "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" => "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA" => "ECDHE-ECDSA-AES128-SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA" => "ECDHE-RSA-AES128-SHA",
        "TLS_RSA_WITH_AES_128_GCM_SHA256" => "AES128-GCM-SHA256",
        "TLS_RSA_WITH_AES_128_CBC_SHA" => "AES128-SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" => "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" => "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA" => "ECDHE-ECDSA-AES256-SHA",
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA" => "ECDHE-RSA-AES256-SHA",
        "TLS_RSA_WITH_AES_256_GCM_SHA384" => "AES256-GCM-SHA384",
        "TLS_RSA_WITH_AES_256_CBC_SHA" => "AES256-SHA",
        _ => return None,
    })
}
