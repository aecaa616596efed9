use super::*;

#[test]
fn joining_succeeds_where_one_member_is_met() {
    let agent = Agent::new(&[
        ("PUT /v1/agent/join/10.0.0.1", 200, ""),
        ("PUT /v1/agent/join/10.0.0.2%3A8301", 500, "nobody is there"),
        ("PUT /v1/agent/join/10.0.0.3?wan=1", 200, ""),
    ]);
    let run = agent.run("join 10.0.0.1 10.0.0.2:8301");
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "Successfully joined cluster by contacting 1 nodes.\n")
    );
    assert!(
        run.err.contains("'10.0.0.2:8301'") && run.err.contains("nobody is there"),
        "{}",
        run.err
    );
    let none = agent.run("join 10.0.0.2:8301");
    assert_eq!(none.code, 1);
    assert!(
        none.err.ends_with("Failed to join any nodes.\n"),
        "{}",
        none.err
    );
    assert_eq!(agent.run("join -wan 10.0.0.3").code, 0);
    assert_eq!(agent.run("join").code, 1);
}

#[test]
fn an_agent_leaves_is_forgotten_and_reloads() {
    let agent = Agent::new(&[
        ("PUT /v1/agent/leave", 200, ""),
        ("PUT /v1/agent/force-leave/n1", 200, ""),
        ("PUT /v1/agent/force-leave/n1?prune=1&wan=1", 200, ""),
        (
            "PUT /v1/agent/force-leave/ghost",
            500,
            "No node found with name 'ghost'",
        ),
        ("PUT /v1/agent/reload", 200, ""),
    ]);
    assert_eq!(agent.run("leave").out, "Graceful leave complete\n");
    assert_eq!(agent.run("leave extra").code, 1);
    for arguments in ["n1", "-prune -wan n1"] {
        let run = agent.run(&format!("force-leave {arguments}"));
        assert_eq!(
            (run.code, run.out.as_str()),
            (0, ""),
            "{arguments}: {}",
            run.err
        );
    }
    for arguments in ["", " ghost", " a b"] {
        assert_eq!(
            agent.run(&format!("force-leave{arguments}")).code,
            1,
            "{arguments}"
        );
    }
    assert_eq!(agent.run("reload").out, "Configuration reload triggered\n");
}

#[test]
fn figures_are_shown_section_by_section() {
    let agent = Agent::new(&[(
        "GET /v1/agent/self",
        200,
        r#"{"Stats":{"raft":{"term":"3","applied_index":"7"},"agent":{"services":"2"}}}"#,
    )]);
    assert_eq!(
        agent.run("info").out,
        "agent:\n\tservices = 2\nraft:\n\tapplied_index = 7\n\tterm = 3\n"
    );
    let odd = Agent::new(&[("GET /v1/agent/self", 200, "{}")]);
    assert_eq!(odd.run("info").code, 1);
    assert_eq!(alone("info").code, 1);
}

#[test]
fn the_log_is_followed_to_its_end() {
    let agent = Agent::new(&[
        ("GET /v1/agent/monitor?loglevel=INFO", 200, "one\ntwo\n"),
        (
            "GET /v1/agent/monitor?loglevel=DEBUG&logjson=true",
            200,
            "{}\n",
        ),
        (
            "GET /v1/agent/monitor?loglevel=ERROR",
            403,
            "Permission denied",
        ),
    ]);
    let run = agent.run("monitor");
    assert_eq!((run.code, run.out.as_str()), (0, "one\ntwo\n"));
    assert_eq!(agent.run("monitor -log-level debug -log-json").out, "{}\n");
    let denied = agent.run("monitor -log-level err");
    assert_eq!(denied.code, 1);
    assert!(denied.err.contains("Permission denied"), "{}", denied.err);
    assert_eq!(agent.run("monitor -log-level LOUD").code, 1);
    assert_eq!(agent.asked().len(), 3);
}

#[test]
fn configuration_is_judged_by_file_and_by_folder() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = "data_dir = \"/tmp/x\"\nbind_addr = \"127.0.0.1\"\n";
    let ok = write("ok.hcl", good);
    let json = write(
        "ok.json",
        r#"{"data_dir":"/tmp/x","bind_addr":"127.0.0.1"}"#,
    );
    let plain = write("plain", good);
    let unknown = write("unknown.hcl", "data_dir = \"/tmp/x\"\nflavour = \"x\"\n");
    write("dir/a.hcl", good);
    write("dir/b.json", r#"{"datacenter":"dc9"}"#);
    write("dir/c.txt", "garbage {");
    let dir = folder.path().join("dir").display().to_string();
    for (arguments, code, out) in [
        (ok.clone(), 0, "Configuration is valid!\n"),
        (format!("{ok} {json}"), 0, "Configuration is valid!\n"),
        (dir, 0, "Configuration is valid!\n"),
        (format!("-quiet {json}"), 0, ""),
        (
            format!("-config-format hcl {plain}"),
            0,
            "Configuration is valid!\n",
        ),
        (format!("-config-format json {plain}"), 1, ""),
        (format!("-config-format yaml {ok}"), 1, ""),
        (plain.clone(), 1, ""),
        (unknown, 1, ""),
        ("/no/such.hcl".to_owned(), 1, ""),
        (String::new(), 1, ""),
    ] {
        let run = alone(&format!("validate {arguments}"));
        assert_eq!(
            (run.code, run.out.as_str()),
            (code, out),
            "{arguments}: {}",
            run.err
        );
        assert_eq!(run.err.is_empty(), code == 0, "{arguments}: {}", run.err);
    }
}
