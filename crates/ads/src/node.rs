//! Who a stream says it is.

use tonic::Status;
use tribune_types::{InstanceName, Name, NodeName};

use crate::wire::{Node, SemanticVersion};

/// The oldest minor version of Envoy that is served, as Consul's.
const OLDEST: (u32, u32) = (1, 28);

/// What is kept of Envoy's node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Introduction {
    /// The proxy: its node and its service ID there.
    pub(crate) instance: InstanceName,
    /// Envoy's version, where the client is an Envoy that says so.
    pub(crate) envoy_version: Option<String>,
}

impl Introduction {
    /// Reads a node; where it names no node of the catalog, it is on `own_node`.
    ///
    /// # Errors
    /// When it cannot be a proxy's.
    pub(crate) fn read(node: &Node, own_node: &Name, name_bytes: usize) -> Result<Self, Status> {
        let fields = node.metadata.as_ref().map(|metadata| &metadata.fields);
        let name = fields
            .and_then(|fields| fields.get("node_name"))
            .map_or("", |name| &name.text);
        if node.id.is_empty() {
            return Err(Status::invalid_argument(
                "the node has no id: it must be the proxy's service ID",
            ));
        }
        for (what, text) in [("id", node.id.as_str()), ("node_name", name)] {
            if text.len() > name_bytes {
                let said = format!("the node's {what} is longer than {name_bytes} bytes");
                return Err(Status::invalid_argument(said));
            }
            if text.chars().any(char::is_control) {
                let said = format!("the node's {what} holds control characters");
                return Err(Status::invalid_argument(said));
            }
        }
        let node_name = if name.is_empty() {
            own_node.clone()
        } else {
            name.into()
        };
        Ok(Self {
            instance: InstanceName {
                node: NodeName::new(node_name),
                id: node.id.as_str().into(),
            },
            envoy_version: envoy_version(node)?,
        })
    }
}

/// The version of an Envoy; anything else, and an Envoy that does not say, is let in.
fn envoy_version(node: &Node) -> Result<Option<String>, Status> {
    let build = node
        .user_agent_build_version
        .as_ref()
        .and_then(|build| build.version);
    let Some(version) = build.filter(|_| node.user_agent_name == "envoy") else {
        return Ok(None);
    };
    let SemanticVersion {
        major,
        minor,
        patch,
    } = version;
    if (major, minor) < OLDEST {
        let said = format!("Envoy {major}.{minor}.{patch} is too old and is not supported");
        return Err(Status::invalid_argument(said));
    }
    Ok(Some(format!("{major}.{minor}.{patch}")))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::wire::{BuildVersion, Metadata, MetadataValue};

    fn node(id: &str, node_name: &str) -> Node {
        let text = MetadataValue {
            text: node_name.to_owned(),
        };
        Node {
            id: id.to_owned(),
            metadata: Some(Metadata {
                fields: HashMap::from([("node_name".to_owned(), text)]),
            }),
            ..Node::default()
        }
    }

    #[test]
    fn a_node_names_a_proxy_on_a_node_of_the_catalog_or_on_the_own_one() {
        let read = |node: &Node| {
            Introduction::read(node, &"own".into(), 64)
                .unwrap()
                .instance
        };
        assert_eq!(read(&node("web-proxy", "n1")).to_string(), "n1/web-proxy");
        assert_eq!(read(&node("web-proxy", "")).to_string(), "own/web-proxy");
        let bare = Node {
            id: "web-proxy".to_owned(),
            ..Node::default()
        };
        assert_eq!(read(&bare).to_string(), "own/web-proxy");
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        for (id, name) in [
            ("", "n1"),
            ("a\n", "n1"),
            ("a", "\u{7f}"),
            (&*"a".repeat(65), "n1"),
        ] {
            let refused = Introduction::read(&node(id, name), &"own".into(), 64).unwrap_err();
            assert_eq!(
                refused.code(),
                tonic::Code::InvalidArgument,
                "{id:?} {name:?}"
            );
        }
    }

    #[test]
    fn only_envoy_has_an_envoy_version_and_an_old_one_is_refused() {
        let mut node = node("a", "n");
        let mut version = |agent: &str, minor| {
            let version = SemanticVersion {
                major: 1,
                minor,
                patch: 2,
            };
            node.user_agent_name = agent.to_owned();
            node.user_agent_build_version = Some(BuildVersion {
                version: Some(version),
            });
            envoy_version(&node).map_err(|status| status.message().to_owned())
        };
        assert_eq!(version("other", 1), Ok(None));
        assert_eq!(version("envoy", 36), Ok(Some("1.36.2".to_owned())));
        assert_eq!(version("envoy", 28), Ok(Some("1.28.2".to_owned())));
        let refused = "Envoy 1.27.2 is too old and is not supported".to_owned();
        assert_eq!(version("envoy", 27), Err(refused));
        assert_eq!(envoy_version(&Node::default()).unwrap(), None);
    }
}
