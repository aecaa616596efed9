//! About how large a command is, for a log that has a limit.

use std::io;

use tribune_types::{HealthCheck, Meta, Node, NodeService};

use crate::command::{Command, Operation};

/// What a row takes beside its texts.
const ROW: usize = 64;

impl Command {
    /// About how many bytes it takes in a log: the texts in it, and a little for everything else.
    #[must_use]
    pub fn approximate_size(&self) -> usize {
        operation(&self.operation)
    }
}

fn operation(operation: &Operation) -> usize {
    ROW + match operation {
        Operation::Register(registration) => {
            let checks: usize = registration.checks.iter().map(check).sum();
            node(&registration.node) + registration.service.as_ref().map_or(0, service) + checks
        }
        Operation::Deregister(deregistration) => deregistration.node.name.len(),
        Operation::PutConfigEntry { entry, .. } => json(&entry.to_json(0, 0)),
        Operation::DeleteConfigEntry { key, .. } => key.name.name.len(),
        Operation::SetCaConfiguration { configuration, .. } => configuration_of(configuration),
        Operation::SetCaRoots {
            roots,
            configuration,
            ..
        } => json(roots) + configuration.as_deref().map_or(0, configuration_of),
        Operation::Batch(operations) => operations.iter().map(self::operation).sum(),
        Operation::SetAutopilotConfiguration { configuration, .. } => json(configuration),
        Operation::Restore(part) => part.bytes.len(),
    }
}

fn configuration_of(configuration: &tribune_types::connect::CaConfiguration) -> usize {
    json(&configuration.config) + configuration.signing_key.len()
}

fn node(node: &Node) -> usize {
    let texts = [
        node.node.name.as_str(),
        &node.id,
        &node.address,
        &node.datacenter,
    ];
    texts.map(str::len).iter().sum::<usize>() + meta(&node.meta) + meta(&node.tagged_addresses)
}

fn service(service: &NodeService) -> usize {
    let texts = [
        service.id.as_str(),
        &service.service.name,
        &service.address,
        &service.socket_path,
    ];
    let addresses = service.tagged_addresses.iter().flatten();
    ROW + texts.map(str::len).iter().sum::<usize>()
        + service
            .tags
            .iter()
            .flatten()
            .map(|tag| tag.len() + 8)
            .sum::<usize>()
        + addresses
            .map(|(tag, address)| tag.len() + address.address.len() + 16)
            .sum::<usize>()
        + meta(&service.meta)
        + json(&service.proxy)
}

fn check(check: &HealthCheck) -> usize {
    let texts = [
        check.node.name.as_str(),
        &check.check_id,
        &check.name,
        &check.notes,
        &check.output,
    ];
    ROW + texts.map(str::len).iter().sum::<usize>() + json(&check.definition)
}

fn meta(pairs: &Option<Meta>) -> usize {
    pairs
        .iter()
        .flatten()
        .map(|(key, value)| key.len() + value.len() + 8)
        .sum()
}

/// Length of a value's JSON.
fn json<T: serde::Serialize + ?Sized>(value: &T) -> usize {
    let mut count = Count(0);
    // Counting does not fail; what has no JSON form is not stored either.
    let _: Result<(), serde_json::Error> = serde_json::to_writer(&mut count, value);
    count.0
}

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tribune_types::NodeName;

    use super::*;
    use crate::command::Registration;

    #[test]
    fn a_command_is_about_as_large_as_its_texts() {
        let mut registration = Registration::default();
        registration.node.node = NodeName::new("n".repeat(1000));
        registration.service = Some(NodeService::default());
        registration.checks = vec![HealthCheck {
            output: "x".repeat(5000),
            ..HealthCheck::default()
        }];
        let mut proxy = NodeService::default();
        proxy.proxy.config.insert(
            "envoy_public_listener_json".to_owned(),
            "y".repeat(9000).into(),
        );
        let one = Operation::Register(Box::new(registration.clone()));
        registration.service = Some(proxy);
        let both = Operation::Batch(vec![one, Operation::Register(Box::new(registration))]);
        let size = Command::from(both).approximate_size();
        assert!((21_000..24_000).contains(&size), "{size}");
    }
}
