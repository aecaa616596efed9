//! What agents' proxies have.

use tribune_proto::rpc::v1 as proto;

use super::names::{instance, instance_message};
use super::{Malformed, from_json, present};
use crate::{ProxyReport, ProxyState};

pub(crate) fn report_message(report: ProxyReport) -> proto::ProxyReport {
    let ProxyReport { node, proxies } = report;
    let proxies = proxies.into_iter().map(|proxy| {
        let ProxyState { instance, row } = proxy;
        proto::ProxyState {
            instance: Some(instance_message(&instance)),
            row,
        }
    });
    proto::ProxyReport {
        node,
        proxies: proxies.collect(),
    }
}

/// Rows that are no JSON are refused, as nobody could read the others among them.
pub(crate) fn report(message: Option<proto::ProxyReport>) -> Result<ProxyReport, Malformed> {
    let message = present("report", message)?;
    let proxies = message.proxies.into_iter().map(|message| {
        from_json::<serde::de::IgnoredAny>("report.proxies.row", &message.row)?;
        Ok(ProxyState {
            instance: instance("report.proxies.instance", message.instance)?,
            row: message.row,
        })
    });
    Ok(ProxyReport {
        node: message.node,
        proxies: proxies.collect::<Result<_, Malformed>>()?,
    })
}
