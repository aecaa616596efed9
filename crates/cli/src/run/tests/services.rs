use super::*;

const HCL: &str = r#"
service {
  name = "web"
  port = 8080
  tags = ["a"]
  check { name = "alive" ttl = "10s" }
  connect { sidecar_service { proxy { upstreams { destination_name = "api" local_bind_port = 9191 } } } }
}
check { id = "node-check" name = "n" ttl = "1h" }
"#;

#[test]
fn services_and_checks_of_files_are_registered() {
    let agent = Agent::new(&[
        ("PUT /v1/agent/service/register", 200, ""),
        ("PUT /v1/agent/check/register", 200, ""),
        ("PUT /v1/agent/service/deregister/web", 200, ""),
    ]);
    let run = agent.run_with("services register -", HCL, &[]);
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "Registered service: web\n"),
        "{}",
        run.err
    );
    let asked = agent.asked();
    let body = asked[0]
        .strip_prefix("PUT /v1/agent/service/register ")
        .unwrap();
    let service: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        (&service["Name"], &service["Port"]),
        (&"web".into(), &8080.into())
    );
    let upstream = &service["Connect"]["SidecarService"]["Proxy"]["Upstreams"][0];
    assert_eq!(
        (&upstream["DestinationName"], &upstream["LocalBindPort"]),
        (&"api".into(), &9191.into())
    );
    assert!(
        asked[1].starts_with("PUT /v1/agent/check/register {"),
        "{asked:?}"
    );
    assert_eq!(
        agent.run_with("services deregister -", HCL, &[]).out,
        "Deregistered service: web\n"
    );
}

#[test]
fn a_service_is_registered_from_flags() {
    let agent = Agent::new(&[("PUT /v1/agent/service/register", 200, "")]);
    let run = agent.run(
        "services register -name web -id web-1 -port 80 -tag a -tag b -meta k=v -tagged-address lan=[::1]:8080 -kind connect-proxy",
    );
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "Registered service: web\n"),
        "{}",
        run.err
    );
    let body = agent.asked().remove(0);
    for part in [
        r#""Kind":"connect-proxy""#,
        r#""ID":"web-1""#,
        r#""Port":80"#,
        r#""Tags":["a","b"]"#,
        r#""Meta":{"k":"v"}"#,
        r#""TaggedAddresses":{"lan":{"Address":"::1","Port":8080}}"#,
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
}

#[test]
fn what_cannot_be_registered_is_said() {
    let agent = Agent::new(&[(
        "PUT /v1/agent/service/register",
        400,
        "Missing service name",
    )]);
    for (arguments, input, said) in [
        ("register", "", "at least one argument or flags"),
        ("register -name web -", HCL, "together"),
        (
            "register -name web -tagged-address lan=x",
            "",
            "-tagged-address",
        ),
        ("register -port 80", "", "Missing service name"),
        ("register -port many", "", "many"),
        ("register -", "service { nam = \"x\" }", "line 1"),
        ("register -", "data_dir = \"/x\"", "data_dir"),
        ("deregister", "", "either files or the -id flag"),
        ("deregister -id web -", HCL, "either files or the -id flag"),
        ("deregister -id ghost", "", "404"),
    ] {
        let run = agent.run_with(&format!("services {arguments}"), input, &[]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments}");
        assert!(run.err.contains(said), "{arguments}: {}", run.err);
    }
}
