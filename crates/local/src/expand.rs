//! A service that asks for a sidecar becomes two registrations.

use std::collections::BTreeSet;

use tribune_types::definition::{CheckType, ServiceConnect, ServiceDefinition};
use tribune_types::{GoDuration, Name, ServiceKind};

use crate::error::RegisterError;

/// Time between two probes of whether a sidecar listens.
const LISTENING_INTERVAL: GoDuration = GoDuration::from_secs(10);

/// The ports that sidecars without one are given, both ends included. A range that starts or ends at 0 is
/// switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SidecarPorts {
    /// The first.
    pub min: u16,
    /// The last.
    pub max: u16,
}

impl Default for SidecarPorts {
    fn default() -> Self {
        Self {
            min: 21000,
            max: 21255,
        }
    }
}

// === impl SidecarPorts ===

impl SidecarPorts {
    /// A port for a sidecar: the one it had, else the lowest that no service here has.
    pub(crate) fn choose(
        self,
        had: Option<i32>,
        taken: &BTreeSet<i32>,
    ) -> Result<i32, RegisterError> {
        if self.min < 1 || self.max < 1 {
            return Err(RegisterError::NoSidecarPorts);
        }
        let mut range = i32::from(self.min)..=i32::from(self.max);
        if let Some(port) = had.filter(|port| range.contains(port)) {
            return Ok(port);
        }
        range
            .find(|port| !taken.contains(port))
            .ok_or(RegisterError::SidecarPortsTaken(self.min, self.max))
    }
}

/// ID of the sidecar that is registered with an instance.
pub(crate) fn sidecar_id(service: &Name) -> Name {
    format!("{service}-sidecar-proxy").into()
}

/// What is wrong with how a sidecar is asked for, in words.
pub(crate) fn problem(definition: &ServiceDefinition) -> Option<String> {
    let sidecar = definition.connect.as_ref()?.sidecar_service.as_ref()?;
    let nested = |connect: &ServiceConnect| connect.sidecar_service.is_some();
    let kind = &definition.kind;
    if kind.is_proxy() && *kind != ServiceKind::ConnectProxy {
        Some(format!(
            "A {} cannot have a sidecar service defined",
            kind.as_str()
        ))
    } else if !sidecar.id.is_empty() {
        Some("A SidecarService cannot specify an ID as this is managed by the agent".to_owned())
    } else if sidecar.connect.as_ref().is_some_and(nested) {
        Some("A SidecarService cannot have a nested SidecarService".to_owned())
    } else {
        None
    }
}

/// Takes the sidecar out of a definition whose ID is set, with everything filled in that it takes from its
/// service. `port` is asked for a port where the sidecar has none.
pub(crate) fn take_sidecar(
    definition: &mut ServiceDefinition,
    port: impl FnOnce(&Name) -> Result<i32, RegisterError>,
) -> Result<Option<ServiceDefinition>, RegisterError> {
    let block = definition
        .connect
        .as_mut()
        .and_then(|connect| connect.sidecar_service.take());
    let Some(block) = block else {
        return Ok(None);
    };
    let mut sidecar = *block;
    sidecar.id = sidecar_id(&definition.id);
    inherit(&mut sidecar, definition);
    if sidecar.port < 1 {
        sidecar.port = port(&sidecar.id)?;
    }
    if sidecar.check.is_none() && sidecar.checks.as_ref().is_none_or(Vec::is_empty) {
        sidecar.checks = Some(default_checks(&sidecar, &definition.id));
    }
    Ok(Some(sidecar))
}

fn inherit(sidecar: &mut ServiceDefinition, service: &ServiceDefinition) {
    if sidecar.kind == ServiceKind::Typical {
        sidecar.kind = ServiceKind::ConnectProxy;
    }
    if sidecar.name.is_empty() {
        sidecar.name = format!("{}-sidecar-proxy", service.name).into();
    }
    if sidecar.address.is_empty() {
        sidecar.address.clone_from(&service.address);
    }
    if sidecar.tags.as_ref().is_none_or(Vec::is_empty) {
        sidecar.tags.clone_from(&service.tags);
    }
    if sidecar.meta.as_ref().is_none_or(|meta| meta.is_empty()) {
        sidecar.meta.clone_from(&service.meta);
    }
    if sidecar.locality.is_none() {
        sidecar.locality.clone_from(&service.locality);
    }
    if sidecar.token.is_empty() {
        sidecar.token.clone_from(&service.token);
    }
    let proxy = sidecar.proxy.get_or_insert_default();
    if proxy.destination_service_name.is_empty() {
        proxy.destination_service_name = service.name.clone();
    }
    if proxy.destination_service_id.is_empty() {
        proxy.destination_service_id = service.id.clone();
    }
    let addressed = !proxy.local_service_address.is_empty() && proxy.local_service_port >= 1;
    if !proxy.local_service_socket_path.is_empty() || addressed {
        return;
    }
    if !service.socket_path.is_empty() {
        proxy
            .local_service_socket_path
            .clone_from(&service.socket_path);
        return;
    }
    if proxy.local_service_address.is_empty() {
        "127.0.0.1".clone_into(&mut proxy.local_service_address);
    }
    if proxy.local_service_port < 1 {
        proxy.local_service_port = service.port;
    }
}

/// Whether the sidecar listens, and whether what it stands for is well.
fn default_checks(sidecar: &ServiceDefinition, service: &Name) -> Vec<CheckType> {
    let local = sidecar
        .proxy
        .as_ref()
        .map_or("", |proxy| &proxy.local_service_address);
    let host = if sidecar.address.is_empty() {
        local
    } else {
        &sidecar.address
    };
    let port = sidecar.port;
    let tcp = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    vec![
        CheckType {
            name: "Connect Sidecar Listening".to_owned(),
            tcp,
            interval: LISTENING_INTERVAL,
            ..CheckType::default()
        },
        CheckType {
            name: format!("Connect Sidecar Aliasing {service}"),
            alias_service: service.as_str().to_owned(),
            ..CheckType::default()
        },
    ]
}
