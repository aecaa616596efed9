//! `builtin/property-override`.

use serde_json::Value;

use super::reader::Reader;
use super::{DIRECTIONS, Direction, PROXY_TYPES};
use crate::config_entry::invalid::Reason;

/// Changes of fields of resources.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyOverride {
    /// The changes, in their order; at least one.
    pub patches: Vec<Patch>,
    /// Whether an unknown field is told with all that there are.
    pub debug: bool,
}

/// One change of a field of some resources.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Of which type they are.
    pub resource: PatchResource,
    /// On which side.
    pub direction: Direction,
    /// Which upstreams they are for; all where empty.
    pub services: Vec<String>,
    /// Names of fields from the resource down, at least one. That there are such fields is known to whoever
    /// knows Envoy's types.
    pub path: Vec<String>,
    /// What happens to the field.
    pub op: PatchOp,
}

/// What happens to a field.
#[derive(Clone, Debug, PartialEq)]
pub enum PatchOp {
    /// It gets this value.
    Add(Value),
    /// It is unset.
    Remove,
}

/// Types of resources that can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PatchResource {
    /// Clusters.
    Cluster,
    /// Endpoints of a cluster.
    ClusterLoadAssignment,
    /// Listeners.
    Listener,
    /// Routes.
    Route,
}

const RESOURCES: &[&str] = &["cluster", "cluster-load-assignment", "listener", "route"];

impl PropertyOverride {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let proxy_type = reader.text("ProxyType");
        reader.one_of("ProxyType", &proxy_type, PROXY_TYPES);
        let none = reader.list("Patches").is_empty();
        reader.add_if(none, "Patches", Reason::Required);
        Self {
            patches: reader.objects("Patches", Patch::read),
            debug: reader.flag("Debug").unwrap_or_default(),
        }
    }
}

impl Patch {
    fn read(reader: &mut Reader<'_, '_>) -> Self {
        reader.add_if(
            reader.value("ResourceFilter").is_none(),
            "ResourceFilter",
            Reason::Required,
        );
        let (resource, direction, services) = reader.within("ResourceFilter", |filter| {
            let resource = filter.text("ResourceType");
            filter.one_of("ResourceType", &resource, RESOURCES);
            let direction = filter.text("TrafficDirection");
            filter.one_of("TrafficDirection", &direction, DIRECTIONS);
            let services = filter.objects("Services", |service| service.text("Name"));
            let inbound = Reason::Forbidden("unless the TrafficDirection is \"outbound\"");
            let scoped = !services.is_empty() && direction != "outbound";
            filter.add_if(scoped, "Services", inbound);
            (resource, direction, services)
        });
        let path = reader.text("Path");
        let path: Vec<String> = path
            .trim_start_matches('/')
            .split('/')
            .map(str::to_owned)
            .collect();
        if path.iter().any(String::is_empty) {
            let expected = "the names of fields from the resource down, such as \"/outlier_detection/interval\"";
            let value = reader.text("Path");
            reader.add("Path", Reason::Malformed { value, expected });
        }
        Self {
            resource: match resource.as_str() {
                "cluster-load-assignment" => PatchResource::ClusterLoadAssignment,
                "listener" => PatchResource::Listener,
                "route" => PatchResource::Route,
                _ => PatchResource::Cluster,
            },
            direction: if direction == "outbound" {
                Direction::Outbound
            } else {
                Direction::Inbound
            },
            services,
            path,
            op: PatchOp::read(reader),
        }
    }
}

impl PatchOp {
    fn read(reader: &mut Reader<'_, '_>) -> Self {
        let op = reader.text("Op");
        reader.one_of("Op", &op, &["add", "remove"]);
        let value = reader.value("Value").cloned();
        if op == "remove" {
            let unused = Reason::Forbidden("where the Op is \"remove\"");
            reader.add_if(value.is_some(), "Value", unused);
            return Self::Remove;
        }
        reader.add_if(
            value.is_none(),
            "Value",
            Reason::RequiredBy("the Op \"add\""),
        );
        Self::Add(value.unwrap_or_default())
    }
}
