//! Where the agent listens, and how it serves HTTP there.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tribune_config::Config;

/// Listens on every address, or on none.
pub(crate) async fn bind_all(addresses: &[SocketAddr], what: &str) -> Result<Vec<TcpListener>> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.with_context(|| format!("cannot listen on {address} for {what}"))?);
    }
    Ok(listeners)
}

/// The settings of the HTTP API.
pub(crate) fn http_settings(config: &Config) -> Result<tribune_http::Settings> {
    let header = |(name, value): (&String, &String)| {
        let name = name
            .parse()
            .with_context(|| format!("http_config.response_headers: {name:?}"))?;
        let value = value
            .parse()
            .with_context(|| format!("http_config.response_headers: value of {name}"))?;
        Ok((name, value))
    };
    let networks = config.http.allow_write_from.iter().map(|text| text.parse());
    Ok(tribune_http::Settings {
        always_indented: config.dev,
        default_allow: config.allows_by_default(),
        response_headers: config
            .http
            .response_headers
            .iter()
            .map(header)
            .collect::<Result<_>>()?,
        restrictions: tribune_http::Restrictions {
            block_endpoints: config.http.block_endpoints.clone(),
            allow_write_from: networks
                .collect::<std::result::Result<_, _>>()
                .context("http_config.allow_write_http_from")?,
        },
        ..tribune_http::Settings::default()
    })
}
