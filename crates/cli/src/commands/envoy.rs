//! `connect envoy`: makes a proxy's bootstrap, then prints it or becomes that Envoy.

mod address;
mod launch;
mod registration;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};
use tribune_bootstrap::{
    AgentAddress, Bind, Parameters, Prometheus, PrometheusTls, TrustedCa, render,
};
use tribune_client::Config;
use tribune_types::{Opaque, ServiceKind};

use crate::Context;
use crate::failure::Failure;
use crate::tree::Leaf;
use crate::{flags, print};

use address::Agent;
use registration::Registration;

pub(super) const LEAF: Leaf = Leaf {
    name: "envoy",
    about: "Starts Envoy as the proxy of a service, or prints the configuration that it would start with.\n\n\
            Unless the arguments for Envoy say otherwise, connections that were opened under an older configuration of a \
            listener are drained as soon as it changes (--drain-time-s 15 --drain-strategy immediate), so that a denied \
            connection does not live on: HTTP ends with the answer under way, all else after 15 seconds.",
    arguments: "[-- ENVOY-ARGUMENTS]",
    example: "connect envoy -sidecar-for web -- --log-level debug --drain-time-s 1 --drain-strategy immediate",
    flags: declare,
    run,
};

fn declare(command: Command) -> Command {
    let command = command.args([
        flags::text("proxy-id", "ID", "ID of the proxy's service instance on the local agent [CONNECT_PROXY_ID]"),
        flags::text("sidecar-for", "ID", "ID of the service instance whose only sidecar is meant [CONNECT_SIDECAR_FOR]"),
        flags::text("node-name", "NODE", "Node whose registration in the catalog is used, not the local agent's; needs -proxy-id"),
        flags::switch("bootstrap", "Whether the configuration is printed and Envoy not started"),
        flags::text("envoy-binary", "FILE", "The Envoy to start; the one in PATH if left out"),
        flags::switch("no-central-config", "Whether the settings in the proxy's registration are left aside"),
        flags::text("admin-bind", "HOST:PORT", "Where Envoy's administration interface listens; localhost:19000 if left out"),
        flags::text("admin-access-log-path", "FILE", "Access log of the administration interface; /dev/null if left out"),
        flags::text("grpc-addr", "ADDRESS", "Where the agent serves xDS: host:port, http://…, https://… or unix:///path [CONSUL_GRPC_ADDR]"),
        flags::text("grpc-ca-file", "FILE", "File with the CA certificates that the agent's xDS is verified with [CONSUL_GRPC_CACERT]"),
        flags::text("grpc-ca-path", "FOLDER", "Folder of such files [CONSUL_GRPC_CAPATH]"),
        flags::text("envoy-ready-bind-address", "ADDRESS", "Address of a listener that answers /ready"),
        flags::text("envoy-ready-bind-port", "PORT", "Port of that listener").value_parser(clap::value_parser!(u16)),
        flags::switch("omit-deprecated-tags", "Whether metrics tags are left out that newer ones have replaced"),
        flags::text("prometheus-backend-port", "PORT", "Local port that serves Prometheus' metrics instead of Envoy").value_parser(clap::value_parser!(u16)),
        flags::text("prometheus-scrape-path", "PATH", "Path that Prometheus asks for; /metrics if left out"),
        flags::text("prometheus-ca-file", "FILE", "CA certificates for Prometheus' listener"),
        flags::text("prometheus-ca-path", "FOLDER", "Folder of such files"),
        flags::text("prometheus-cert-file", "FILE", "Certificate of Prometheus' listener"),
        flags::text("prometheus-key-file", "FILE", "Key of that certificate"),
        flags::text("envoy-version", "VERSION", "Accepted and ignored, as by Consul"),
        flags::switch("ignore-envoy-compatibility", "Accepted and ignored: versions of Envoy are not judged here"),
    ]);
    flags::tenancy(flags::client(command))
}

fn run(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let parameters = parameters(context, matches)?;
    let bootstrap = render(&parameters)
        .map_err(|error| Failure::new(format!("Could not generate bootstrap config: {error}")))?;
    if flags::is_on(matches, "bootstrap") {
        print::json(context.out, &bootstrap, "  ")?;
        return Ok(0);
    }
    let binary = launch::find(
        flags::text_of(matches, "envoy-binary"),
        context.variable("PATH"),
    )?;
    context.out.flush()?;
    Err(launch::launch(
        &binary,
        &bootstrap,
        &flags::positional(matches),
    ))
}

fn parameters(context: &mut Context<'_>, matches: &ArgMatches) -> Result<Parameters, Failure> {
    let session = context.session(matches)?;
    let registration = Registration::find(context, matches, &session)?;
    let proxy = registration.service.proxy;
    let agent = Agent::find(context, matches, &session)?;
    let config = session.client.config();
    let ca = agent_ca(context, matches, config, agent.tls)?;
    // A Unix socket has no scheme that could say so.
    let agent_tls =
        agent.tls || (matches!(agent.address, AgentAddress::Unix { .. }) && !ca.is_empty());
    let text = |name| flags::text_of(matches, name).unwrap_or_default();
    let admin =
        flags::text_of(matches, "admin-bind").unwrap_or_else(|| "localhost:19000".to_owned());
    let admin = address::resolve(&admin)
        .map_err(|failure| failure.while_doing("Invalid admin bind address"))?;
    let sidecar = registration.service.kind == ServiceKind::ConnectProxy;
    let stands_for = if sidecar {
        proxy.destination_service_name.to_string()
    } else {
        registration.service.service
    };
    Ok(Parameters {
        proxy_cluster: if stands_for.is_empty() {
            registration.service.id.clone()
        } else {
            stands_for.clone()
        },
        proxy_id: registration.service.id,
        source_service: stands_for,
        node_name: flags::text_of(matches, "node-name"),
        datacenter: registration.datacenter,
        token: config.token.clone(),
        agent: agent.address,
        agent_tls,
        agent_ca: ca,
        admin,
        admin_access_log_path: flags::text_of(matches, "admin-access-log-path")
            .unwrap_or_else(|| "/dev/null".to_owned()),
        access_logs: proxy.access_logs,
        config: if flags::is_on(matches, "no-central-config") {
            Opaque::new()
        } else {
            proxy.config
        },
        omit_deprecated_tags: flags::is_on(matches, "omit-deprecated-tags"),
        ready: match (
            text("envoy-ready-bind-address"),
            matches.get_one::<u16>("envoy-ready-bind-port"),
        ) {
            (host, Some(&port)) if !host.is_empty() && port != 0 => Some(Bind { host, port }),
            _ => None,
        },
        prometheus: prometheus(matches)?,
        environment: context.environment.clone(),
    })
}

fn prometheus(matches: &ArgMatches) -> Result<Prometheus, Failure> {
    let text = |name| flags::text_of(matches, name);
    let ca = text("prometheus-ca-file")
        .map(TrustedCa::File)
        .or_else(|| text("prometheus-ca-path").map(TrustedCa::Folder));
    let tls = match (
        ca,
        text("prometheus-cert-file"),
        text("prometheus-key-file"),
    ) {
        (None, None, None) => None,
        (Some(ca), Some(cert_file), Some(key_file)) => Some(PrometheusTls {
            ca,
            cert_file,
            key_file,
        }),
        _ => {
            return Err(Failure::new(
                "Must provide a CA (-prometheus-ca-file or -prometheus-ca-path), -prometheus-cert-file and \
                 -prometheus-key-file to enable TLS for Prometheus metrics",
            ));
        }
    };
    let backend_port = matches.get_one::<u16>("prometheus-backend-port").copied();
    let scrape_path =
        text("prometheus-scrape-path").unwrap_or_else(|| Prometheus::default().scrape_path);
    Ok(Prometheus {
        backend_port,
        scrape_path,
        tls,
    })
}

/// PEM of the certificates that the agent's xDS is verified with: those for gRPC, else, where it speaks TLS, those for HTTP.
fn agent_ca(
    context: &Context<'_>,
    matches: &ArgMatches,
    config: &Config,
    tls: bool,
) -> Result<String, Failure> {
    let setting = |flag, variable| {
        flags::text_of(matches, flag)
            .or_else(|| context.variable(variable))
            .map(PathBuf::from)
    };
    let mut file = setting("grpc-ca-file", "CONSUL_GRPC_CACERT");
    let mut folder = setting("grpc-ca-path", "CONSUL_GRPC_CAPATH");
    if tls && file.is_none() && folder.is_none() {
        (file, folder) = (config.tls.ca_file.clone(), config.tls.ca_path.clone());
    }
    let mut pem = String::new();
    if let Some(file) = file {
        pem.push_str(&read(&file)?);
    } else if let Some(folder) = folder {
        let unreadable =
            |error| Failure::new(format!("Failed to read {}: {error}", folder.display()));
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            files.push(entry.map_err(unreadable)?.path());
        }
        files.sort();
        for file in files.iter().filter(|file| file.is_file()) {
            pem.push_str(&read(file)?);
        }
    }
    Ok(pem)
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("Failed to read {}: {error}", file.display())))
}
