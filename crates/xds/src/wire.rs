//! Small protobuf values that many resources are made of.

use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::google::protobuf::{Any, BoolValue, Duration, UInt32Value};
use prost::{Message, Name};

/// A message with its type, as it stands in an extension point.
pub(crate) fn any<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: type_url::<M>(),
        value: message.encode_to_vec(),
    }
}

pub(crate) fn type_url<M: Name>() -> String {
    format!("type.googleapis.com/{}", M::full_name())
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "protobuf's optional fields take it as it is"
)]
pub(crate) const fn bool_value(value: bool) -> Option<BoolValue> {
    Some(BoolValue { value })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "protobuf's optional fields take it as it is"
)]
pub(crate) const fn u32_value(value: u32) -> Option<UInt32Value> {
    Some(UInt32Value { value })
}

/// A number of nanoseconds; less than nothing is nothing.
pub(crate) fn nanos(nanos: i64) -> Duration {
    const SECOND: i64 = 1_000_000_000;
    let nanos = nanos.max(0);
    Duration {
        seconds: nanos / SECOND,
        nanos: i32::try_from(nanos % SECOND).unwrap_or_default(),
    }
}

/// A number of milliseconds; less than nothing is nothing.
pub(crate) fn millis(millis: i64) -> Duration {
    nanos(millis.saturating_mul(1_000_000))
}

pub(crate) fn socket_address(address: IpAddr, port: u16) -> core::Address {
    let socket = core::SocketAddress {
        address: address.to_string(),
        port_specifier: Some(core::socket_address::PortSpecifier::PortValue(port.into())),
        ..Default::default()
    };
    core::Address {
        address: Some(core::address::Address::SocketAddress(socket)),
    }
}

pub(crate) fn pipe(path: &str, mode: u32) -> core::Address {
    let pipe = core::Pipe {
        path: path.to_owned(),
        mode,
    };
    core::Address {
        address: Some(core::address::Address::Pipe(pipe)),
    }
}

/// "Over this very stream", with the time that Envoy waits for it where one is set.
pub(crate) fn ads(fetch_timeout_ms: Option<i64>) -> core::ConfigSource {
    core::ConfigSource {
        config_source_specifier: Some(core::config_source::ConfigSourceSpecifier::Ads(
            Default::default(),
        )),
        resource_api_version: core::ApiVersion::V3.into(),
        initial_fetch_timeout: fetch_timeout_ms.filter(|timeout| *timeout >= 0).map(millis),
        ..Default::default()
    }
}

pub(crate) fn inline(text: &str) -> core::DataSource {
    core::DataSource {
        specifier: Some(core::data_source::Specifier::InlineString(text.to_owned())),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_duration_is_none_at_all() {
        assert_eq!(
            millis(-5),
            Duration {
                seconds: 0,
                nanos: 0
            }
        );
        assert_eq!(
            millis(1_500),
            Duration {
                seconds: 1,
                nanos: 500_000_000
            }
        );
        assert_eq!(millis(i64::MAX).seconds, i64::MAX / 1_000_000_000);
    }
}
