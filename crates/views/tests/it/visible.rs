//! What of a value is handed out to whom.

use tribune_acl::Authorizer;
use tribune_chain::CompileError;
use tribune_derived::{ChainKey, Endpoints, Intentions, Key, Value};
use tribune_types::ServiceName;
use tribune_views::Views;

use crate::world::{World, dialing, proxy_key, settings};

#[test]
fn who_sees_all_gets_the_held_pointer_and_who_sees_nothing_a_value_that_says_nothing() {
    let mut world = World::default();
    world.ca("ab");
    world.service("n1", dialing("api", &[]));
    let api = ServiceName::new("api");
    let chain = ChainKey {
        service: api.clone(),
        datacenter: String::new(),
        overrides: Default::default(),
    };
    let rows = [
        (proxy_key("n1", "api-proxy"), Value::Proxy(None)),
        (
            Key::Endpoints(api.clone().into()),
            Value::Endpoints(Endpoints::default().into()),
        ),
        (
            Key::ServiceConfig(api.clone()),
            Value::ServiceConfig(Default::default()),
        ),
        (
            Key::Chain(chain),
            Value::Chain(Err(CompileError::Denied.into())),
        ),
        (
            Key::Intentions(api),
            Value::Intentions(Intentions::default().into()),
        ),
    ];
    let mut views = Views::new(settings(), world.snapshot());
    for (key, hidden) in rows {
        let value = views.hold(&key);
        assert!(
            views
                .visible(&key, &Authorizer::allow_all())
                .unwrap()
                .same(&value),
            "{key:?}"
        );
        let seen = views.visible(&key, &Authorizer::deny_all()).unwrap();
        assert_eq!(seen, hidden, "{key:?}");
        assert!(
            views
                .visible(&key, &Authorizer::deny_all())
                .unwrap()
                .same(&seen),
            "made once: {key:?}"
        );
    }
    for key in [Key::Roots, Key::Mesh] {
        let value = views.hold(&key);
        assert!(
            views
                .visible(&key, &Authorizer::deny_all())
                .unwrap()
                .same(&value),
            "{key:?}"
        );
    }
    assert_eq!(
        views.visible(&proxy_key("n1", "other"), &Authorizer::allow_all()),
        None,
        "it is not held"
    );
}
