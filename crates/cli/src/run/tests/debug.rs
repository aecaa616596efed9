use super::*;

#[test]
fn what_exists_is_collected_into_an_archive() {
    let agent = Agent::new(&[
        ("GET /v1/agent/self", 200, r#"{"Config":{"NodeName":"n1"}}"#),
        (
            "GET /v1/agent/members",
            200,
            r#"[{"Name":"n1","Status":1}]"#,
        ),
        (
            "GET /v1/operator/raft/configuration",
            200,
            r#"{"Servers":[],"Index":1}"#,
        ),
        ("GET /v1/mesh/proxies?cluster", 200, "[]"),
        ("GET /v1/agent/monitor?loglevel=DEBUG", 200, "a line\n"),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("found").display().to_string();
    let run = agent.run(&format!("debug -output {output} -duration 10s"));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("Cannot capture host"), "{}", run.err);
    assert!(!std::path::Path::new(&output).exists());
    let archive = std::fs::File::open(format!("{output}.tar.gz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut names = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        if name == "found/consul.log" {
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            assert_eq!(text, "a line\n");
        }
        names.push(name);
    }
    names.sort();
    assert_eq!(
        names
            .iter()
            .map(|name| name.trim_end_matches('/'))
            .collect::<Vec<_>>(),
        [
            "found",
            "found/agent.json",
            "found/consul.log",
            "found/members.json",
            "found/proxies.json",
            "found/servers.json"
        ]
    );
}

#[test]
fn a_folder_is_kept_where_no_archive_is_wanted_and_never_overwritten() {
    let agent = Agent::new(&[("GET /v1/agent/members", 200, "[]")]);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("found").display().to_string();
    let command = format!("debug -output {output} -archive=false -capture cluster -capture pprof");
    let run = agent.run(&command);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(std::path::Path::new(&output).join("members.json").exists());
    assert_eq!(agent.run(&command).code, 1);
    for arguments in [
        "extra",
        "-capture everything",
        "-duration 1s",
        "-duration soon",
    ] {
        assert_eq!(
            agent.run(&format!("debug {arguments}")).code,
            1,
            "{arguments}"
        );
    }
}
