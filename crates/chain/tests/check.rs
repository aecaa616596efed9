//! Which writes of config entries are refused for the sake of other entries.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that does not parse fails its test"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tribune_chain::{CheckError, Proposal, check};
use tribune_types::ServiceName;
use tribune_types::config_entry::{Entry, Key, Kind, Raw};

/// Entries that are written one after the other, where they may be.
#[derive(Default)]
struct Entries(BTreeMap<Key, Arc<Entry>>);

impl Entries {
    fn put(&mut self, kind: Kind, json: Value) -> Result<(), CheckError> {
        let entry = Arc::new(Entry::try_from(Raw::deserialize(kind, json).unwrap()).unwrap());
        check(&Proposal::Put(Arc::clone(&entry)), &mut self.0)?;
        self.0.insert(entry.key(), entry);
        Ok(())
    }

    fn delete(&mut self, key: Key) -> Result<(), CheckError> {
        check(&Proposal::Delete(key.clone()), &mut self.0)?;
        self.0.remove(&key);
        Ok(())
    }
}

fn permissions(name: &str) -> Value {
    json!({"Name": name, "Sources": [{"Name": "web", "Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/"}}]}]})
}

fn needs_http(service: &str, protocol: &str) -> Result<(), CheckError> {
    Err(CheckError::PermissionsNeedHttp {
        service: ServiceName::new(service),
        protocol: protocol.to_owned(),
    })
}

#[test]
fn permissive_mutual_tls_can_be_turned_on_only_while_the_mesh_allows_it() {
    let permissive = json!({"Name": "till", "MutualTLSMode": "permissive"});
    let mut entries = Entries::default();
    assert_eq!(
        entries.put(Kind::ServiceDefaults, permissive.clone()),
        Err(CheckError::PermissiveMutualTls)
    );
    assert_eq!(
        entries.put(
            Kind::Mesh,
            json!({"AllowEnablingPermissiveMutualTLS": true})
        ),
        Ok(())
    );
    assert_eq!(
        entries.put(Kind::ServiceDefaults, permissive.clone()),
        Ok(())
    );
    assert_eq!(
        entries.put(Kind::ProxyDefaults, json!({"MutualTLSMode": "permissive"})),
        Ok(())
    );
    assert_eq!(entries.put(Kind::Mesh, json!({})), Ok(()));
    assert_eq!(
        entries.put(Kind::ServiceDefaults, permissive.clone()),
        Ok(()),
        "it was on already"
    );
    assert_eq!(
        entries.put(Kind::ServiceDefaults, json!({"Name": "till"})),
        Ok(())
    );
    assert_eq!(
        entries.put(Kind::ServiceDefaults, permissive),
        Err(CheckError::PermissiveMutualTls)
    );
}

#[test]
fn permissions_need_a_destination_that_speaks_http_and_keep_it_so() {
    let mut entries = Entries::default();
    assert_eq!(
        entries.put(Kind::ServiceIntentions, permissions("api")),
        needs_http("api", "tcp")
    );
    assert_eq!(
        entries.put(
            Kind::ServiceDefaults,
            json!({"Name": "api", "Protocol": "grpc"})
        ),
        Ok(())
    );
    assert_eq!(
        entries.put(Kind::ServiceIntentions, permissions("api")),
        Ok(())
    );
    assert_eq!(
        entries.put(
            Kind::ServiceDefaults,
            json!({"Name": "api", "Protocol": "tcp"})
        ),
        needs_http("api", "tcp")
    );
    let api = Key::new(Kind::ServiceDefaults, ServiceName::new("api"));
    assert_eq!(entries.delete(api.clone()), needs_http("api", "tcp"));

    assert_eq!(
        entries.put(Kind::ProxyDefaults, json!({"Config": {"protocol": "http"}})),
        Ok(())
    );
    assert_eq!(
        entries.delete(api),
        Ok(()),
        "the proxy defaults say http now"
    );
    assert_eq!(
        entries.put(Kind::ProxyDefaults, json!({"Config": {"protocol": "tcp"}})),
        needs_http("api", "tcp")
    );
    assert_eq!(
        entries.delete(Key::proxy_defaults()),
        needs_http("api", "tcp")
    );
    assert_eq!(
        entries.delete(Key::new(Kind::ServiceIntentions, ServiceName::new("api"))),
        Ok(())
    );
    assert_eq!(entries.delete(Key::proxy_defaults()), Ok(()));
}

#[test]
fn an_intention_cannot_rely_on_a_jwt_provider_that_does_not_exist() {
    let mut entries = Entries::default();
    let entry = json!({"Name": "api", "JWT": {"Providers": [{"Name": "okta"}]}, "Sources": [{"Name": "web", "Action": "allow"}]});
    let error = CheckError::NoJwtProvider {
        provider: "okta".to_owned(),
    };
    assert_eq!(entries.put(Kind::ServiceIntentions, entry), Err(error));
}
