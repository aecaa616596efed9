//! What results and time make of checks.

use tribune_types::definition::CheckType;
use tribune_types::{GoDuration, Status, Token};

use crate::fixture::{
    SECOND, alone, local, name, passing, service, settings, start, tcp, ttl, with_checks,
};

use super::*;

fn result(status: Status, output: &str) -> ProbeResult {
    ProbeResult {
        status,
        output: output.to_owned(),
    }
}

#[test]
fn reports_are_taken_for_checks_that_wait_for_them() {
    let mut local = local();
    let now = start();
    local
        .add(with_checks("web", vec![ttl("t"), tcp("p")]), now)
        .unwrap();
    local
        .report(&name("t"), Status::Passing, "fine", now)
        .unwrap();
    assert_eq!(local.says("t"), (Status::Passing, "fine"));
    let no_ttl = Err(UnknownCheck::NoTtl(name("p")));
    assert_eq!(local.report(&name("p"), Status::Passing, "", now), no_ttl);
    let unknown = Err(UnknownCheck::NoSuchCheck(name("x")));
    assert_eq!(local.report(&name("x"), Status::Passing, "", now), unknown);
}

#[test]
fn a_report_that_does_not_come_in_time_is_critical() {
    let mut local = local();
    let now = start();
    local
        .add(with_checks("web", vec![passing("t")]), now)
        .unwrap();
    assert_eq!(local.poll_timeout(), Some(now + 60 * SECOND));
    local.handle_timeout(now + 59 * SECOND);
    assert_eq!(local.says("t"), (Status::Passing, ""));
    local
        .report(&name("t"), Status::Passing, "", now + 59 * SECOND)
        .unwrap();
    local.handle_timeout(now + 60 * SECOND);
    assert_eq!(local.says("t").0, Status::Passing);
    local.handle_timeout(now + 119 * SECOND);
    assert_eq!(local.says("t"), (Status::Critical, "TTL expired"));
    assert_eq!(local.poll_timeout(), None);

    local
        .report(&name("t"), Status::Warning, "slow", now + 120 * SECOND)
        .unwrap();
    local.handle_timeout(now + 180 * SECOND);
    let output = "TTL expired (last output before timeout follows): slow";
    assert_eq!(local.says("t"), (Status::Critical, output));
}

#[test]
fn a_probe_takes_as_many_results_in_a_row_as_the_check_says() {
    let mut local = local();
    let now = start();
    let check = CheckType {
        success_before_passing: 2,
        failures_before_warning: 2,
        failures_before_critical: 3,
        ..tcp("p")
    };
    local.add(with_checks("web", vec![check]), now).unwrap();
    let mut says = |status: Status| {
        local.handle_probe(&name("p"), &result(status.clone(), status.as_str()), now);
        local.says("p").0
    };
    let (good, bad) = (Status::Passing, Status::Critical);
    assert_eq!(says(good.clone()), Status::Critical);
    assert_eq!(says(good.clone()), Status::Passing);
    assert_eq!(says(bad.clone()), Status::Passing);
    assert_eq!(says(good.clone()), Status::Passing);
    assert_eq!(says(bad.clone()), Status::Passing);
    assert_eq!(says(bad.clone()), Status::Warning);
    assert_eq!(says(bad), Status::Critical);
}

#[test]
fn one_result_is_enough_where_the_check_says_nothing() {
    let mut local = local();
    let now = start();
    local.add(with_checks("web", vec![tcp("p")]), now).unwrap();
    for status in [Status::Passing, Status::Warning, Status::Critical] {
        local.handle_probe(&name("p"), &result(status.clone(), "x"), now);
        assert_eq!(local.says("p"), (status, "x"));
    }
}

#[test]
fn results_for_other_checks_are_ignored() {
    let mut local = local();
    let now = start();
    local.add(with_checks("web", vec![ttl("t")]), now).unwrap();
    let before = local.version();
    for id in ["t", "gone"] {
        local.handle_probe(&name(id), &result(Status::Passing, "x"), now);
    }
    assert_eq!(
        (local.says("t"), local.version()),
        ((Status::Critical, ""), before)
    );
}

#[test]
fn output_is_cut_between_characters() {
    let mut local = local();
    let now = start();
    let small = CheckType {
        output_max_size: 4,
        ..ttl("small")
    };
    local
        .add(with_checks("web", vec![small, ttl("large")]), now)
        .unwrap();
    local
        .report(&name("small"), Status::Passing, "abcéf", now)
        .unwrap();
    assert_eq!(local.says("small").1, "abc");
    local
        .report(&name("large"), Status::Passing, &"x".repeat(5000), now)
        .unwrap();
    assert_eq!(local.says("large").1.len(), 4096);
}

#[test]
fn a_service_that_is_critical_for_too_long_is_removed() {
    let mut local = local();
    let now = start();
    let after = |seconds| GoDuration::from_secs(seconds);
    let dying = CheckType {
        deregister_critical_service_after: after(90),
        ttl: after(1000),
        ..passing("t")
    };
    local.add(with_checks("web", vec![dying]), now).unwrap();
    local
        .report(&name("t"), Status::Critical, "", now + SECOND)
        .unwrap();
    local
        .report(&name("t"), Status::Critical, "still", now + 50 * SECOND)
        .unwrap();
    assert_eq!(local.poll_timeout(), Some(now + 91 * SECOND));
    local
        .report(&name("t"), Status::Warning, "", now + 60 * SECOND)
        .unwrap();
    local.handle_timeout(now + 91 * SECOND);
    assert_eq!(local.service_ids(), ["web"]);
    local
        .report(&name("t"), Status::Critical, "", now + 100 * SECOND)
        .unwrap();
    local.handle_timeout(now + 189 * SECOND);
    assert_eq!(local.service_ids(), ["web"]);
    local.handle_timeout(now + 190 * SECOND);
    assert_eq!((local.services().count(), local.checks().count()), (0, 0));

    let soon = CheckType {
        deregister_critical_service_after: after(1),
        ..tcp("p")
    };
    local.add(with_checks("web", vec![soon]), now).unwrap();
    assert_eq!(local.poll_timeout(), Some(now + 60 * SECOND));
}

#[test]
fn a_check_of_the_node_removes_nothing() {
    let mut local = local();
    let now = start();
    let check = CheckType {
        deregister_critical_service_after: GoDuration::from_secs(60),
        ..alone(tcp("p"), "")
    };
    local.register_check(check, Token::default(), now).unwrap();
    assert_eq!(local.poll_timeout(), None);
}

#[test]
fn an_output_without_a_new_status_reaches_the_catalog_later() {
    let mut local = local();
    let now = start();
    local.add(with_checks("web", vec![tcp("p")]), now).unwrap();
    local.sync_all();
    for output in ["one", "two"] {
        local.handle_probe(&name("p"), &result(Status::Critical, output), now);
    }
    assert_eq!(local.says("p").1, "two");
    assert_eq!(local.poll_sync(), None);
    assert_eq!(local.poll_timeout(), Some(now + 300 * SECOND));
    local.handle_timeout(now + 300 * SECOND);
    assert_eq!(local.sync_all().len(), 1);

    local.handle_probe(&name("p"), &result(Status::Critical, "three"), now);
    local.handle_probe(&name("p"), &result(Status::Passing, "four"), now);
    assert_eq!(local.sync_all().len(), 1);
    assert_eq!(local.poll_timeout(), None);
}

#[test]
fn an_output_reaches_the_catalog_at_once_where_so_configured() {
    let settings = Settings {
        check_update_interval: Duration::ZERO,
        ..settings()
    };
    let mut local = Local::new(settings);
    let now = start();
    local.add(with_checks("web", vec![tcp("p")]), now).unwrap();
    local.sync_all();
    local.handle_probe(&name("p"), &result(Status::Critical, "one"), now);
    assert_eq!(local.sync_all().len(), 1);
}

#[test]
fn versions_change_with_what_they_stand_for() {
    let mut local = local();
    let now = start();
    let mut last = (0, 0);
    let mut changed = |local: &Local| {
        let versions = (local.version(), local.probes_version());
        let changed = (versions.0 != last.0, versions.1 != last.1);
        last = versions;
        changed
    };
    local.add(service("web", 1), now).unwrap();
    assert_eq!(changed(&local), (true, false));
    local.add(service("web", 1), now).unwrap();
    assert_eq!(changed(&local), (false, false));
    local.add(with_checks("web", vec![tcp("p")]), now).unwrap();
    assert_eq!(changed(&local), (true, true));
    local.handle_probe(&name("p"), &result(Status::Passing, "x"), now);
    assert_eq!(changed(&local), (true, false));
    local.handle_probe(&name("p"), &result(Status::Passing, "x"), now);
    assert_eq!(changed(&local), (false, false));
    local.add(with_checks("web", vec![tcp("p")]), now).unwrap();
    assert_eq!(changed(&local), (false, false));
    local.deregister_check(&name("p"), now).unwrap();
    assert_eq!(changed(&local), (true, true));
}

#[test]
fn registering_again_does_not_start_the_time_until_removal_anew() {
    let mut local = local();
    let now = start();
    let dying = || {
        let deregister_critical_service_after = GoDuration::from_secs(90);
        with_checks(
            "web",
            vec![CheckType {
                deregister_critical_service_after,
                ..tcp("p")
            }],
        )
    };
    local.add(dying(), now).unwrap();
    local.add(dying(), now + 50 * SECOND).unwrap();
    assert_eq!(local.poll_timeout(), Some(now + 90 * SECOND));
    local.handle_probe(&name("p"), &result(Status::Passing, ""), now + 60 * SECOND);
    local.add(dying(), now + 70 * SECOND).unwrap();
    assert_eq!(local.poll_timeout(), None);
}

#[test]
fn registering_again_does_not_forget_an_output_that_the_catalog_lacks() {
    let mut local = local();
    let now = start();
    local.add(with_checks("web", vec![tcp("p")]), now).unwrap();
    local.handle_probe(
        &name("p"),
        &result(Status::Critical, "told with the registration"),
        now,
    );
    assert_eq!(local.poll_timeout(), None);
    local.sync_all();
    local.handle_probe(&name("p"), &result(Status::Critical, "told later"), now);
    local
        .add(with_checks("web", vec![tcp("p")]), now + SECOND)
        .unwrap();
    assert_eq!(local.poll_timeout(), Some(now + 300 * SECOND));
}

#[test]
fn what_has_expired_does_not_expire_again_when_it_is_registered_again() {
    let mut local = local();
    let now = start();
    local.add(with_checks("web", vec![ttl("t")]), now).unwrap();
    local.handle_timeout(now + 60 * SECOND);
    local
        .add(with_checks("web", vec![ttl("t")]), now + 61 * SECOND)
        .unwrap();
    local.handle_timeout(now + 200 * SECOND);
    assert_eq!(local.says("t"), (Status::Critical, "TTL expired"));
}
