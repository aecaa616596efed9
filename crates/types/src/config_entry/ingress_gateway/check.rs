//! The rules of an `ingress-gateway` entry.

use std::collections::BTreeSet;

use super::{GatewayTls, GatewayTlsSds, IngressGateway, IngressListener, IngressService};
use super::{HeaderModifiers, RawIngressGateway};
use crate::config_entry::checks;
use crate::config_entry::host;
use crate::config_entry::invalid::{Invalid, Problems, Reason};
use crate::config_entry::tls::Parameters;

const PROTOCOLS: &[&str] = &["tcp", "http", "http2", "grpc"];

impl TryFrom<RawIngressGateway> for IngressGateway {
    type Error = Invalid;

    fn try_from(mut raw: RawIngressGateway) -> Result<Self, Invalid> {
        for listener in raw.listeners.iter_mut().flatten() {
            listener.protocol.make_ascii_lowercase();
            if listener.protocol.is_empty() {
                "tcp".clone_into(&mut listener.protocol);
            }
        }
        let mut problems = Problems::default();
        checks::name(&mut problems, "Name", &raw.name);
        checks::meta(&mut problems, "Meta", &raw.meta);
        raw.tls.check(&mut problems, "TLS");
        let sds = raw.tls.sds.as_ref();
        let no_cluster = sds.is_some_and(|sds| sds.cluster_name.is_empty());
        problems.add_if(
            no_cluster && sds.is_some_and(|sds| !sds.cert_resource.is_empty()),
            "TLS.SDS.ClusterName",
            Reason::RequiredBy("CertResource"),
        );
        let mut ports = BTreeSet::new();
        for (i, listener) in raw.listeners.iter().flatten().enumerate() {
            let at = format!("Listeners[{i}]");
            if !ports.insert(listener.port) {
                let twice = Reason::Duplicate(listener.port.to_string());
                problems.add(format!("{at}.Port"), twice);
            }
            listener.check(&mut problems, &at, &raw.tls);
        }
        problems.finish()?;
        Ok(Self(raw))
    }
}

impl GatewayTls {
    fn check(&self, problems: &mut Problems, at: &str) {
        let parameters = Parameters {
            at,
            least: ("TLSMinVersion", &self.tls_min_version),
            most: ("TLSMaxVersion", &self.tls_max_version),
            suites: &self.cipher_suites,
        };
        parameters.check(problems);
    }

    fn cluster(&self) -> &str {
        self.sds.as_ref().map_or("", |sds| &sds.cluster_name)
    }

    fn certificate(&self) -> &str {
        self.sds.as_ref().map_or("", |sds| &sds.cert_resource)
    }
}

impl IngressListener {
    fn check(&self, problems: &mut Problems, at: &str, gateway: &GatewayTls) {
        problems.one_of(&format!("{at}.Protocol"), &self.protocol, PROTOCOLS);
        if let Some(tls) = &self.tls {
            tls.check(problems, &format!("{at}.TLS"));
        }
        self.check_sds(problems, at, gateway);
        let count = self.services().count();
        problems.add_if(count == 0, &format!("{at}.Services"), Reason::Required);
        let single = Reason::Forbidden(
            "beyond the first service: only listeners of http, http2 and grpc have several",
        );
        problems.add_if(
            count > 1 && !self.is_http_like(),
            &format!("{at}.Services[1]"),
            single,
        );
        let tls_enabled = gateway.enabled || self.tls.as_ref().is_some_and(|tls| tls.enabled);
        let cluster = self.tls.as_ref().map_or("", GatewayTls::cluster);
        let has_cluster = !cluster.is_empty() || !gateway.cluster().is_empty();
        let (mut names, mut hosts) = (BTreeSet::new(), BTreeSet::new());
        for (j, service) in self.services().enumerate() {
            let at = format!("{at}.Services[{j}]");
            if !names.insert(service.name.as_str()) {
                let twice = Reason::Duplicate(service.name.clone());
                problems.add(format!("{at}.Name"), twice);
            }
            service.check(problems, &at, self.is_http_like());
            service.check_sds(problems, &at, has_cluster);
            for (k, host) in service.hosts().enumerate() {
                let at = format!("{at}.Hosts[{k}]");
                if !hosts.insert(host.as_str()) {
                    problems.add(&at, Reason::Duplicate(host.clone()));
                }
                host::check(problems, &at, host, tls_enabled);
            }
        }
    }

    /// A certificate needs a discovery service, of the listener's or of the gateway's; and the other way round.
    fn check_sds(&self, problems: &mut Problems, at: &str, gateway: &GatewayTls) {
        let (cluster, certificate) = self
            .tls
            .as_ref()
            .map_or(("", ""), |tls| (tls.cluster(), tls.certificate()));
        let sds = |field: &str| format!("{at}.TLS.SDS.{field}");
        if certificate.is_empty() {
            let named = !cluster.is_empty();
            let inherited = !gateway.cluster().is_empty() && gateway.certificate().is_empty();
            problems.add_if(
                named || inherited,
                &sds("CertResource"),
                Reason::RequiredBy("a ClusterName of the listener or of the gateway"),
            );
        } else {
            problems.add_if(
                cluster.is_empty() && gateway.cluster().is_empty(),
                &sds("ClusterName"),
                Reason::RequiredBy("CertResource"),
            );
        }
    }
}

impl IngressService {
    fn check(&self, problems: &mut Problems, at: &str, http: bool) {
        checks::name(problems, &format!("{at}.Name"), &self.name);
        let requests = Reason::Forbidden("unless the listener's protocol is http, http2 or grpc");
        let wildcard = self.name == crate::names::WILDCARD;
        problems.add_if(wildcard && !http, &format!("{at}.Name"), requests.clone());
        let hosts = self.hosts().next().is_some();
        problems.add_if(hosts && !http, &format!("{at}.Hosts"), requests.clone());
        let any = Reason::Forbidden("where the service is the wildcard \"*\"");
        problems.add_if(hosts && wildcard, &format!("{at}.Hosts"), any);
        let modified = |headers: &Option<HeaderModifiers>| {
            headers.as_ref().is_some_and(|headers| !headers.is_empty())
        };
        problems.add_if(
            modified(&self.request_headers) && !http,
            &format!("{at}.RequestHeaders"),
            requests.clone(),
        );
        problems.add_if(
            modified(&self.response_headers) && !http,
            &format!("{at}.ResponseHeaders"),
            requests,
        );
    }

    fn check_sds(&self, problems: &mut Problems, at: &str, has_cluster: bool) {
        let sds = self.tls.as_ref().and_then(|tls| tls.sds.as_ref());
        let Some(GatewayTlsSds {
            cluster_name,
            cert_resource,
        }) = sds
        else {
            return;
        };
        if cert_resource.is_empty() {
            problems.add_if(
                !cluster_name.is_empty(),
                &format!("{at}.TLS.SDS.CertResource"),
                Reason::RequiredBy("ClusterName"),
            );
            return;
        }
        problems.add_if(
            self.hosts().next().is_none(),
            &format!("{at}.Hosts"),
            Reason::RequiredBy("TLS.SDS.CertResource"),
        );
        problems.add_if(
            cluster_name.is_empty() && !has_cluster,
            &format!("{at}.TLS.SDS.ClusterName"),
            Reason::RequiredBy("CertResource"),
        );
    }
}
