//! Resources of the discovery service as a static configuration, which Envoy can validate without a server.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::tls::Secrets;

/// The bootstrap that has `resources`, by type and name as goldens hold them, as its static ones: routes
/// stand in the listeners that refer to them, endpoints in their clusters, and the clusters `elsewhere` are empty.
///
/// # Errors
/// When a listener refers to a route configuration that is not among the resources.
pub fn bootstrap(resources: &Value, elsewhere: &[String], secrets: &Secrets) -> Result<Value> {
    let of_kind = |kind: &str| {
        let found = resources.get(kind).and_then(Value::as_object);
        found.cloned().unwrap_or_default()
    };
    let (endpoints, routes) = (of_kind("endpoints"), of_kind("route"));
    let mut names = BTreeSet::new();
    let mut clusters: Vec<Value> = of_kind("cluster").into_values().collect();
    for cluster in &mut clusters {
        inline_endpoints(cluster, &endpoints);
        name_secrets(cluster, &mut names);
    }
    let mut listeners: Vec<Value> = of_kind("listener").into_values().collect();
    for listener in &mut listeners {
        inline_routes(listener, &routes)?;
        name_secrets(listener, &mut names);
    }
    let secrets: Vec<Value> = names.iter().map(|name| secret(name, secrets)).collect();
    let made = of_kind("cluster");
    let empty = |name: &String| json!({ "name": name, "type": "STATIC", "load_assignment": { "cluster_name": name } });
    let missing = elsewhere.iter().filter(|name| !made.contains_key(*name));
    clusters.extend(missing.map(empty));
    Ok(json!({
        "node": { "id": "web-sidecar-proxy", "cluster": "web" },
        "layered_runtime": { "layers": [
            { "name": "base", "static_layer": { "re2.max_program_size.error_level": 1_048_576 } },
        ] },
        "static_resources": { "clusters": clusters, "listeners": listeners, "secrets": secrets },
    }))
}

/// The secret of a name: the roots where it is about them, else the leaf.
fn secret(name: &str, secrets: &Secrets) -> Value {
    let inline = |text: &str| json!({ "inline_string": text });
    if name.starts_with("roots") {
        return json!({ "name": name, "validation_context": { "trusted_ca": inline(&secrets.roots) } });
    }
    json!({
        "name": name,
        "tls_certificate": { "certificate_chain": inline(&secrets.chain), "private_key": inline(&secrets.key) },
    })
}

/// Has references to secrets mean static ones, and collects their names.
fn name_secrets(value: &mut Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if fields.remove("sds_config").is_some() {
                names.extend(
                    fields
                        .get("name")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
            }
            fields
                .values_mut()
                .for_each(|value| name_secrets(value, names));
        }
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| name_secrets(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Gives a cluster that would fetch its endpoints those that there are.
fn inline_endpoints(cluster: &mut Value, endpoints: &Map<String, Value>) {
    let name = cluster["name"].as_str().unwrap_or_default().to_owned();
    let (Some(cluster), Some(assignment)) = (cluster.as_object_mut(), endpoints.get(&name)) else {
        return;
    };
    if cluster.remove("eds_cluster_config").is_some() {
        cluster.insert("type".to_owned(), json!("STATIC"));
        cluster.insert("load_assignment".to_owned(), assignment.clone());
    }
}

/// Puts route configurations in the place of every reference to them.
fn inline_routes(value: &mut Value, routes: &Map<String, Value>) -> Result<()> {
    match value {
        Value::Object(fields) => {
            let referred = fields
                .get("rds")
                .and_then(|rds| rds.get("route_config_name"));
            if let Some(name) = referred.and_then(Value::as_str) {
                let route = routes
                    .get(name)
                    .with_context(|| format!("no route {name}"))?;
                let route = route.clone();
                fields.remove("rds");
                fields.insert("route_config".to_owned(), route);
            }
            fields
                .values_mut()
                .try_for_each(|value| inline_routes(value, routes))
        }
        Value::Array(values) => values
            .iter_mut()
            .try_for_each(|value| inline_routes(value, routes)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
