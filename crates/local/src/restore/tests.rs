use tribune_types::definition::ServiceDefinition;

use super::*;
use crate::fixture::{SECOND, local, service, start, ttl, with_checks, with_sidecar};

/// What an agent that ended had, put into one that starts.
fn restarted(ended: &Local, now: Instant) -> Local {
    let mut local = local();
    for (id, row) in ended.services() {
        let token = ended.service_token(id).cloned().unwrap();
        let managed = ended.is_managed(id);
        let row = NodeService::clone(row);
        assert!(local.restore_service(row, token, managed).unwrap());
    }
    for (_, state) in ended.checks() {
        let row = HealthCheck::clone(&state.check);
        let definition = state
            .definition()
            .map(|definition| CheckType::clone(definition));
        let token = state.token.clone();
        assert!(local.restore_check(row, definition, token, now).unwrap());
    }
    local
}

fn registered() -> Local {
    let mut local = local();
    let web = with_sidecar("web", 80, ServiceDefinition::default());
    local
        .register_service(web, Token::from("t"), false, start())
        .unwrap();
    let db = with_checks("db", vec![ttl("alive")]);
    local
        .register_service(db, Token::default(), false, start())
        .unwrap();
    local
        .maintenance(Some(&"web".into()), true, "", start())
        .unwrap();
    local
}

#[test]
fn everything_comes_back_as_it_was_registered() {
    let now = start();
    let ended = registered();
    let mut local = restarted(&ended, now);
    let services = |local: &Local| {
        let rows = local.services().map(|(_, row)| NodeService::clone(row));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(services(&local), services(&ended));
    let ids = |local: &Local| local.checks().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&local), ids(&ended));
    assert_eq!(local.service_token(&"web".into()), Some(&Token::from("t")));
    assert_eq!(local.probes().count(), ended.probes().count());
    local.deregister_service(&"web".into(), now).unwrap();
    assert_eq!(
        local.services().count(),
        1,
        "the sidecar leaves with its service"
    );
}

#[test]
fn a_report_holds_for_what_was_left_of_its_time() {
    let now = start();
    let mut local = restarted(&registered(), now);
    let id: Name = "alive".into();
    assert_eq!(local.check(&id).unwrap().check.status, Status::Critical);
    local.restore_result(&id, Status::Passing, "fine", 10 * SECOND, now);
    let state = local.check(&id).unwrap();
    assert_eq!(
        (state.check.status.as_str(), state.check.output.as_str()),
        ("passing", "fine")
    );
    assert_eq!(state.holds_for(now), Some(10 * SECOND));
    local.handle_timeout(now + 10 * SECOND);
    assert_eq!(local.check(&id).unwrap().check.status, Status::Critical);
}

#[test]
fn what_is_registered_already_wins() {
    let mut local = local();
    local
        .register_service(service("web", 1), Token::default(), false, start())
        .unwrap();
    let row = NodeService {
        id: "web".into(),
        service: tribune_types::ServiceName::new("web"),
        port: 2,
        ..NodeService::default()
    };
    assert!(!local.restore_service(row, Token::default(), false).unwrap());
    assert_eq!(local.service(&"web".into()).unwrap().port, 1);
}

#[test]
fn what_cannot_be_is_refused() {
    let mut local = local();
    let nameless = NodeService::default();
    assert!(
        local
            .restore_service(nameless, Token::default(), false)
            .is_err()
    );
    let lost = HealthCheck {
        check_id: "c".into(),
        service_id: "gone".into(),
        ..HealthCheck::default()
    };
    assert!(matches!(
        local.restore_check(lost, Some(ttl("c")), Token::default(), start()),
        Err(RegisterError::NoSuchService(_))
    ));
}

#[test]
fn output_that_is_dropped_is_not_kept() {
    let mut local = registered();
    local.discard_check_output(true);
    let id: Name = "alive".into();
    local
        .report(&id, Status::Passing, "words", start())
        .unwrap();
    assert_eq!(local.check(&id).unwrap().check.output, "");
}
