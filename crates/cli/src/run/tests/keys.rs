use super::*;

const KEYS: &str = r#"[
    {"WAN":true,"Datacenter":"dc1","Segment":"","Keys":{"aaa=":2,"bbb=":1},"PrimaryKeys":{"aaa=":2},"NumNodes":2},
    {"WAN":false,"Datacenter":"dc1","Segment":"","Messages":{"n2":"slow"},"Keys":{"aaa=":3},"PrimaryKeys":{"aaa=":3},"NumNodes":3}]"#;

#[test]
fn a_key_is_32_random_bytes() {
    use base64::Engine as _;
    let (one, other) = (alone("keygen").out, alone("keygen").out);
    assert_ne!(one, other);
    let key = base64::engine::general_purpose::STANDARD
        .decode(one.trim_end())
        .unwrap();
    assert_eq!(key.len(), 32);
    assert_eq!(alone("keygen extra").code, 1);
}

#[test]
fn keys_are_listed_pool_by_pool() {
    let agent = Agent::new(&[
        ("GET /v1/operator/keyring", 200, KEYS),
        (
            "GET /v1/operator/keyring?relay-factor=2&local-only=true",
            200,
            KEYS,
        ),
    ]);
    assert_eq!(
        agent.run("keyring -list").out,
        "==> Gathering installed encryption keys...\n\nWAN:\n  aaa= [2/2]\n  bbb= [1/2]\n\n\
         dc1 (LAN):\n  ===> n2: slow\n  aaa= [3/3]\n"
    );
    let primary = agent
        .run("keyring -list-primary -relay-factor 2 -local-only")
        .out;
    assert!(
        primary.ends_with("WAN:\n  aaa= [2/2]\n\ndc1 (LAN):\n  ===> n2: slow\n  aaa= [3/3]\n"),
        "{primary}"
    );
    let broken = KEYS.replace(
        "\"NumNodes\":2",
        "\"NumNodes\":2,\"Error\":\"1/2 nodes failed\"",
    );
    let agent = Agent::new(&[("GET /v1/operator/keyring", 200, &broken)]);
    let run = agent.run("keyring -list");
    assert_eq!((run.code, run.err.as_str()), (1, "WAN: 1/2 nodes failed\n"));
}

#[test]
fn keys_are_changed_and_never_on_the_way_in_the_url() {
    let agent = Agent::new(&[
        ("POST /v1/operator/keyring", 200, ""),
        ("PUT /v1/operator/keyring", 200, ""),
        (
            "DELETE /v1/operator/keyring",
            500,
            "dc1 (LAN) error: removing the primary key is not allowed",
        ),
    ]);
    assert_eq!(
        agent.run("keyring -install aaa=").out,
        "==> Installing new gossip encryption key...\n"
    );
    assert_eq!(
        agent.run("keyring -use aaa=").out,
        "==> Changing primary gossip encryption key...\n"
    );
    let run = agent.run("keyring -remove aaa=");
    assert_eq!(run.code, 1);
    assert!(run.err.contains("primary key"), "{}", run.err);
    assert_eq!(
        agent.asked(),
        [
            r#"POST /v1/operator/keyring {"Key":"aaa="}"#,
            r#"PUT /v1/operator/keyring {"Key":"aaa="}"#,
            r#"DELETE /v1/operator/keyring {"Key":"aaa="}"#,
        ]
    );
    for arguments in [
        "",
        " -list -use aaa=",
        " -list -relay-factor 6",
        " -use aaa= -local-only",
        " -list extra",
    ] {
        assert_eq!(
            agent.run(&format!("keyring{arguments}")).code,
            1,
            "{arguments}"
        );
    }
}
