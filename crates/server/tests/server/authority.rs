//! The certificate authority.

use serde_json::json;
use tribune_acl::Authorizer;
use tribune_types::call::{CaConfigurationBody, CallError, Options, Query, Write};

use crate::support::{query, server, write};

fn configuration(config: serde_json::Value) -> Write {
    let serde_json::Value::Object(config) = config else {
        panic!("{config}")
    };
    Write::SetCaConfiguration(CaConfigurationBody {
        provider: "consul".to_owned(),
        config,
        ..CaConfigurationBody::default()
    })
}

#[tokio::test]
async fn a_new_cluster_has_one_active_root_of_its_trust_domain() {
    let (server, _) = server().await;
    let (_, roots) = query(&server, Query::CaRoots { pem: false }, &Options::default()).await;
    let roots: serde_json::Value = serde_json::from_str(&roots).unwrap();
    assert_eq!(
        roots["TrustDomain"],
        "11111111-2222-3333-4444-555555555555.consul"
    );
    assert_eq!(roots["Roots"].as_array().unwrap().len(), 1);
    assert_eq!(roots["Roots"][0]["Active"], true);
    assert_eq!(roots["Roots"][0]["ID"], roots["ActiveRootID"]);
    assert!(server.signer().borrow().is_some());
    assert!(!roots.to_string().contains("PRIVATE KEY"));
}

#[tokio::test]
async fn a_configuration_is_kept_or_refused_with_the_reason() {
    let (server, _) = server().await;
    write(&server, configuration(json!({"LeafCertTTL": "30s"})))
        .await
        .unwrap();
    let (_, stored) = query(&server, Query::CaConfiguration, &Options::default()).await;
    assert!(stored.contains("\"LeafCertTTL\":\"30s\""), "{stored}");
    assert!(!stored.contains("PRIVATE KEY"));
    for (config, reason) in [
        (json!({"LeafCertTTL": "1s"}), "10s"),
        (json!({"LeafCertTTL": "soon"}), "LeafCertTTL"),
        (
            json!({"leaf_cert_ttl": "90h", "IntermediateCertTTL": "80h"}),
            "3 * LeafCertTTL",
        ),
        (json!({"RootCert": "another"}), "RootCert"),
        (json!({"PrivateKeyType": "dsa"}), "PrivateKeyType"),
        (json!({"PrivateKeyBits": 123}), "PrivateKeyBits"),
    ] {
        let refused = write(&server, configuration(config)).await.unwrap_err();
        assert!(matches!(refused, CallError::Refused(_)), "{refused:?}");
        assert!(refused.to_string().contains(reason), "{refused}");
    }
    let (_, unchanged) = query(&server, Query::CaConfiguration, &Options::default()).await;
    assert_eq!(stored, unchanged);
    let nameless = Write::SetCaConfiguration(CaConfigurationBody::default());
    let refused = write(&server, nameless).await.unwrap_err();
    assert!(refused.to_string().contains("\"consul\""), "{refused}");
}

#[tokio::test]
async fn only_who_may_write_the_operator_configures_the_authority() {
    let (server, _) = server().await;
    let denied = server
        .write(
            configuration(json!({})),
            &Options::default(),
            &Authorizer::deny_all(),
        )
        .await;
    assert!(matches!(denied, Err(CallError::Denied(_))), "{denied:?}");
}
