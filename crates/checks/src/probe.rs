//! One probe: asks its target, and puts what came of it into words.

use tokio::net::TcpStream;
use tokio::time::timeout;
use tribune_local::{Probe, ProbeResult, ProbeTarget};
use tribune_types::Status;

use crate::http;

/// Asks the target, for as long as the probe may take.
pub(crate) async fn run(probe: Probe) -> ProbeResult {
    let ask = async {
        match &probe.target {
            ProbeTarget::Tcp(address) => connect(address).await,
            ProbeTarget::Http {
                url,
                method,
                headers,
                body,
                redirects,
            } => {
                let request = http::Request {
                    url,
                    method,
                    headers,
                    body,
                    redirects: *redirects,
                };
                http::ask(&request, probe.output_limit).await
            }
            ProbeTarget::Unsupported(word) => {
                critical(format!("{word} checks are not run yet by this agent"))
            }
        }
    };
    match timeout(probe.timeout, ask).await {
        Ok(result) => result,
        Err(_) => {
            let target = match &probe.target {
                ProbeTarget::Tcp(address) => format!("TCP connect {address}"),
                ProbeTarget::Http { url, method, .. } => format!("HTTP {method} {url}"),
                ProbeTarget::Unsupported(word) => (*word).to_owned(),
            };
            critical(format!("{target}: no answer within {:?}", probe.timeout))
        }
    }
}

/// A result that says what went wrong.
pub(crate) const fn critical(output: String) -> ProbeResult {
    ProbeResult {
        status: Status::Critical,
        output,
    }
}

async fn connect(address: &str) -> ProbeResult {
    match TcpStream::connect(address).await {
        Ok(_) => ProbeResult {
            status: Status::Passing,
            output: format!("TCP connect {address}: Success"),
        },
        Err(error) => critical(format!("TCP connect {address}: {error}")),
    }
}

#[cfg(test)]
mod tests;
