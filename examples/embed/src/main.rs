//! A control plane of one's own: a registry in memory, and the Envoys that are configured from it.
//!
//! A line of standard input, `api 10.0.0.7:21000`, registers an instance of `api` that takes mesh traffic. An
//! Envoy whose node ID is `web-proxy`, on the node `here`, is the sidecar of `web`: it serves the mesh on port
//! 20000 and reaches `api` through `127.0.0.1:9000`. The first argument says where Envoys connect.
#![expect(clippy::print_stdout, reason = "it says where it is reached")]

use std::{collections::HashMap, error::Error, io, net::SocketAddr, sync::Arc, time::SystemTime};

use tribune_ads::{Config, Service, Values, serve};
use tribune_ca::{Authority, Params, Signer, Ttls};
use tribune_derived::{Endpoint, Endpoints, Key, Proxy, Roots, Unset, Value};
use tribune_types::{InstanceName, ServiceKind, ServiceName};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let params = Params {
        cluster_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        datacenter: "dc1".to_owned(),
        ttls: Ttls::default(),
    };
    let random = ring::rand::SystemRandom::new();
    let authority = Authority::generate(&params, SystemTime::now(), &random)?;
    let roots = Roots {
        trust_domain: authority.trust_domain().to_string(),
        active_root_id: authority.root().id(),
        bundle: authority.root().pem().into(),
    };
    let values = Values::new(Unset {
        datacenter: params.datacenter.clone(),
        roots: Some(Arc::new(roots)),
        default_allow: true,
    });
    let config = r#"{"DestinationServiceName": "web", "LocalServicePort": 8080,
        "Upstreams": [{"DestinationName": "api", "LocalBindPort": 9000}]}"#;
    let sidecar = Proxy {
        instance: InstanceName::new("here", "web-proxy"),
        kind: ServiceKind::ConnectProxy,
        port: 20000,
        datacenter: params.datacenter,
        config: serde_json::from_str(config)?,
        ..Proxy::default()
    };
    let key = Key::Proxy(sidecar.instance.clone());
    values.set(key, Value::Proxy(Some(Arc::new(sidecar))));
    let leaves = tribune_leaf::Manager::local(Arc::new(authority), Arc::new(SystemTime::now));
    let resolver = Arc::new(tribune_acl::Authorizer::allow_all());
    let service = Service::new(Config::new(Arc::new(values.clone()), resolver, leaves));
    let socket = tokio::net::TcpListener::bind(std::env::args().nth(1).ok_or("say where")?).await?;
    println!("{}", socket.local_addr()?);
    let input = tokio::task::spawn_blocking(move || register(&values));
    serve(socket, service, async { drop(input.await) }).await;
    Ok(())
}

/// Registers what standard input says, until it ends.
fn register(values: &Values) {
    let mut registry = HashMap::<String, Endpoints>::new();
    for line in io::stdin().lines().map_while(Result::ok) {
        let words = line.split_once(' ');
        if let Some((service, Ok(address))) = words.map(|(a, b)| (a, b.parse::<SocketAddr>())) {
            let known = registry.entry(service.to_owned()).or_default();
            let instance = InstanceName::new("here", &*line);
            known.endpoints.push(Endpoint::new(instance, address));
            let key = Key::Endpoints(ServiceName::new(service).into());
            values.set(key, Value::Endpoints(Arc::new(known.clone())));
        }
    }
}
