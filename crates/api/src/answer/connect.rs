//! `/v1/connect/ca/…` and `/v1/discovery-chain/…`.

use serde_json::json;
use tribune_acl::{Access, Permission};
use tribune_derived::{ChainKey, Key, Value};
use tribune_state::WatchSet;
use tribune_types::call::{Answer, Body, CallError, ChainQuery};

use crate::context::Context;
use crate::rows::{ChainRow, overrides};

type Result = std::result::Result<Answer, CallError>;

pub(super) fn roots(context: &Context<'_>, pem: bool, watch: &mut WatchSet) -> Answer {
    let roots = context.snapshot.ca_roots(watch);
    let index = Some(roots.index);
    if pem {
        let chain = |root: &tribune_types::connect::CaRoot| {
            let intermediates = root.intermediate_certs.iter().flatten().map(String::as_str);
            std::iter::once(root.root_cert.as_str())
                .chain(intermediates)
                .collect::<String>()
        };
        let text = roots.value.iter().map(|root| chain(root)).collect();
        return Answer {
            index,
            body: Body::Pem(text),
            ..Answer::default()
        };
    }
    let configuration = context.snapshot.ca_configuration(watch).value;
    let body = json!({
        "ActiveRootID": roots.value.iter().find(|root| root.active).map_or("", |root| &root.id),
        "TrustDomain": configuration.map(|configuration| configuration.trust_domain()).unwrap_or_default(),
        "Roots": roots.value.iter().map(|root| &**root).collect::<Vec<_>>(),
    });
    Answer {
        index,
        ..Answer::json(&body)
    }
}

pub(super) fn configuration(context: &Context<'_>, watch: &mut WatchSet) -> Result {
    context.require(Permission::Operator(Access::Write))?;
    let found = context.snapshot.ca_configuration(watch);
    let Some(configuration) = found.value else {
        return Err(CallError::Unavailable(
            "the certificate authority is not initialised yet".to_owned(),
        ));
    };
    let body = json!({
        "Provider": configuration.provider,
        "Config": configuration.config,
        "State": null,
        "ForceWithoutCrossSigning": configuration.force_without_cross_signing,
        "CreateIndex": configuration.create_index,
        "ModifyIndex": configuration.modify_index,
    });
    Ok(Answer {
        index: Some(found.index),
        ..Answer::json(&body)
    })
}

pub(super) fn chain(context: &Context<'_>, query: &ChainQuery, watch: &mut WatchSet) -> Result {
    context.require(Permission::Service(&query.service, Access::Read))?;
    let key = ChainKey {
        service: query.service.clone(),
        datacenter: query.datacenter.clone(),
        overrides: overrides(query),
    };
    match (context.derive)(&Key::Chain(key), watch) {
        Value::Chain(Ok(chain)) => {
            let index = Some(context.snapshot.config_index());
            Ok(Answer {
                index,
                ..Answer::json(&json!({"Chain": ChainRow(&chain).to_json()}))
            })
        }
        Value::Chain(Err(error)) => Err(CallError::Refused(error.to_string())),
        other => Err(CallError::Unavailable(format!("no chain but {other:?}"))),
    }
}
