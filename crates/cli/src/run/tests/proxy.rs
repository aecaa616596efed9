use super::*;

const PROXIES: &str = r#"[
    {"ID":"web-sidecar-proxy","Node":"n1","Kind":"connect-proxy","Service":"web","State":"ready","ConnectedSince":"2026-11-23T21:00:00Z","Problems":null,
     "Resources":[{"Type":"Cluster","Name":"local_app","State":"synced","Version":"a1"},
                  {"Type":"Listener","Name":"public_listener","State":"rejected","Version":"b2","Reason":"no such filter"},
                  {"Type":"Listener","Name":"db","State":"sent","Version":"c3"}]},
    {"ID":"ghost","Node":"n1","State":"not registered","ConnectedSince":"2026-11-23T21:00:01Z","Resources":null,"Problems":["envoy_local_cluster_json: bad"]}]"#;

#[test]
fn every_connected_proxy_is_shown_and_what_is_wrong_with_it() {
    let agent = Agent::new(&[("GET /v1/mesh/proxies", 200, PROXIES)]);
    assert_eq!(
        agent.run("proxy status").out,
        "Proxy              Kind              Service  Connected Since       Synced  Stale  Rejected\n\
         web-sidecar-proxy  connect-proxy     web      2026-11-23T21:00:00Z  1       1      1\n\
         ghost              (not registered)           2026-11-23T21:00:01Z  0       0      0\n\
         \nweb-sidecar-proxy:\n  Listener public_listener: rejected: no such filter\n  Listener db: sent, not answered yet\n\
         \nghost:\n  no configuration: not registered\n  not built: envoy_local_cluster_json: bad\n"
    );
    let json: serde_json::Value =
        serde_json::from_str(&agent.run("proxy status -format=json").out).unwrap();
    assert_eq!(json[0]["Resources"][1]["Reason"], "no such filter");
    assert_eq!(agent.run("proxy status -format xml").code, 1);
    assert_eq!(agent.run("proxy status extra").code, 1);
}

#[test]
fn no_proxy_is_no_failure() {
    let agent = Agent::new(&[("GET /v1/mesh/proxies", 200, "[]")]);
    let run = agent.run("proxy status");
    assert_eq!(
        (run.code, run.out.as_str(), run.err.is_empty()),
        (0, "", false)
    );
}
