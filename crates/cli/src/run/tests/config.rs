use super::*;

#[test]
fn an_entry_is_written_from_hcl_or_json_and_conditionally() {
    let agent = Agent::new(&[
        ("PUT /v1/config", 200, "true"),
        ("PUT /v1/config?cas=0", 200, "false"),
        ("PUT /v1/config?cas=7", 200, "true"),
    ]);
    let hcl = "Kind = \"service-defaults\"\nName = \"web\"\nmesh_gateway { Mode = \"local\" }\nMaxInboundConnections = \"7\"\n";
    let run = agent.run_with("config write -", hcl, &[]);
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "Config entry written: service-defaults/web\n"),
        "{run:?}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("entry.json");
    std::fs::write(
        &file,
        r#"{"kind":"proxy-defaults","name":"global","config":{"a":[{"b":1}]}}"#,
    )
    .unwrap();
    let run = agent.run(&format!("config write -modify-index 3 {}", file.display()));
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "Config entry written: proxy-defaults/global\n"),
        "{run:?}"
    );
    assert_eq!(
        agent.asked()[1],
        r#"PUT /v1/config {"config":{"a":[{"b":1}]},"kind":"proxy-defaults","name":"global"}"#
    );
    assert_eq!(
        agent
            .run_with("config write -cas -modify-index 7 -", hcl, &[])
            .code,
        0
    );
    let refused = agent.run_with("config write -cas -", hcl, &[]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert_eq!(
        refused.err,
        "Config entry not updated: service-defaults/web\n"
    );
    let mesh = agent.run_with("config write -", "Kind = \"mesh\"\n", &[]);
    assert_eq!(mesh.out, "Config entry written: mesh/mesh\n");
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_its_place_and_sent_nowhere() {
    let agent = Agent::new(&[]);
    for (text, said) in [
        ("Kind = \"service-defaults\"\nName = \n", "line 3, column 1"),
        (
            "Kind = \"service-defaults\"\nName = \"x\"\nProtokol = 1\n",
            "line 3, column 1",
        ),
        (
            "Kind = \"service-defaults\"\nName = \"x\"\nMaxInboundConnections = \"many\"\n",
            "line 3",
        ),
        ("Name = \"x\"\n", "\"Kind\""),
        ("", "\"Kind\""),
        ("[{\"Kind\": \"mesh\"}]", "\"Kind\""),
    ] {
        let run = agent.run_with("config write -", text, &[]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{text}");
        assert!(run.err.contains(said), "{text}: {}", run.err);
    }
    for arguments in [
        "write",
        "write a b",
        "write /no/such",
        "write -bogus -",
        "write -modify-index x -",
    ] {
        assert_eq!(
            agent.run(&format!("config {arguments}")).code,
            1,
            "{arguments}"
        );
    }
    assert!(agent.asked().is_empty());
}

#[test]
fn a_kind_that_is_not_known_here_is_for_the_servers_to_judge() {
    let agent = Agent::new(&[(
        "PUT /v1/config",
        400,
        "invalid config entry kind: service-magic",
    )]);
    let run = agent.run_with(
        "config write -",
        "Kind = \"service-magic\"\nName = \"x\"\n",
        &[],
    );
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("invalid config entry kind: service-magic"),
        "{run:?}"
    );
}

#[test]
fn an_entry_is_printed_without_its_hash() {
    let agent = Agent::new(&[(
        "GET /v1/config/mesh/mesh?stale",
        200,
        r#"{"Kind":"mesh","Hash":7,"ModifyIndex":3}"#,
    )]);
    let run = agent.run("config read -kind mesh -name mesh -stale");
    assert_eq!(
        run.out,
        "{\n    \"Kind\": \"mesh\",\n    \"ModifyIndex\": 3\n}\n"
    );
    for arguments in ["-kind mesh", "-name mesh", "-kind mesh -name ghost"] {
        let run = agent.run(&format!("config read {arguments}"));
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments}");
    }
}

#[test]
fn entries_are_listed_by_name() {
    let agent = Agent::new(&[
        (
            "GET /v1/config/service-defaults",
            200,
            r#"[{"Name":"alpha"},{"Name":"beta"}]"#,
        ),
        ("GET /v1/config/service-defaults?filter=x", 200, "[]"),
        ("GET /v1/config/mesh", 200, r#"[{"Kind":"mesh"}]"#),
    ]);
    assert_eq!(
        agent.run("config list --kind service-defaults extra").out,
        "alpha\nbeta\n"
    );
    assert_eq!(
        agent
            .run("config list -kind service-defaults -filter x")
            .out,
        ""
    );
    assert_eq!(agent.run("config list -kind=mesh").out, "mesh\n");
    assert_eq!(agent.run("config list").code, 1);
    assert_eq!(agent.run("config list -kind nope").code, 1);
}

#[test]
fn an_entry_is_deleted_by_name_or_file_and_conditionally() {
    let agent = Agent::new(&[
        ("DELETE /v1/config/service-defaults/web", 200, "{}"),
        ("DELETE /v1/config/service-defaults/web?cas=3", 200, "false"),
        ("DELETE /v1/config/service-defaults/web?cas=4", 200, "true"),
    ]);
    let named = "-kind service-defaults -name web";
    let deleted = "Config entry deleted: service-defaults/web\n";
    for (arguments, code, out) in [
        (named.to_owned(), 0, deleted),
        ("-filename -".to_owned(), 0, deleted),
        (format!("{named} -cas -modify-index 4"), 0, deleted),
        (format!("{named} -cas -modify-index 3"), 1, ""),
        (format!("{named} -cas"), 1, ""),
        (format!("{named} -modify-index 3"), 1, ""),
        (format!("{named} -filename -"), 1, ""),
        ("-kind service-defaults".to_owned(), 1, ""),
        (String::new(), 1, ""),
        ("-filename /no/such".to_owned(), 1, ""),
    ] {
        let input = "Kind = \"service-defaults\"\nName = \"web\"\n";
        let run = agent.run_with(&format!("config delete {arguments}"), input, &[]);
        assert_eq!(
            (run.code, run.out.as_str()),
            (code, out),
            "{arguments}: {}",
            run.err
        );
    }
}
