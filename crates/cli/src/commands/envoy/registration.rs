//! The proxy's registration.

use clap::ArgMatches;
use tribune_client::rows::AgentService;
use tribune_client::{Client, Error, QueryOptions};
use tribune_types::ServiceKind;

use crate::Context;
use crate::context::Session;
use crate::failure::Failure;
use crate::flags;

/// A proxy as it is registered, with central configuration merged in.
pub(super) struct Registration {
    pub(super) service: AgentService,
    pub(super) datacenter: String,
}

// === impl Registration ===

impl Registration {
    /// Finds the proxy that the flags mean.
    pub(super) fn find(
        context: &Context<'_>,
        matches: &ArgMatches,
        session: &Session,
    ) -> Result<Self, Failure> {
        let setting =
            |flag, variable| flags::text_of(matches, flag).or_else(|| context.variable(variable));
        let node = flags::text_of(matches, "node-name");
        let given = setting("proxy-id", "CONNECT_PROXY_ID");
        if node.is_some() && given.is_none() {
            return Err(Failure::new("'-node-name' requires '-proxy-id'"));
        }
        let id = match (given, setting("sidecar-for", "CONNECT_SIDECAR_FOR")) {
            (Some(id), _) => id,
            (None, Some(service)) => sidecar_of(session, &service)?,
            (None, None) => {
                return Err(Failure::new(
                    "No proxy ID specified. One of -proxy-id or -sidecar-for is required",
                ));
            }
        };
        let registration = match node {
            None => session.wait(from_agent(&session.client, &id)),
            Some(node) => session.wait(from_catalog(&session.client, &node, &id)),
        };
        let registration = registration
            .map_err(|failure| {
                failure.while_doing(format!("failed to fetch proxy config for {id:?}"))
            })?
            .ok_or_else(|| Failure::new(format!("proxy {id:?} is not registered")))?;
        match registration.service.kind {
            ServiceKind::Typical | ServiceKind::Other(_) => Err(Failure::new(format!(
                "service {id:?} is not a Connect proxy or gateway"
            ))),
            _ => Ok(registration),
        }
    }
}

async fn from_agent(client: &Client, id: &str) -> Result<Option<Registration>, Error> {
    let answer = client.agent().service(id, &QueryOptions::default()).await?;
    Ok(answer.value.map(|service| Registration {
        datacenter: service.datacenter.clone(),
        service,
    }))
}

async fn from_catalog(
    client: &Client,
    node: &str,
    id: &str,
) -> Result<Option<Registration>, Error> {
    let options = QueryOptions {
        merge_central_config: true,
        ..QueryOptions::default()
    };
    let answer = client.catalog().node_services(node, &options).await?.value;
    let datacenter = answer.node.map(|node| node.datacenter).unwrap_or_default();
    let service = answer.services.into_iter().find(|service| service.id == id);
    Ok(service.map(|service| Registration {
        service,
        datacenter,
    }))
}

/// ID of the only sidecar of a service instance.
fn sidecar_of(session: &Session, service: &str) -> Result<String, Failure> {
    let services = session
        .wait(session.client.agent().services(&QueryOptions::default()))
        .map_err(|failure| failure.while_doing("failed looking up the sidecar's registration"))?;
    // IDs of sidecars without a destination ID stand for any instance, so they are nobody's in particular.
    let mut sidecars = services.into_values().filter(|other| {
        other.kind == ServiceKind::ConnectProxy
            && other
                .proxy
                .destination_service_id
                .as_str()
                .eq_ignore_ascii_case(service)
    });
    match (sidecars.next(), sidecars.next()) {
        (Some(only), None) => Ok(only.id),
        (None, _) => Err(Failure::new(format!(
            "No sidecar proxy registered for {service}"
        ))),
        (Some(_), Some(_)) => Err(Failure::new(format!(
            "More than one sidecar proxy registered for {service}.\n\
             Start proxy with -proxy-id with the ID of the proxy you want to run."
        ))),
    }
}
