use super::*;

const NODES: &str = r#"[
    {"ID":"aaaaaaaa-0000","Node":"dc1-node","Address":"127.0.0.1","Datacenter":"dc1","Meta":null,"TaggedAddresses":null},
    {"ID":"","Node":"n1","Address":"10.10.1.1","Datacenter":"dc1","TaggedAddresses":{"wan":"10.20.1.1"},
     "Meta":{"zone":"a","os":"linux"}}]"#;

#[test]
fn nodes_are_listed_in_columns() {
    let agent = Agent::new(&[
        ("GET /v1/catalog/nodes", 200, NODES),
        (
            "GET /v1/catalog/nodes?filter=x&near=n1&node-meta=zone%3Aa&stale",
            200,
            "[]",
        ),
        ("GET /v1/catalog/nodes?filter=bad", 500, "no"),
    ]);
    assert_eq!(
        agent.run("catalog nodes").out,
        "Node      ID        Address    DC\ndc1-node  aaaaaaaa  127.0.0.1  dc1\nn1                  10.10.1.1  dc1\n"
    );
    let detailed = agent.run("catalog nodes -detailed").out;
    assert!(
        detailed.contains("aaaaaaaa-0000  127.0.0.1  dc1\n"),
        "{detailed}"
    );
    assert!(
        detailed.ends_with("10.10.1.1  dc1  wan=10.20.1.1    os=linux, zone=a\n"),
        "{detailed}"
    );
    let none = agent.run("catalog nodes -stale -near n1 -node-meta zone=a -filter x");
    assert_eq!(
        (none.code, none.out.as_str(), none.err.is_empty()),
        (0, "", false)
    );
    assert_eq!(agent.run("catalog nodes -filter bad").code, 1);
    assert_eq!(agent.run("catalog nodes extra").code, 1);
}

#[test]
fn a_node_with_several_instances_of_a_service_is_listed_once() {
    let row = r#"{"ID":"11111111-1","Node":"n1","Address":"10.10.1.1","Datacenter":"dc1","ServiceName":"till"}"#;
    let rows = format!("[{row},{row}]");
    let agent = Agent::new(&[("GET /v1/catalog/service/till", 200, &rows)]);
    let run = agent.run("catalog nodes -service till");
    assert_eq!(
        run.out,
        "Node  ID        Address    DC\nn1    11111111  10.10.1.1  dc1\n"
    );
}

#[test]
fn services_are_listed_with_or_without_tags() {
    let of_node = r#"{"Node":{"Node":"n1"},"Services":[
        {"ID":"t1","Service":"till","Tags":["x"]},{"ID":"d","Service":"desk"},{"ID":"t2","Service":"till","Tags":["x","n1"]}]}"#;
    let agent = Agent::new(&[
        (
            "GET /v1/catalog/services",
            200,
            r#"{"till":["x","n2","n1"],"consul":[]}"#,
        ),
        ("GET /v1/catalog/node-services/n1", 200, of_node),
        (
            "GET /v1/catalog/node-services/ghost",
            200,
            r#"{"Node":null,"Services":null}"#,
        ),
    ]);
    assert_eq!(agent.run("catalog services").out, "consul\ntill\n");
    assert_eq!(
        agent.run("catalog services -tags").out,
        "consul\ntill        n1,n2,x\n"
    );
    assert_eq!(
        agent.run("catalog services -node n1 -tags").out,
        "desk\ntill      n1,x\n"
    );
    let none = agent.run("catalog services -node ghost");
    assert_eq!(
        (none.code, none.out.as_str(), none.err.is_empty()),
        (0, "", false)
    );
}
