//! An authority, and certificates of everybody.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use tribune_rpc::tls::{Pem, Role, Settings, Tls};

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

pub(crate) struct Held {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub(crate) fn certify(&self, dns: &[&str], uri: Option<&str>) -> Held {
        let names: Vec<String> = dns.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if let Some(uri) = uri {
            let name = SanType::URI(uri.try_into().unwrap());
            params.subject_alt_names.push(name);
        }
        let key = KeyPair::generate().unwrap();
        Held {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    pub(crate) fn server(&self) -> Held {
        self.certify(&["server.dc1.consul", "localhost"], None)
    }

    pub(crate) fn agent(&self) -> Held {
        self.certify(&["client.dc1.consul"], None)
    }

    /// What a process sets that trusts this authority.
    pub(crate) fn settings(&self, role: Role, held: Option<&Held>) -> Settings {
        Settings {
            role,
            datacenter: "dc1".into(),
            domain: "consul.".into(),
            ca: Some(Pem::Text(self.pem.clone())),
            certificate: held.map(|held| Pem::Text(held.certificate.clone())),
            key: held.map(|held| Pem::Text(held.key.clone())),
            verify_incoming: role == Role::Server,
            verify_outgoing: true,
            verify_server_hostname: true,
            ..Settings::default()
        }
    }

    pub(crate) fn tls(&self, role: Role, held: Option<&Held>) -> Tls {
        Tls::new(self.settings(role, held)).unwrap()
    }

    pub(crate) fn server_tls(&self) -> Tls {
        self.tls(Role::Server, Some(&self.server()))
    }
}
