use std::fs;

use serde_json::json;
use tempfile::TempDir;
use tribune_local::Settings;
use tribune_types::NodeName;
use tribune_types::definition::ServiceDefinition;

use super::folder::file_name;
use super::*;

fn local() -> Local {
    Local::new(Settings::new(NodeName::new("n1")))
}

fn register(local: &mut Local, definition: serde_json::Value, token: &str) {
    let definition: ServiceDefinition = serde_json::from_value(definition).unwrap();
    local
        .register_service(definition, Token::from(token), false, Instant::now())
        .unwrap();
}

/// Brings the disk up to date.
fn save(saved: &mut Saved, local: &Local) -> usize {
    let due = saved.due(local, Instant::now(), SystemTime::now());
    for write in &due.writes {
        write.carry_out().unwrap();
    }
    let writes = due.writes.len();
    saved.settle(due);
    writes
}

/// An agent that finds what another one left, `configured` registered before.
fn restarted(folder: &Path, configured: &[serde_json::Value]) -> (Saved, Local) {
    let (mut saved, mut local) = (Saved::open(folder).unwrap(), local());
    for definition in configured {
        register(&mut local, definition.clone(), "");
    }
    saved.configured(&local);
    let (now, time) = (Instant::now(), SystemTime::now());
    saved.restore(&mut local, now, time).unwrap();
    (saved, local)
}

fn files(folder: &Path, name: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.join(name)).unwrap();
    let entries = entries.map(Result::unwrap);
    entries
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

#[test]
fn what_was_registered_is_there_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let (mut saved, mut local) = restarted(folder.path(), &[]);
    let check = json!({"CheckID": "alive", "TTL": "1h"});
    register(
        &mut local,
        json!({"Name": "web", "Port": 1, "Check": check, "Connect": {"SidecarService": {}}}),
        "s3cret",
    );
    local
        .report(&"alive".into(), Status::Passing, "fine", Instant::now())
        .unwrap();
    local
        .maintenance(Some(&"web".into()), true, "because", Instant::now())
        .unwrap();
    assert!(save(&mut saved, &local) > 0);
    assert_eq!(save(&mut saved, &local), 0, "nothing is written twice");

    let (saved, again) = restarted(folder.path(), &[]);
    let due = saved.due(&again, Instant::now(), SystemTime::now());
    assert!(due.services.is_empty() && due.checks.is_empty());
    let rows = |local: &Local| {
        let rows = local.services().map(|(_, row)| NodeService::clone(row));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(rows(&again), rows(&local));
    assert_eq!(
        again.service_token(&"web".into()),
        Some(&Token::from("s3cret"))
    );
    assert!(again.is_managed(&"web-sidecar-proxy".into()));
    let ids = |local: &Local| local.checks().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&again), ids(&local));
    let alive = again.check(&"alive".into()).unwrap();
    assert_eq!(
        (alive.check.status.as_str(), alive.check.output.as_str()),
        ("passing", "fine")
    );
    assert!(alive.holds_for(Instant::now()).unwrap() <= Duration::from_secs(3600));
}

#[test]
fn what_was_deregistered_stays_away() {
    let folder = TempDir::new().unwrap();
    let (mut saved, mut local) = restarted(folder.path(), &[]);
    register(
        &mut local,
        json!({"Name": "web", "Check": {"TTL": "1h"}}),
        "",
    );
    save(&mut saved, &local);
    local
        .deregister_service(&"web".into(), Instant::now())
        .unwrap();
    save(&mut saved, &local);
    for name in ["services", "checks", "checks/state"] {
        assert_eq!(files(folder.path(), name), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn what_configuration_defines_is_not_kept_and_wins() {
    let folder = TempDir::new().unwrap();
    let (mut saved, mut local) = restarted(folder.path(), &[json!({"Name": "db", "Port": 5})]);
    register(&mut local, json!({"Name": "web", "Port": 1}), "");
    save(&mut saved, &local);
    assert_eq!(files(folder.path(), "services"), [file_name(&"web".into())]);

    let (_, local) = restarted(folder.path(), &[json!({"Name": "web", "Port": 2})]);
    assert_eq!(local.services().count(), 1);
    assert_eq!(local.service(&"web".into()).unwrap().port, 2);
    assert_eq!(files(folder.path(), "services"), Vec::<String>::new());
}

#[test]
fn a_report_that_no_longer_holds_is_not_put_back() {
    let folder = TempDir::new().unwrap();
    let (mut saved, mut local) = restarted(folder.path(), &[]);
    register(
        &mut local,
        json!({"Name": "web", "Check": {"CheckID": "c", "TTL": "60s"}}),
        "",
    );
    let now = Instant::now();
    local.report(&"c".into(), Status::Passing, "", now).unwrap();
    save(&mut saved, &local);
    let (mut saved, mut local) = (Saved::open(folder.path()).unwrap(), self::local());
    let later = SystemTime::now() + Duration::from_secs(61);
    saved.restore(&mut local, now, later).unwrap();
    assert_eq!(
        local.check(&"c".into()).unwrap().check.status,
        Status::Critical
    );
}

#[test]
fn a_file_that_cannot_be_used_is_put_aside_and_the_rest_is_kept() {
    let folder = TempDir::new().unwrap();
    let (mut saved, mut local) = restarted(folder.path(), &[]);
    for name in ["a", "b", "c", "d", "e"] {
        register(
            &mut local,
            json!({"Name": name, "Check": {"TTL": "1h"}}),
            "",
        );
    }
    save(&mut saved, &local);
    let services = folder.path().join("services");
    let file = |id: &str| services.join(file_name(&id.into()));
    let whole = fs::read(file("a")).unwrap();
    fs::write(file("a"), &whole[..whole.len() / 2]).unwrap();
    fs::write(file("b"), "").unwrap();
    fs::rename(file("c"), services.join("foreign")).unwrap();
    fs::write(file("d"), b"{\"Service\": {\"ID\": \"d\"}}").unwrap();
    fs::write(services.join("half.tmp"), "x").unwrap();

    let (_, local) = restarted(folder.path(), &[]);
    let left: Vec<_> = local.services().map(|(id, _)| id.as_str()).collect();
    assert_eq!(left, ["e"]);
    assert_eq!(files(folder.path(), "services"), [file_name(&"e".into())]);
    let mut aside = files(folder.path(), "quarantine");
    aside.sort();
    let mut expected = vec!["services-foreign".to_owned()];
    expected.extend(["a", "b", "d"].map(|id| format!("services-{}", file_name(&id.into()))));
    expected.sort();
    assert_eq!(aside, expected);
}

#[test]
fn no_id_leads_out_of_the_folder_or_into_anothers_file() {
    let long = "x".repeat(4096);
    let ids = [
        "../../etc/passwd",
        "a/b",
        "a\u{0}b",
        "..",
        "",
        &long,
        "web",
        "wéb",
        "wÉb",
    ];
    let names: BTreeSet<_> = ids.iter().map(|id| file_name(&(*id).into())).collect();
    assert_eq!(names.len(), ids.len());
    for name in &names {
        assert!(name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    // IDs that compare equal are one registration, whatever their case
    assert_eq!(file_name(&"Web".into()), file_name(&"web".into()));
}
