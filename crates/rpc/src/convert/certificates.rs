//! Certificates, and what asks for them.

use tribune_proto::rpc::v1 as proto;
use tribune_types::Token;

use super::names::{service, service_message};
use super::{Malformed, present};
use crate::{AgentIdentity, AutoEncryptRequest, Certificate, SignRequest};

pub(crate) fn sign_message(request: &SignRequest) -> proto::SignRequest {
    let SignRequest {
        service,
        token,
        csr,
    } = request;
    proto::SignRequest {
        service: Some(service_message(service)),
        token: token.secret().to_owned(),
        csr: csr.clone(),
    }
}

pub(crate) fn sign(message: proto::SignRequest) -> Result<SignRequest, Malformed> {
    Ok(SignRequest {
        service: service("sign.service", message.service)?,
        token: Token::from(message.token.as_str()),
        csr: message.csr,
    })
}

pub(crate) fn certificate_message(certificate: Certificate) -> proto::Certificate {
    let Certificate {
        chain_pem,
        serial_number,
        uri,
        not_before,
        not_after,
        signing_key_id,
    } = certificate;
    proto::Certificate {
        chain_pem,
        serial_number,
        uri,
        not_before,
        not_after,
        signing_key_id,
    }
}

pub(crate) fn certificate(message: proto::Certificate) -> Certificate {
    Certificate {
        chain_pem: message.chain_pem,
        serial_number: message.serial_number,
        uri: message.uri,
        not_before: message.not_before,
        not_after: message.not_after,
        signing_key_id: message.signing_key_id,
    }
}

pub(crate) fn auto_encrypt_message(request: &AutoEncryptRequest) -> proto::AutoEncryptRequest {
    let AutoEncryptRequest {
        datacenter,
        node,
        token,
        csr,
    } = request;
    proto::AutoEncryptRequest {
        datacenter: datacenter.clone(),
        node: node.clone(),
        token: token.secret().to_owned(),
        csr: csr.clone(),
    }
}

pub(crate) fn auto_encrypt(message: proto::AutoEncryptRequest) -> AutoEncryptRequest {
    AutoEncryptRequest {
        datacenter: message.datacenter,
        node: message.node,
        token: Token::from(message.token.as_str()),
        csr: message.csr,
    }
}

pub(crate) fn identity_message(identity: AgentIdentity) -> proto::AgentIdentity {
    let AgentIdentity {
        certificate,
        connect_roots,
        server_roots,
        verify_server_hostname,
    } = identity;
    proto::AgentIdentity {
        certificate: Some(certificate_message(certificate)),
        connect_roots,
        server_roots,
        verify_server_hostname,
    }
}

pub(crate) fn identity(message: proto::AgentIdentity) -> Result<AgentIdentity, Malformed> {
    Ok(AgentIdentity {
        certificate: certificate(present("identity.certificate", message.certificate)?),
        connect_roots: message.connect_roots,
        server_roots: message.server_roots,
        verify_server_hostname: message.verify_server_hostname,
    })
}
